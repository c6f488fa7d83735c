"""The audit: it passes sound models, and finds each fault alone."""

from gan_lib import data, networks
from gan_lib.audit import SECTIONS, audit
from gan_lib.gan import GAN
from gan_lib.wgan import WGAN
from gan_lib.wgan_gp import WGANGP

import pathlib
import re

import keras
import nbformat
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

NOTEBOOKS = pathlib.Path(__file__).parent.parent / "notebooks"


def generator(*last, normalised=False):
    model = keras.Sequential([keras.Input((3,)), layers.Dense(16)])
    if normalised:
        model.add(layers.BatchNormalization())
    model.add(layers.ReLU())
    model.add(layers.Dense(2))
    for layer in last:
        model.add(layer)
    return model


def opponent(*last, hidden=None):
    model = keras.Sequential([keras.Input((2,)), layers.Dense(16)])
    if hidden:
        model.add(hidden)
    model.add(layers.LeakyReLU(0.2))
    model.add(layers.Dense(1))
    for layer in last:
        model.add(layer)
    return model


def cross_entropy(target, logits):
    targets = tf.fill(tf.shape(logits), target)
    return tf.reduce_mean(
        tf.nn.sigmoid_cross_entropy_with_logits(targets, logits)
    )


class Small(keras.Model):
    """A GAN in few lines, whose parts can be exchanged."""

    def __init__(self, generator=None, discriminator=None):
        super().__init__()
        self.generator = generator or globals()["generator"]()
        self.discriminator = discriminator or opponent()
        self.seed_generator = keras.random.SeedGenerator(0)

    def compile(self, generator_optimizer, discriminator_optimizer):
        super().compile(optimizer=None)
        self.generator_optimizer = generator_optimizer
        self.discriminator_optimizer = discriminator_optimizer

    def latent(self, n):
        return keras.random.normal((n, 3), seed=self.seed_generator)

    def generate(self, n):
        return self.generator(self.latent(n), training=True)

    def train_step(self, real):
        n = tf.shape(real)[0]
        self.discriminator_step(real)
        self.generator_step(n)
        return {}

    def discriminator_step(self, real):
        generated = self.generate(tf.shape(real)[0])
        with tf.GradientTape() as tape:
            loss = self.discriminator_loss(real, generated)
        weights = self.discriminator.trainable_variables
        gradients = tape.gradient(loss, weights)
        self.discriminator_optimizer.apply(gradients, weights)

    def generator_step(self, n):
        with tf.GradientTape() as tape:
            generated = self.generate(n)
            loss = self.generator_loss(generated)
        weights = self.generator.trainable_variables
        self.generator_optimizer.apply(tape.gradient(loss, weights), weights)

    def discriminator_loss(self, real, generated):
        on_real = self.discriminator(real, training=True)
        on_generated = self.discriminator(generated, training=True)
        return cross_entropy(1.0, on_real) + cross_entropy(0.0, on_generated)

    def generator_loss(self, generated):
        return cross_entropy(1.0, self.discriminator(generated, training=True))


class Wasserstein(Small):
    """Three critic steps; a subclass limits the critic."""

    def __init__(self, generator=None, critic=None):
        super().__init__(generator, critic)
        self.critic = self.discriminator

    def train_step(self, real):
        for i in range(3):
            self.critic_step(real[i::3])
        self.generator_step(tf.shape(real)[0] // 3)
        return {}

    def critic_step(self, real):
        self.discriminator_step(real)

    def discriminator_loss(self, real, generated):
        on_real = self.critic(real, training=True)
        on_generated = self.critic(generated, training=True)
        return tf.reduce_mean(on_generated) - tf.reduce_mean(on_real)

    def generator_loss(self, generated):
        return -tf.reduce_mean(self.critic(generated, training=True))


class Clipped(Wasserstein):
    def critic_step(self, real):
        self.discriminator_step(real)
        self.clip(self.critic)

    def clip(self, network):
        for each in network.trainable_variables:
            each.assign(tf.clip_by_value(each, -0.05, 0.05))


class Penalised(Wasserstein):
    def discriminator_loss(self, real, generated):
        loss = super().discriminator_loss(real, generated)
        return loss + 10.0 * self.penalty(real, generated)

    def penalty(self, real, generated):
        points = self.points(real, generated)
        with tf.GradientTape() as tape:
            tape.watch(points)
            scores = self.critic(points, training=True)
        return self.charge(tape.gradient(scores, points))

    def points(self, real, generated):
        return real + self.draw_weights(real) * (generated - real)

    def draw_weights(self, real):
        shape = (tf.shape(real)[0], 1)
        return keras.random.uniform(shape, seed=self.seed_generator)

    def charge(self, gradients):
        squares = tf.reduce_sum(tf.square(gradients), axis=1)
        norms = tf.sqrt(squares + 1e-12)
        return tf.reduce_mean(tf.square(norms - 1.0))


# sound models


class LeastSquares(Small):
    real_target, generated_target, wanted = 1.0, 0.0, 1.0

    def squares(self, examples, target):
        scores = self.discriminator(examples, training=True)
        return tf.reduce_mean(tf.square(scores - target))

    def discriminator_loss(self, real, generated):
        loss = self.squares(real, self.real_target)
        return loss + self.squares(generated, self.generated_target)

    def generator_loss(self, generated):
        return self.squares(generated, self.wanted)


class LeastSquaresOfMao(LeastSquares):
    """The generator aims at 0, between the targets -1 and 1."""

    generated_target, wanted = -1.0, 0.0


class Hinge(Small):
    def discriminator_loss(self, real, generated):
        on_real = self.discriminator(real, training=True)
        on_generated = self.discriminator(generated, training=True)
        loss = tf.reduce_mean(tf.nn.relu(1.0 - on_real))
        return loss + tf.reduce_mean(tf.nn.relu(1.0 + on_generated))

    def generator_loss(self, generated):
        return -tf.reduce_mean(self.discriminator(generated, training=True))


class Probabilities(Small):
    """A sigmoid, and Keras's cross-entropy of probabilities."""

    def __init__(self):
        super().__init__(discriminator=opponent(layers.Activation("sigmoid")))
        self.entropy = keras.losses.BinaryCrossentropy()

    def discriminator_loss(self, real, generated):
        on_real = self.discriminator(real, training=True)
        on_generated = self.discriminator(generated, training=True)
        loss = self.entropy(tf.ones_like(on_real), on_real)
        return loss + self.entropy(tf.zeros_like(on_generated), on_generated)

    def generator_loss(self, generated):
        scores = self.discriminator(generated, training=True)
        return self.entropy(tf.ones_like(scores), scores)


class Saturating(Small):
    def generator_loss(self, generated):
        return -cross_entropy(0.0, self.discriminator(generated, training=True))


class Smoothed(Small):
    def discriminator_loss(self, real, generated):
        on_real = self.discriminator(real, training=True)
        on_generated = self.discriminator(generated, training=True)
        return cross_entropy(0.9, on_real) + cross_entropy(0.0, on_generated)


class TurnedRound(Wasserstein):
    """Low scores for real examples, for both players: as good as the other."""

    def discriminator_loss(self, real, generated):
        return -super().discriminator_loss(real, generated)

    def generator_loss(self, generated):
        return -super().generator_loss(generated)

    def critic_step(self, real):
        Clipped.critic_step(self, real)

    def clip(self, network):
        Clipped.clip(self, network)


class R1(Small):
    """The penalty of Mescheder et al. 2018, at real examples, drawn to 0."""

    def discriminator_loss(self, real, generated):
        loss = super().discriminator_loss(real, generated)
        with tf.GradientTape() as tape:
            tape.watch(real)
            logits = self.discriminator(real, training=True)
        squares = tf.square(tape.gradient(logits, real))
        return loss + 5.0 * tf.reduce_mean(tf.reduce_sum(squares, axis=1))


class OneSided(Penalised):
    def charge(self, gradients):
        norms = tf.norm(gradients + 1e-12, axis=1)
        return tf.reduce_mean(tf.square(tf.nn.relu(norms - 1.0)))


class OneTape(Small):
    """Both losses on one persistent tape, with latent vectors of their own."""

    def train_step(self, real):
        n = tf.shape(real)[0]
        with tf.GradientTape(persistent=True) as tape:
            loss = self.discriminator_loss(real, self.generate(n))
            generator_loss = self.generator_loss(self.generate(n))
        for each, network, optimizer in [
            (loss, self.discriminator, self.discriminator_optimizer),
            (generator_loss, self.generator, self.generator_optimizer),
        ]:
            weights = network.trainable_variables
            gradients = tape.gradient(each, weights)
            optimizer.apply_gradients(zip(gradients, weights, strict=True))
        return {}


class AtOnce(Small):
    """Both players learn from the same call, before either has moved."""

    def train_step(self, real):
        with tf.GradientTape() as tape, tf.GradientTape() as generator_tape:
            generated = self.generate(tf.shape(real)[0])
            on_real = self.discriminator(real, training=True)
            on_generated = self.discriminator(generated, training=True)
            generator_loss = cross_entropy(1.0, on_generated)
            loss = cross_entropy(1.0, on_real)
            loss += cross_entropy(0.0, on_generated)
        weights = self.discriminator.trainable_variables
        others = self.generator.trainable_variables
        gradients = tape.gradient(loss, weights)
        of_generator = generator_tape.gradient(generator_loss, others)
        self.discriminator_optimizer.apply(gradients, weights)
        self.generator_optimizer.apply(of_generator, others)
        return {}


class WithFeatures(Small):
    """The discriminator answers with a score and with its hidden layer."""

    def __init__(self):
        inputs = keras.Input((2,))
        hidden = layers.Dense(16, "relu")(inputs)
        outputs = [hidden, layers.Dense(1)(hidden)]
        super().__init__(discriminator=keras.Model(inputs, outputs))

    def discriminator_loss(self, real, generated):
        on_real = self.discriminator(real, training=True)[1]
        on_generated = self.discriminator(generated, training=True)[1]
        return cross_entropy(1.0, on_real) + cross_entropy(0.0, on_generated)

    def generator_loss(self, generated):
        scores = self.discriminator(generated, training=True)[1]
        return cross_entropy(1.0, scores)


class TwoClasses(Small):
    """A softmax of two classes: this loss is not read, and not blamed."""

    def __init__(self):
        super().__init__(
            discriminator=keras.Sequential([keras.Input((2,)), layers.Dense(2)])
        )

    def entropy(self, examples, label):
        scores = self.discriminator(examples, training=True)
        labels = tf.fill((tf.shape(examples)[0],), label)
        return tf.reduce_mean(
            keras.losses.sparse_categorical_crossentropy(
                labels, scores, from_logits=True
            )
        )

    def discriminator_loss(self, real, generated):
        return self.entropy(real, 1) + self.entropy(generated, 0)

    def generator_loss(self, generated):
        return self.entropy(generated, 1)


class EachFifthStep(Clipped):
    """A critic step in each step, a generator step in each fifth."""

    def __init__(self):
        super().__init__()
        self.count = 0

    def train_step(self, real):
        self.critic_step(real)
        self.count += 1
        if self.count % 5 == 0:
            self.generator_step(tf.shape(real)[0])
        return {}


class OneCall(Small):
    """Real and generated examples in one call, as Keras's own example has."""

    def discriminator_loss(self, real, generated):
        n = tf.shape(real)[0]
        both = tf.concat([generated, real], axis=0)
        targets = tf.concat([tf.zeros((n, 1)), tf.ones((n, 1))], axis=0)
        scores = self.discriminator(both, training=True)
        return tf.reduce_mean(
            tf.nn.sigmoid_cross_entropy_with_logits(targets, scores)
        )


class TwoHalves(Small):
    """The discriminator learns from real and from generated apart."""

    def discriminator_step(self, real):
        generated = self.generate(tf.shape(real)[0])
        weights = self.discriminator.trainable_variables
        for examples, target in [(real, 1.0), (generated, 0.0)]:
            with tf.GradientTape() as tape:
                scores = self.discriminator(examples, training=True)
                loss = cross_entropy(target, scores)
            gradients = tape.gradient(loss, weights)
            self.discriminator_optimizer.apply(gradients, weights)


class Toggled(Small):
    """Freezes by the attribute `trainable`."""

    def generator_step(self, n):
        self.discriminator.trainable = False
        super().generator_step(n)
        self.discriminator.trainable = True


class Constrained(Wasserstein):
    """Clipping as a constraint of Keras, within the optimizer's step."""

    def __init__(self):
        class Within(keras.constraints.Constraint):
            def __call__(self, weights):
                return tf.clip_by_value(weights, -0.05, 0.05)

        critic = keras.Sequential([keras.Input((2,))])
        options = {"kernel_constraint": Within(), "bias_constraint": Within()}
        critic.add(layers.Dense(16, "relu", **options))
        critic.add(layers.Dense(1, **options))
        super().__init__(critic=critic)


class OwnNetwork(keras.Model):
    """A network as a class, which knows no `input_shape`."""

    def __init__(self, size, hidden):
        super().__init__()
        self.hidden = hidden
        self.last = layers.Dense(size)

    def call(self, inputs, training=False):
        return self.last(tf.nn.relu(self.hidden(inputs)))


def own_networks(called=True):
    of_generator = OwnNetwork(2, layers.Dense(16))
    of_opponent = OwnNetwork(1, layers.SpectralNormalization(layers.Dense(16)))
    if called:
        of_generator(tf.zeros((1, 3)))
        of_opponent(tf.zeros((1, 2)))
    return of_generator, of_opponent


def of_library(model_class, *arguments, convolutional=False):
    if convolutional:
        return model_class(
            networks.convolutional_generator(filters=4, hidden_units=16),
            networks.convolutional_discriminator(filters=4),
            *arguments,
            seed=0,
        )
    pair = networks.dense_generator(), networks.dense_discriminator()
    return model_class(*pair, *arguments, seed=0)


def smallest(chapter, *arguments):
    """The smallest class of a chapter, from its cell."""
    notebook = nbformat.read(NOTEBOOKS / f"{chapter}.ipynb", as_version=4)
    source = next(
        cell.source for cell in notebook.cells if cell.id == "smallest"
    )
    names = {"keras": keras, "tf": tf}
    exec(source, names)
    name = re.search(r"class (\w+)", source).group(1)
    if chapter.startswith("02"):
        return of_library(
            lambda *pair, seed: names[name](*pair, seed=seed),
            convolutional=True,
        )
    return of_library(names[name], *arguments)


SOUND = {
    "GAN": lambda: of_library(GAN),
    "WGAN": lambda: of_library(WGAN, 2),
    "WGANGP": lambda: of_library(WGANGP, 2),
    "WGANGP, one critic step": lambda: of_library(WGANGP, 1),
    "GAN of images": lambda: of_library(GAN, convolutional=True),
    "SmallestGAN": lambda: smallest("02_vanilla_gan"),
    "SmallestWGAN": lambda: smallest("06_wgan", 2, 0.01),
    "own GAN": Small,
    "saturating": Saturating,
    "smoothed labels": Smoothed,
    "least squares": LeastSquares,
    "least squares of Mao": LeastSquaresOfMao,
    "hinge": Hinge,
    "probabilities": Probabilities,
    "clipped": Clipped,
    "clipped by a constraint": Constrained,
    "turned round": TurnedRound,
    "penalised": Penalised,
    "one-sided penalty": OneSided,
    "R1": R1,
    "one tape": OneTape,
    "both at once": AtOnce,
    "one call": OneCall,
    "a discriminator of two outputs": WithFeatures,
    "two classes": TwoClasses,
    "a generator step in each fifth step": EachFifthStep,
    "networks as classes": lambda: Small(*own_networks()),
    "spectral normalisation": lambda: Wasserstein(*own_networks()),
    "two halves": TwoHalves,
    "toggled": Toggled,
    "normalised generator": lambda: Small(generator(normalised=True)),
    "batch normalisation under a GAN": lambda: Small(
        discriminator=opponent(hidden=layers.BatchNormalization())
    ),
    "layer normalisation under a penalty": lambda: Penalised(
        critic=opponent(hidden=layers.LayerNormalization())
    ),
}


# models with one fault


class NormalWeights(Penalised):
    def draw_weights(self, real):
        shape = (tf.shape(real)[0], 1)
        return keras.random.normal(shape, seed=self.seed_generator)


class WeightsBeyondTheEnds(Penalised):
    """Normal with the mean and the spread of the uniform distribution."""

    def draw_weights(self, real):
        return keras.random.normal(
            (tf.shape(real)[0], 1), 0.5, 0.29, seed=self.seed_generator
        )


class SameWeightsInEachStep(Penalised):
    def draw_weights(self, real):
        return keras.random.uniform((tf.shape(real)[0], 1), seed=3)


class WeightOfEachNumber(Penalised):
    def draw_weights(self, real):
        return keras.random.uniform(tf.shape(real), seed=self.seed_generator)


class WeightOfTheBatch(Penalised):
    def draw_weights(self, real):
        return keras.random.uniform((), seed=self.seed_generator)


class NormOfOtherAxes(Penalised):
    def charge(self, gradients):
        norms = tf.sqrt(tf.reduce_sum(tf.square(gradients), axis=0) + 1e-12)
        return tf.reduce_mean(tf.square(norms - 1.0))


class NormOfTheBatch(Penalised):
    def charge(self, gradients):
        norm = tf.sqrt(tf.reduce_sum(tf.square(gradients)) + 1e-12)
        return tf.square(norm - 1.0)


class DistanceOfTheMean(Penalised):
    """The mean norm is drawn to 1, not each of them."""

    def charge(self, gradients):
        norms = tf.norm(gradients + 1e-12, axis=1)
        return tf.square(tf.reduce_mean(norms) - 1.0)


class SlopeOfTheMeanScore(Penalised):
    def penalty(self, real, generated):
        points = self.points(real, generated)
        with tf.GradientTape() as tape:
            tape.watch(points)
            score = tf.reduce_mean(self.critic(points, training=True))
        return self.charge(tape.gradient(score, points))


class MeanOfSquares(Penalised):
    def charge(self, gradients):
        norms = tf.sqrt(tf.reduce_mean(tf.square(gradients), axis=1) + 1e-12)
        return tf.reduce_mean(tf.square(norms - 1.0))


class BareRoot(Penalised):
    def charge(self, gradients):
        norms = tf.sqrt(tf.reduce_sum(tf.square(gradients), axis=1))
        return tf.reduce_mean(tf.square(norms - 1.0))


class NeverAdded(Penalised):
    def discriminator_loss(self, real, generated):
        self.penalty(real, generated)
        return Wasserstein.discriminator_loss(self, real, generated)


class Subtracted(Penalised):
    def discriminator_loss(self, real, generated):
        loss = Wasserstein.discriminator_loss(self, real, generated)
        return loss - 10.0 * self.penalty(real, generated)


class AtRealOnly(Penalised):
    def points(self, real, generated):
        return tf.identity(real)


class AtGeneratedOnly(Penalised):
    def points(self, real, generated):
        return tf.identity(generated)


class OneMinibatch(Clipped):
    def train_step(self, real):
        for _ in range(3):
            self.critic_step(real)
        self.generator_step(tf.shape(real)[0])
        return {}


class SameLatentVectors(Small):
    def train_step(self, real):
        self.drawn = super().latent(tf.shape(real)[0])
        return super().train_step(real)

    def latent(self, n):
        return self.drawn


class FixedLatentVectors(Small):
    def latent(self, n):
        return tf.random.stateless_normal((n, 3), (0, 0))


class OneLatentVectorABatch(Small):
    def latent(self, n):
        return tf.repeat(super().latent(1), n, axis=0)


class GeneratedOnceForAllSteps(Clipped):
    """The same generated examples in each critic step."""

    def train_step(self, real):
        self.drawn = super().generate(tf.shape(real)[0] // 3)
        for i in range(3):
            self.critic_step(real[: len(self.drawn) * 3][i::3])
        self.drawn = None
        self.generator_step(tf.shape(real)[0] // 3)
        return {}

    def generate(self, n):
        return super().generate(n) if self.drawn is None else self.drawn


class ClipBefore(Clipped):
    def critic_step(self, real):
        self.clip(self.critic)
        self.discriminator_step(real)


class ClipOnceAtTheEnd(Clipped):
    def critic_step(self, real):
        self.discriminator_step(real)

    def generator_step(self, n):
        self.clip(self.critic)
        super().generator_step(n)


class ClipAroundTheRound(ClipBefore):
    def train_step(self, real):
        logs = super().train_step(real)
        self.clip(self.critic)
        return logs


class ClipBoth(Clipped):
    def critic_step(self, real):
        super().critic_step(real)
        self.clip(self.generator)


class TurnedGenerator(Small):
    def generator_loss(self, generated):
        return -super().generator_loss(generated)


class TurnedGeneratorOfWGAN(Clipped):
    def generator_loss(self, generated):
        return -super().generator_loss(generated)


class TurnedCritic(Clipped):
    def discriminator_loss(self, real, generated):
        return -super().discriminator_loss(real, generated)


class TurnedGeneratorWithFeatures(WithFeatures):
    def generator_loss(self, generated):
        return -super().generator_loss(generated)


class SwappedLabels(Small):
    def discriminator_loss(self, real, generated):
        return super().discriminator_loss(generated, real)


class GeneratedCalledReal(Small):
    def discriminator_loss(self, real, generated):
        on_real = self.discriminator(real, training=True)
        on_generated = self.discriminator(generated, training=True)
        return cross_entropy(1.0, on_real) + cross_entropy(1.0, on_generated)


class GeneratedNotInTheLoss(Small):
    def discriminator_loss(self, real, generated):
        return cross_entropy(1.0, self.discriminator(real, training=True))


class RealNotInTheLoss(Penalised):
    def discriminator_loss(self, real, generated):
        score = tf.reduce_mean(self.critic(generated, training=True))
        return score + 10.0 * self.penalty(real, generated)


class LogitsAsProbabilities(Probabilities):
    def __init__(self):
        super().__init__()
        self.discriminator = opponent()


class SigmoidTwice(Small):
    def __init__(self):
        super().__init__(discriminator=opponent(layers.Activation("sigmoid")))


class NotFrozen(Small):
    def generator_step(self, n):
        with tf.GradientTape() as tape:
            loss = self.generator_loss(self.generate(n))
        own = self.generator.trainable_variables
        others = self.discriminator.trainable_variables
        gradients = tape.gradient(loss, own + others)
        self.generator_optimizer.apply(gradients[: len(own)], own)
        self.discriminator_optimizer.apply(gradients[len(own) :], others)


class NotFrozenOneStep(Small):
    def generator_step(self, n):
        with tf.GradientTape() as tape:
            loss = self.generator_loss(self.generate(n))
        weights = self.trainable_variables
        optimizer = self.generator_optimizer
        optimizer.apply(tape.gradient(loss, weights), weights)


class FrozenForEver(Small):
    def discriminator_step(self, real):
        pass


class FrozenAfterTheFirstStep(Small):
    """As by `Toggled`, without the way back."""

    def discriminator_step(self, real):
        if self.discriminator.trainable:
            super().discriminator_step(real)

    def generator_step(self, n):
        self.discriminator.trainable = False
        super().generator_step(n)


class FrozenByAttribute(Small):
    """`trainable` is turned off once and never on again."""

    def train_step(self, real):
        self.generator_step(tf.shape(real)[0])
        self.discriminator.trainable = False
        self.discriminator_step(real)
        return {}


class GeneratorNeverTrained(Small):
    def generator_step(self, n):
        with tf.GradientTape() as tape:
            loss = self.generator_loss(self.generate(n))
        tape.gradient(loss, self.generator.trainable_variables)


class NeverTrainedAtFixedBatchSize(GeneratorNeverTrained):
    def discriminator_step(self, real):
        super().discriminator_step(tf.ensure_shape(real, (64, 2)))


class DetachedGenerator(Small):
    def generator_step(self, n):
        generated = self.generate(n)
        with tf.GradientTape() as tape:
            loss = self.generator_loss(generated)
        weights = self.generator.trainable_variables
        self.generator_optimizer.apply(tape.gradient(loss, weights), weights)


class WrongWeights(Small):
    """The generator's loss moves the discriminator instead."""

    def generator_step(self, n):
        with tf.GradientTape() as tape:
            loss = self.generator_loss(self.generate(n))
        weights = self.discriminator.trainable_variables
        optimizer = self.discriminator_optimizer
        optimizer.apply(tape.gradient(loss, weights), weights)


class InferenceMode(Small):
    def __init__(self):
        super().__init__(generator(normalised=True))

    def generate(self, n):
        return self.generator(self.latent(n), training=False)


class OneOptimizer(Small):
    def compile(self, generator_optimizer, discriminator_optimizer):
        super().compile(generator_optimizer, generator_optimizer)


FAULTY = {
    NormalWeights: {"interpolation weights"},
    WeightsBeyondTheEnds: {"interpolation weights"},
    SameWeightsInEachStep: {"interpolation weights"},
    WeightOfEachNumber: {"interpolation weights"},
    WeightOfTheBatch: {"interpolation weights"},
    NormOfOtherAxes: {"norm of the gradient"},
    NormOfTheBatch: {"norm of the gradient"},
    DistanceOfTheMean: {"norm of the gradient"},
    SlopeOfTheMeanScore: {"norm of the gradient"},
    MeanOfSquares: {"norm of the gradient"},
    BareRoot: {"gradient 0"},
    NeverAdded: {"penalty in the loss"},
    Subtracted: {"penalty in the loss"},
    AtRealOnly: {"points of the penalty"},
    AtGeneratedOnly: {"points of the penalty"},
    OneMinibatch: {"fresh minibatches"},
    SameLatentVectors: {"fresh latent vectors"},
    FixedLatentVectors: {"fresh latent vectors"},
    OneLatentVectorABatch: {"fresh latent vectors"},
    GeneratedOnceForAllSteps: {"fresh latent vectors"},
    ClipBefore: {"weight clipping"},
    ClipOnceAtTheEnd: {"weight clipping"},
    ClipAroundTheRound: {"weight clipping"},
    Wasserstein: {"weight clipping"},
    ClipBoth: {"generator not clipped"},
    lambda: Penalised(critic=opponent(hidden=layers.BatchNormalization())): {
        "normalisation"
    },
    TurnedGenerator: {"generator's loss"},
    TurnedGeneratorOfWGAN: {"generator's loss"},
    TurnedGeneratorWithFeatures: {"generator's loss"},
    TurnedCritic: {"discriminator's loss"},
    SwappedLabels: {"discriminator's loss"},
    GeneratedCalledReal: {"discriminator's loss"},
    lambda: Clipped(critic=opponent(layers.Activation("sigmoid"))): {
        "output activation"
    },
    GeneratedNotInTheLoss: {"discriminator's loss"},
    RealNotInTheLoss: {"discriminator's loss"},
    LogitsAsProbabilities: {"output activation"},
    SigmoidTwice: {"output activation"},
    NotFrozen: {"discriminator frozen in the generator's step"},
    NotFrozenOneStep: {"discriminator frozen in the generator's step"},
    FrozenForEver: {"discriminator trained"},
    FrozenAfterTheFirstStep: {"discriminator trained"},
    FrozenByAttribute: {"discriminator trained"},
    GeneratorNeverTrained: {"generator trained"},
    NeverTrainedAtFixedBatchSize: {"generator trained"},
    DetachedGenerator: {"generator trained"},
    WrongWeights: {
        "generator trained",
        "discriminator frozen in the generator's step",
    },
    InferenceMode: {"training mode"},
    OneOptimizer: {"optimizers"},
}


def name_of(make):
    return getattr(make, "__name__", str(make))


def report_on(make, real=None):
    keras.utils.set_random_seed(1)
    model = make()
    model.compile(keras.optimizers.Adam(), keras.optimizers.Adam())
    if real is None:
        shape = getattr(model.generator, "output_shape", ())
        of_images = len(shape) == 4
        real = data.load_images()[0] if of_images else data.ring()[0]
    return audit(model, real[:128])


@pytest.mark.parametrize("name", SOUND)
def test_sound_models_pass(name):
    report = report_on(SOUND[name])
    assert report.passed, str(report)


@pytest.mark.parametrize("make", FAULTY, ids=name_of)
def test_each_fault_is_found_and_nothing_else(make):
    report = report_on(make)
    assert set(report.faults) == FAULTY[make], str(report)


def test_data_outside_of_the_range():
    """Whether the model itself refuses them, as the library's do, or not."""
    for make in (
        lambda: Small(generator(layers.Activation("tanh"))),
        lambda: of_library(GAN, convolutional=True),
    ):
        keras.utils.set_random_seed(1)
        model = make()
        model.compile(keras.optimizers.Adam(), keras.optimizers.Adam())
        shape = model.discriminator.input_shape[1:]
        for high in (1, 255):
            real = np.random.default_rng(0).uniform(0, high, (64, *shape))
            assert audit(model, real).faults == ["range of the data"]


def test_data_that_the_model_scales_itself():
    class Scaling(Small):
        def train_step(self, real):
            return super().train_step(real / 127.5 - 1.0)

    model = Scaling(generator(layers.Activation("tanh")))
    model.compile(keras.optimizers.Adam(), keras.optimizers.Adam())
    real = np.random.default_rng(0).uniform(0, 255, (64, 2))
    report = audit(model, real)
    assert report.passed and report.findings[0].passed is None


def test_all_is_put_back():
    """Training goes on as if there had been no audit."""
    runs = []
    for audited in (True, False):
        keras.utils.set_random_seed(1)
        gan = GAN(
            networks.dense_generator(units=(8,)),
            keras.Sequential(
                [keras.Input((2,)), layers.Dropout(0.5), layers.Dense(1)]
            ),
            seed=3,
        )
        gan.compile("adam", "adam")
        real = data.ring()[0][:64]
        for _ in range(2):
            if audited:
                audit(gan, real)
            gan.fit(real, epochs=1, shuffle=False, verbose=0)
        variables = [*gan.variables, *gan.generator_optimizer.variables]
        runs.append([np.array(each) for each in variables])
        assert gan.discriminator.layers[0].rate == 0.5
        assert not tf.config.functions_run_eagerly()
    for a, b in zip(*runs, strict=True):
        np.testing.assert_array_equal(a, b)


def test_all_is_put_back_after_an_error():
    class Broken(Small):
        def generator_step(self, n):
            raise KeyError("broken on purpose")

    model = Broken()
    model.compile(keras.optimizers.Adam(), keras.optimizers.Adam())
    before = [np.array(each) for each in model.weights]
    originals = keras.Layer.__call__, tf.GradientTape.gradient
    with pytest.raises(ValueError, match="broken on purpose"):
        audit(model, data.ring()[0][:64])
    for a, b in zip(before, model.weights, strict=True):
        np.testing.assert_array_equal(a, b)
    assert (keras.Layer.__call__, tf.GradientTape.gradient) == originals


def test_other_names():
    class Named(keras.Model):
        """The networks have names of their own, the data have labels."""

        def __init__(self, inner):
            super().__init__()
            self.inner, self.artist = inner, inner.generator
            self.judge = inner.discriminator

        def train_step(self, real):
            return self.inner.train_step(real)

    inner = Small()
    inner.compile(keras.optimizers.Adam(), keras.optimizers.Adam())
    model = Named(inner)
    model.compile()
    report = audit(model, data.ring()[0][:64], "artist", "judge")
    assert report.passed
    assert "judge trained" in [each.check for each in report.findings]


def test_a_report_is_a_table_and_data():
    report = report_on(SwappedLabels)
    finding = next(each for each in report.findings if each.passed is False)
    assert finding.check == "discriminator's loss"
    assert "real examples down" in finding.observed
    for text in (str(report), report._repr_html_()):
        assert finding.observed in text
        assert finding.expected in text
        assert finding.section in text
    assert not report.passed
    assert str(report).endswith("1 fault found")


@pytest.mark.parametrize("chapter, heading", SECTIONS.values())
def test_the_sections_exist(chapter, heading):
    notebook = nbformat.read(NOTEBOOKS / f"{chapter}.ipynb", as_version=4)
    lines = [
        line for cell in notebook.cells for line in cell.source.split("\n")
    ]
    assert f"## {heading}" in lines


REAL = data.ring()[0][:64]


@pytest.mark.parametrize(
    "change, real, message",
    [
        (lambda model: "a model", REAL, "expected a keras.Model"),
        (lambda model: model.generator, REAL, "no train_step of its own"),
        (lambda model: Small(), REAL, "not compiled"),
        (lambda model: model, REAL[:20], "received 20 different"),
        (lambda model: model, REAL[:, :1], "received real examples of shape"),
        (lambda model: model, REAL.astype(int), "expected float"),
        (lambda model: model, REAL * np.nan, "NaN"),
    ],
)
def test_bad_input(change, real, message):
    model = Small()
    model.compile(keras.optimizers.Adam(), keras.optimizers.Adam())
    with pytest.raises(ValueError, match=message):
        audit(change(model), real)


def test_a_batch_size_that_is_no_size():
    with pytest.raises(ValueError, match="batch_size is 0"):
        audit(Small(), REAL, batch_size=0)


def test_a_network_that_is_not_there():
    model = Small()
    model.compile(keras.optimizers.Adam(), keras.optimizers.Adam())
    with pytest.raises(ValueError, match="'critic' is None; expected the"):
        audit(model, REAL, opponent="critic")


def test_a_network_without_weights():
    model = Small(*own_networks(called=False))
    model.compile(keras.optimizers.Adam(), keras.optimizers.Adam())
    with pytest.raises(ValueError, match="generator has no weights yet"):
        audit(model, data.ring()[0])

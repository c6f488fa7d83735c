"""Trains WGANs of digits by the paper's recipe: `make paper-recipe`.

Arjovsky et al. 2017, Algorithm 1 and the authors' code: RMSprop at the
constant rate 5e-5 for both networks, clip value 0.01, minibatches of 64, five
critic steps for one of the generator, but 100 for each of the first 25, and
batch normalisation in both networks, with the epsilon of their framework. The
networks are chapter 06's. They are narrow, so two more runs change what narrow
networks need: the critic's batch normalisation has no learnt scale, which
clipping would make small, and the rate is ten times as high.

What was seen on the way goes to results/06_paper_recipe.npz, with a hash of
this code and the library's, which a test compares with today's.
"""

# gan_lib first: it starts TensorFlow without its messages
from gan_lib import data, metrics, networks  # isort: skip
from gan_lib.wgan import WGAN  # isort: skip

import pathlib

import keras
import numpy as np
import tensorflow as tf
from code_hash import hash_with_library
from keras import layers

RESULTS = pathlib.Path(__file__).resolve().parent / "results"
FILE = RESULTS / "06_paper_recipe.npz"
FILTERS = 8
LOOKS = 20
RUNS = {  # rate, learnt scale, seed, rounds
    "changed, seed 0": (5e-4, False, 0, 5_000),
    "changed, seed 1": (5e-4, False, 1, 5_000),
    "as published, seed 0": (5e-5, True, 0, 4_000),
}
KERNEL_EDGES = np.linspace(-0.0105, 0.0105, 22)  # of a histogram


def normalised(critic, scale):
    """A critic with batch normalisation after each hidden layer but the first.

    Radford et al. 2016, whose networks the paper takes.
    """
    hidden = [layer for layer in critic.layers if layer.weights][1:-1]
    body = keras.Sequential([keras.Input(critic.input_shape[1:])])
    for layer in critic.layers:
        body.add(layer)
        if layer in hidden:
            body.add(layers.BatchNormalization(epsilon=1e-5, scale=scale))
    return body


def many_critic_steps(wgan, batches):
    """25 rounds of 100 critic steps and one of the generator."""
    critic_step = tf.function(wgan.update_critic)
    generator_step = tf.function(wgan.update_generator)
    batches = iter(batches)
    for _ in range(25):
        for _ in range(100):
            critic_step(next(batches))
        generator_step(64)


def train(rate, learnt_scale, seed, rounds):
    """Returns what was seen: steps, estimates, distances and images."""
    images, _ = data.load_images()
    keras.utils.set_random_seed(seed)
    size = {"filters": FILTERS, "hidden_units": 8 * FILTERS}
    wgan = WGAN(
        networks.convolutional_generator(latent_dim=32, **size),
        normalised(
            networks.convolutional_discriminator(dropout=0.0, **size),
            learnt_scale,
        ),
        critic_steps=5,
        clip_value=0.01,
        seed=seed,
    )
    wgan.compile(
        keras.optimizers.RMSprop(rate),
        keras.optimizers.RMSprop(rate),
        steps_per_execution=20,
    )
    many_critic_steps(wgan, data.batches(images, 64, seed).repeat())

    latent, real = wgan.draw_latent(10, seed=0), metrics.digit_features(images)
    seen = {"step": [], "estimate": [], "distance": [], "images": []}
    epoch_steps = rounds // LOOKS

    def after_epoch(epoch, logs):
        generated = metrics.digit_features(wgan.sample(2000, seed=0))
        seen["step"].append((epoch + 1) * epoch_steps)
        seen["estimate"].append(logs["wasserstein_estimate"])
        seen["distance"].append(metrics.frechet_distance(real, generated))
        pixels = wgan(latent).numpy()
        seen["images"].append(np.uint8((pixels + 1) * 127.5))
        print(
            f"rate {rate}, seed {seed}, round {seen['step'][-1]}: "
            f"distance {seen['distance'][-1]:.0f}",
            flush=True,
        )

    wgan.fit(
        data.batches(images, 5 * 64, seed).repeat(),
        epochs=LOOKS,
        steps_per_epoch=epoch_steps,
        callbacks=[keras.callbacks.LambdaCallback(on_epoch_end=after_epoch)],
        shuffle=False,
        verbose=0,
    )
    weights = [each.numpy() for each in wgan.critic.trainable_variables]
    kernels = np.concatenate([w.ravel() for w in weights if w.ndim > 1])
    return seen | {"kernels": np.histogram(kernels, KERNEL_EDGES)[0]}


def main():
    arrays = {"code": hash_with_library(pathlib.Path(__file__).read_text())}
    for name, options in RUNS.items():
        for what, values in train(*options).items():
            arrays[f"{name}/{what}"] = values
        np.savez_compressed(FILE, **arrays)


if __name__ == "__main__":
    main()

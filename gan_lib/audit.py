"""An audit of anybody's GAN: runs a few training steps and watches them.

    report = audit(model, real)
    print(report)

It knows nothing of the code of `train_step`. It watches what the two networks
are given and what they answer, which gradients are asked for, and what the
optimizers do with them.
"""

import contextlib
import dataclasses
import html
import itertools

import keras
import numpy as np
import tensorflow as tf
from scipy import special, stats

# where the course explains what a check asks for
SECTIONS = {
    "by hand": ("02_vanilla_gan", "4. One training step, by hand"),
    "frozen": (
        "02_vanilla_gan",
        "5. Freezing the discriminator: one wrong way and two others",
    ),
    "smallest": ("02_vanilla_gan", "6. The smallest GAN class"),
    "generator": (
        "02_vanilla_gan",
        "3. The generator turns numbers into an image",
    ),
    "algorithm": ("01_adversarial_game", "3. Algorithm 1"),
    "two losses": ("01_adversarial_game", "11. Two losses for the generator"),
    "digits": ("02_vanilla_gan", "1. The digits"),
    "no sigmoid": ("06_wgan", "6. No sigmoid, and labels 1 and -1"),
    "smallest WGAN": ("06_wgan", "7. The smallest WGAN"),
    "penalty": ("07_wgan_gp", "2. The penalty"),
    "changes": ("07_wgan_gp", "3. Three changes from WGAN"),
}


@dataclasses.dataclass(frozen=True)
class Finding:
    """What one check found.

    Attributes:
        check: name of the check.
        passed: True or False; None where it does not apply to this model, or
            could not be made.
        observed: what was seen, in words and numbers.
        expected: what a sound model shows.
        section: chapter and section of the course that explain it.
    """

    check: str
    passed: bool | None
    observed: str
    expected: str
    section: str


class Report:
    """The findings of an audit: a table when printed, and data.

    Attributes:
        findings: list of `Finding`.
    """

    def __init__(self, findings):
        self.findings = findings

    @property
    def faults(self):
        """Names of the checks that failed, a list."""
        return [each.check for each in self.findings if each.passed is False]

    @property
    def passed(self):
        """Whether no check failed."""
        return not self.faults

    def __str__(self):
        lines = []
        for each in self.findings:
            mark = {True: "ok", False: "FAULT", None: "-"}[each.passed]
            lines.append(f"{mark:<6}{each.check}: {each.observed}")
            if each.passed is False:
                lines.append(f"      expected: {each.expected}")
                lines.append(f"      see: {each.section}")
        found = len(self.faults)
        verdict = {0: "no fault found", 1: "1 fault found"}
        lines.append(verdict.get(found, f"{found} faults found"))
        return "\n".join(lines)

    def __repr__(self):
        return f"<Report: {len(self.findings)} checks, faults {self.faults}>"

    def _repr_html_(self):
        head = ["", "check", "observed", "expected", "section"]
        rows = [head]
        for each in self.findings:
            mark = {True: "ok", False: "<b>fault</b>", None: "-"}[each.passed]
            texts = [each.check, each.observed, each.expected, each.section]
            rows.append([mark, *map(html.escape, texts)])
        body = ""
        for row in rows:
            cells = [
                f"<td style='text-align: left'>{text}</td>" for text in row
            ]
            body += "<tr>" + "".join(cells) + "</tr>"
        return f"<table>{body}</table>"


def audit(model, real, generator="generator", opponent=None, batch_size=64):
    """Looks for known faults in a model that trains a GAN.

    The model's own `train_step` is run six times, eagerly (or six times five
    times, if one of the networks is not trained in each step): twice as it is,
    twice with the opponent's scores and its gradients by its input exchanged
    for chosen ones, from which the losses and a penalty are read off, once
    with large weights and once with the opponent's weights at 0. Each starts
    from the same weights. Layers of dropout and noise are still meanwhile. Weights,
    optimizers and seed generators are put back afterwards. (Draws from the
    global generators of TensorFlow and Keras are not.) Only the steps of Keras
    optimizers are known as such.

    Args:
        model: compiled Keras model whose `train_step` takes real examples.
        real: float array or tensor (n, ...), n at least 32; those that the
            model is trained on, scaled as they are for training.
        generator: name of the attribute that holds the generator.
        opponent: the same for the discriminator or the critic; None looks for
            `discriminator`, then for `critic`.
        batch_size: real examples in each training step; two batches are used,
            or as much of them as there is.

    Returns:
        `Report`.

    Raises:
        ValueError: if the model has no such network, no `train_step` of its
            own or is not compiled, if the examples or the batch size do not
            fit, or if a training step fails for a reason that is no finding.
    """
    if batch_size < 1:
        raise ValueError(f"batch_size is {batch_size}; expected 1 or more")
    if opponent is None:
        has_discriminator = hasattr(model, "discriminator")
        opponent = "discriminator" if has_discriminator else "critic"
    networks = _networks_of(model, generator, opponent)
    real = _checked_examples(real, networks["opponent"])
    return _Audit(model, networks, opponent, real, batch_size).report()


def _networks_of(model, generator, opponent):
    if not isinstance(model, keras.Model):
        raise ValueError(f"received {type(model)}; expected a keras.Model")
    if type(model).train_step is keras.Model.train_step:
        raise ValueError(
            f"{type(model).__name__} has no train_step of its own; expected "
            "a keras.Model that trains both networks there"
        )
    networks = {}
    for role, name in {"generator": generator, "opponent": opponent}.items():
        network = getattr(model, name, None)
        if not isinstance(network, keras.Layer):
            raise ValueError(
                f"the model's attribute {name!r} is {network!r}; expected the "
                f"{role}, a Keras model. Other names can be passed: "
                "audit(model, real, generator='...', opponent='...')"
            )
        if _input_shape(network) is None:
            raise ValueError(
                f"the {name} has no weights yet; expected one with a "
                "keras.Input, or that has been called once"
            )
        networks[role] = network
    if networks["generator"] is networks["opponent"]:
        raise ValueError("received one network twice; expected two networks")
    if not getattr(model, "compiled", False):
        raise ValueError(
            "the model is not compiled; expected audit(model, real) after "
            "model.compile(...)"
        )
    return networks


def _checked_examples(real, opponent):
    real = np.asarray(real)
    if not np.issubdtype(real.dtype, np.floating):
        raise ValueError(
            f"received real examples of {real.dtype}; expected float"
        )
    real = real.astype("float32")
    if not np.isfinite(real).all():
        raise ValueError("received real examples with NaN or infinite numbers")
    shape = (None, *_input_shape(opponent)[1:])
    fits = real.ndim == len(shape) and all(
        want in (None, got) for want, got in zip(shape, real.shape, strict=True)
    )
    if not fits:
        raise ValueError(
            f"received real examples of shape {real.shape}; expected "
            f"{shape}, the discriminator's or critic's input"
        )
    rows = np.unique(real, axis=0, return_index=True)[1]
    if len(rows) < 32:
        raise ValueError(
            f"received {len(rows)} different real examples; expected 32 or more"
        )
    return real[np.sort(rows)]


class _Call:
    """One call of a network: what went in, what came out."""

    def __init__(self, role, time, inputs, outputs):
        self.role, self.time = role, time
        self.inputs, self.outputs = inputs, outputs
        self.scores = outputs  # after the exchange for chosen ones
        self.inference = False  # and in training it would give others
        self.upstream = {}  # of gradients, by their number


class _Gradient:
    """One call of a tape: by the weights of which networks, if of any."""

    def __init__(self, number, roles):
        self.number, self.roles = number, roles


class _InputGradient:
    """The gradient of a score by an input, as a penalty takes it."""

    def __init__(self, time, number, points, values):
        self.time, self.number = time, number  # the number of the gradient
        self.points, self.values = points, values
        self.upstream = None  # gradient of the loss by `values`


class _Update:
    """One step of an optimizer."""

    def __init__(self, time, roles, gradient):
        self.time, self.roles, self.gradient = time, roles, gradient
        self.moved = dict.fromkeys(("generator", "opponent"), 0.0)
        self.missing = False  # no gradient reached a single weight
        self.has_nan = False


class _Watch:
    """Watches the networks, the tapes and the optimizers in one step.

    Args:
        networks: dict, the two networks by role.
        weights: dict, their trainable weights by role.
        state: `_State`, told of optimizers before their first step.
        choose: None, or a number that scales the chosen gradients: scores and
            input gradients are then exchanged for chosen ones, so that the
            losses can be read off at known places.
    """

    def __init__(self, networks, weights, state, choose=None):
        self.networks, self.weights, self.choose = networks, weights, choose
        self.state = state
        self.rng = np.random.default_rng(0)
        self.clock, self.resting = 0, False
        self.number = None  # of the gradient that is being computed
        self.calls, self.gradients, self.input_gradients = [], [], []
        self.updates, self.outside = [], []  # changes by no optimizer
        self.users = {}  # optimizer to the roles that it was used for
        self.shared = False
        self.last_values = self._values()

    def tick(self):
        self.clock += 1
        return self.clock

    def _values(self):
        return {
            role: [np.array(each) for each in weights]
            for role, weights in self.weights.items()
        }

    def note_changes(self):
        """Notes which weights have changed since the last look."""
        values = self._values()
        changed = {}
        for role, new in values.items():
            pairs = zip(new, self.last_values[role], strict=True)
            largest = [np.abs(a - b).max(initial=0.0) for a, b in pairs]
            changed[role] = float(np.nan_to_num(max(largest, default=0.0)))
        self.last_values = values
        return changed

    def note_outside(self):
        for role, change in self.note_changes().items():
            if change > 0:
                self.outside.append((role, self.tick()))

    def roles_of(self, variables):
        known = {
            id(each): role
            for role, network in self.networks.items()
            for each in network.weights
        }
        return {known[id(v)] for v in variables if id(v) in known}

    # what is watched: three functions stand in for Keras's and TensorFlow's

    @contextlib.contextmanager
    def patches(self):
        layer_call = keras.Layer.__call__
        tape_gradient = tf.GradientTape.gradient
        apply = keras.optimizers.Optimizer.apply

        def watched_call(layer, *args, **kwargs):
            outputs = layer_call(layer, *args, **kwargs)
            for role, network in self.networks.items():
                if layer is network and not self.resting:
                    inputs = args[0] if args else next(iter(kwargs.values()))
                    return self.see_call(role, inputs, outputs)
            return outputs

        def watched_gradient(tape, target, sources, *args, **kwargs):
            return self.see_gradient(
                sources,
                lambda: tape_gradient(tape, target, sources, *args, **kwargs),
            )

        def watched_apply(optimizer, grads, trainable_variables=None):
            return self.see_update(optimizer, grads, trainable_variables, apply)

        keras.Layer.__call__ = watched_call
        tf.GradientTape.gradient = watched_gradient
        keras.optimizers.Optimizer.apply = watched_apply
        try:
            yield self
            self.note_outside()
        finally:
            keras.Layer.__call__ = layer_call
            tf.GradientTape.gradient = tape_gradient
            keras.optimizers.Optimizer.apply = apply

    def see_call(self, role, inputs, outputs):
        self.note_outside()
        first = tf.nest.flatten(inputs)[0]
        main = _main(outputs)
        call = _Call(role, self.tick(), np.array(first), np.array(main))
        self.calls.append(call)
        if role == "generator":
            call.inference = self.in_inference(inputs, call.outputs)
            return outputs
        scores = main
        if self.choose is not None:
            call.scores = self.chosen_scores(call.outputs.shape)
            difference = tf.constant(call.scores) - tf.cast(scores, "float32")
            scores += tf.cast(tf.stop_gradient(difference), scores.dtype)

        def note(upstream):
            found = call.upstream.get(self.number, 0.0)
            call.upstream[self.number] = found + np.array(upstream)

        scores = _identity(scores, note)
        return tf.nest.map_structure(
            lambda each: scores if each is main else each, outputs
        )

    def in_inference(self, inputs, outputs):
        """Whether a call was in inference mode, and training would differ."""
        network, self.resting = self.networks["generator"], True
        try:
            with _kept(network):
                still = np.array(_in_mode(network, inputs, False))
                if not np.array_equal(still, outputs, equal_nan=True):
                    return False
                return not np.allclose(still, _in_mode(network, inputs, True))
        finally:
            self.resting = False

    def chosen_scores(self, shape):
        """Half of them between 0 and 1, where probabilities can be told."""
        size = int(np.prod(shape))
        inner = self.rng.uniform(0.05, 0.95, size)
        outer = self.rng.uniform(1.2, 3.0, size) * self.rng.choice(
            [-1, 1], size
        )
        even = np.arange(size) % 2 == 0
        return np.where(even, inner, outer).reshape(shape).astype("float32")

    def see_gradient(self, sources, compute):
        flat = tf.nest.flatten(sources)
        roles = self.roles_of(flat)
        number = len(self.gradients)
        outer, self.number = self.number, number
        self.gradients.append(_Gradient(number, roles))
        try:
            found = compute()
        finally:
            self.number = outer
        variables = (tf.Variable, keras.Variable)
        if any(isinstance(each, variables) for each in flat):
            return found
        return tf.nest.map_structure(
            lambda *each: self.see_input_gradient(number, *each), sources, found
        )

    def see_input_gradient(self, number, points, gradient):
        if gradient is None:
            return None
        record = _InputGradient(
            self.tick(), number, np.array(points), np.array(gradient)
        )
        self.input_gradients.append(record)
        if self.choose is not None:
            record.values = self.chosen_gradients(record.values.shape)
            gradient += tf.stop_gradient(tf.constant(record.values) - gradient)

        def note(upstream):
            found = 0.0 if record.upstream is None else record.upstream
            record.upstream = found + np.array(upstream)

        return _identity(gradient, note)

    def chosen_gradients(self, shape):
        """Random directions, norms on both sides of 1."""
        rows = self.rng.normal(size=(shape[0], int(np.prod(shape[1:]))))
        norms = np.linspace(0.3, 2.7, shape[0])[:, None] * self.choose
        rows *= norms / np.linalg.norm(rows, axis=1, keepdims=True)
        return rows.reshape(shape).astype("float32")

    def see_update(self, optimizer, grads, variables, apply):
        self.note_outside()
        grads = list(grads)
        if variables is None:
            variables = optimizer._trainable_variables
        variables = list(variables)
        roles = self.roles_of(variables)
        number = next(
            (g.number for g in reversed(self.gradients) if g.roles & roles),
            None,
        )
        update = _Update(self.tick(), roles, number)
        self.updates.append(update)
        values = [np.array(each) for each in grads if each is not None]
        update.missing = not values
        update.has_nan = any(np.isnan(each).any() for each in values)
        users = self.users.setdefault(id(optimizer), set())
        if not optimizer.built:
            optimizer.build(variables)
        self.state.remember(optimizer)
        self.shared |= bool(users - roles) and bool(roles)
        if update.missing:
            users |= roles
            return None
        try:
            result = apply(optimizer, grads, variables)
        except (ValueError, KeyError):
            if not users - roles:
                raise
            # Keras refuses the weights of a second network: go on without it
            stand_in = type(optimizer).from_config(optimizer.get_config())
            result = apply(stand_in, grads, variables)
        users |= roles
        update.moved = self.note_changes()
        return result


def _identity(tensor, note):
    """The same tensor, whose gradient is shown to `note`."""

    @tf.custom_gradient
    def identity(x):
        def gradient(upstream):
            note(upstream)
            return upstream

        return tf.identity(x), gradient

    return identity(tensor)


@contextlib.contextmanager
def _kept(network):
    """Puts all weights of a network back afterwards."""
    values = [np.array(each) for each in network.weights]
    try:
        yield
    finally:
        for weight, value in zip(network.weights, values, strict=True):
            weight.assign(value)


def _in_mode(network, inputs, training):
    """The main output in training or in inference mode."""
    try:
        return _main(network(inputs, training=training))
    except TypeError:  # a network without such an argument
        return _main(network(inputs))


def _main(outputs):
    """Of several outputs the one with the fewest numbers: the scores."""
    return min(tf.nest.flatten(outputs), key=lambda each: np.size(each))


class _State:
    """All that an audit changes, to put it back."""

    def __init__(self, model, networks):
        self.model = model
        self.layers = [
            layer
            for each in networks.values()
            for layer in each._flatten_layers()
        ]
        self.trainable = [layer.trainable for layer in self.layers]
        self.numbers = {
            name: value
            for name, value in vars(model).items()
            if isinstance(value, (bool, int, float, str))
        }
        self.still = []  # attributes of layers of dropout and noise
        for layer in self.layers:
            for name in ("rate", "stddev"):
                value = getattr(layer, name, None)
                if isinstance(value, float) and not layer.weights:
                    self.still.append((layer, name, value))
        self.values = {}
        self.remember(*networks.values(), model, *model.metrics)
        for attribute in list(vars(model).values()):
            if isinstance(attribute, keras.optimizers.Optimizer):
                self.remember(attribute)

    def remember(self, *holders):
        for holder in holders:
            for each in holder.variables:
                self.values.setdefault(id(each), (each, np.array(each)))

    def keep_still(self):
        for layer, name, _ in self.still:
            setattr(layer, name, 0.0)

    def put_back(self):
        for variable, value in self.values.values():
            variable.assign(value)
        for layer, trainable in zip(self.layers, self.trainable, strict=True):
            layer.trainable = trainable
        for layer, name, value in self.still:
            setattr(layer, name, value)
        for name, value in self.numbers.items():
            setattr(self.model, name, value)


def _input_shape(network):
    """None where nothing tells it, as before the first call."""
    known = getattr(network, "input_shape", None)
    return known or (network.get_build_config() or {}).get("input_shape")


def _rows(array):
    """Each example of an array as bytes, to compare them."""
    array = np.ascontiguousarray(array, dtype="float32")
    return [each.tobytes() for each in array]


def _sign(number, least=1e-6):
    return 0 if not abs(number) > least else int(np.sign(number))


class _Audit:
    """Runs the steps, and holds what was seen while the checks are made."""

    def __init__(self, model, networks, name, real, batch_size):
        self.model, self.networks, self.real = model, networks, real
        self.opponent = networks["opponent"]
        self.name = name
        self.findings = []
        half = min(batch_size, len(real) // 2)
        self.batches = real[:half], real[half : 2 * half]
        self.real_rows = set(_rows(real[: 2 * half]))

    def report(self):
        state = _State(self.model, self.networks)
        eager = tf.config.functions_run_eagerly()
        try:
            tf.config.run_functions_eagerly(True)
            state.keep_still()
            for layer in state.layers:
                layer.trainable = True
            self.weights = {
                role: list(network.trainable_weights)
                for role, network in self.networks.items()
            }
            for layer, own in zip(state.layers, state.trainable, strict=True):
                layer.trainable = own
            self.bounds = {
                role: self.find_bounds(role) for role in self.networks
            }
            self.check_range()
            try:
                self.run_steps(state)
            except ValueError:
                if self.findings[0].passed is False:
                    return Report(self.findings)  # the model refused the data
                raise
            self.doubt_range()
            self.make_checks()
        finally:
            tf.config.run_functions_eagerly(eager)
            state.put_back()
        return Report(self.findings)

    def run_steps(self, state):
        def step(batch, choose=None, **factors):
            generator, opponent = self.networks.values()
            with _kept(generator), _kept(opponent):
                for role, factor in factors.items():
                    for weight in self.weights[role]:
                        weight.assign(weight * factor)
                return self.watched_step(batch, state, choose)

        first, second = self.batches
        # a network may be trained in each n-th step only: five make one then
        for self.times in (1, 5, 1):
            try:
                self.plain = [step(first), step(second)]
            except ValueError:  # of a batch size that is fixed, with five
                if self.times == 1:
                    raise
                continue
            roles = [
                {r for u in w.updates for r in u.roles} for w in self.plain
            ]
            if all(each == {"generator", "opponent"} for each in roles):
                break
        self.chosen = [step(first, choose=1.0), step(second, choose=3.0)]
        self.large = step(first, generator=100.0, opponent=100.0)
        self.at_zero = step(first, opponent=0.0)

    def watched_step(self, batch, state, choose):
        watch = _Watch(self.networks, self.weights, state, choose)
        with watch.patches():
            try:
                for part in np.array_split(batch, self.times):
                    self.model.train_step(tf.constant(part))
            except Exception as error:
                raise ValueError(
                    "a training step on an array of shape "
                    f"{batch.shape} failed: {type(error).__name__}: {error}"
                ) from error
        return watch

    def find_bounds(self, role):
        """Lowest and highest output of a network with large weights."""
        network = self.networks[role]
        inputs = self.batches[0]
        if role == "generator":
            shape = (len(inputs), *_input_shape(network)[1:])
            inputs = np.random.default_rng(0).normal(size=shape)
        found = []
        with _kept(network):
            for factor in (1.0, 100.0):
                for weight in self.weights[role]:
                    weight.assign(weight * factor)
                for scale in (1.0, 100.0):
                    scaled = tf.constant(scale * inputs, "float32")
                    found.append(np.array(_in_mode(network, scaled, False)))
        return np.nanmin(found), np.nanmax(found)

    def add(self, check, passed, observed, expected, section):
        chapter, heading = SECTIONS[section]
        number = heading.partition(".")[0]
        place = f"chapter {chapter[:2]}, section {number}: "
        place += heading.partition(". ")[2]
        passed = None if passed is None else bool(passed)
        self.findings.append(Finding(check, passed, observed, expected, place))

    # what the steps showed

    def labelled(self, watch):
        """Yields each call of the opponent and a label for each of its rows."""
        generated = self.latent_of(watch)
        for call in watch.calls:
            if call.role == "opponent":
                labels = []
                for row in _rows(call.inputs):
                    label = "generated" if row in generated else "other"
                    labels.append("real" if row in self.real_rows else label)
                yield call, np.array(labels)

    def latent_of(self, watch):
        """Dict, each generated example to its latent vector, as bytes."""
        found = {}
        for call in watch.calls:
            if call.role == "generator":
                pairs = zip(
                    _rows(call.outputs), _rows(call.inputs), strict=True
                )
                found.update(pairs)
        return found

    def losses(self, watch, number, label):
        """How a loss depends on the scores of real or of generated examples.

        Returns:
            list of `_Fit`, one for each call of the opponent that had a part
            in this gradient.
        """
        fits = []
        for call, labels in self.labelled(watch):
            if number in call.upstream and (labels == label).any():
                wanted = labels == label
                fits.append(
                    _Fit(call.scores[wanted], call.upstream[number][wanted])
                )
        return [fit for fit in fits if fit.family != "zero"]

    def rows_in(self, watch, number, label):
        """The examples of a kind that have a part in a gradient, as bytes."""
        rows = set()
        for call, labels in self.labelled(watch):
            if number in call.upstream:
                chosen = np.array(_rows(call.inputs), dtype=object)
                rows |= set(chosen[labels == label])
        return rows

    def strays(self, watch):
        """Steps in which the loss of one player moves the other one.

        Returns:
            list of (update, the role that should have stood still).
        """
        found, pulls = [], []
        for update in watch.updates:
            if update.roles == {"opponent"}:
                pulls += self.losses(watch, update.gradient, "real")
        towards_real = _sign(sum(fit.pull for fit in pulls))
        for update in watch.updates:
            real = self.losses(watch, update.gradient, "real")
            if len(update.roles) == 2:
                found.append((update, "generator" if real else "opponent"))
            elif update.roles == {"opponent"} and not real:
                if update.gradient is None:  # not from a tape
                    continue
                fits = self.losses(watch, update.gradient, "generated")
                pull = _sign(sum(fit.pull for fit in fits))
                roles = watch.gradients[update.gradient].roles
                if len(roles) == 2 or (pull and pull == towards_real):
                    found.append((update, "opponent"))
        return found

    def updates_of(self, watch, role):
        """The steps that train a player by its own loss."""
        strays = {id(each): still for each, still in self.strays(watch)}
        return [
            update
            for update in watch.updates
            if role in update.roles and strays.get(id(update)) != role
        ]

    def fits_of(self, role, label):
        """`losses` of a player, from the steps with chosen scores."""
        found = []
        for watch in self.chosen:
            for number in {u.gradient for u in self.updates_of(watch, role)}:
                if number is not None:
                    found += self.losses(watch, number, label)
        return found

    # the checks

    def make_checks(self):
        self.check_trained("generator")
        self.check_trained("opponent")
        self.check_frozen()
        self.check_optimizers()
        self.check_signs()
        self.check_activation()
        self.check_latent_vectors()
        self.check_minibatches()
        self.check_mode()
        self.check_clipping()
        self.check_penalty()

    def check_range(self):
        low, high = self.bounds["generator"]
        least, most = float(self.real.min()), float(self.real.max())
        bounded = low >= -1.0001 and high <= 1.0001
        if low >= -1e-4:
            low, high = 0.0, 1.0
        observed = f"real examples from {least:.3g} to {most:.3g}, "
        if bounded:
            low, high = round(float(low), 2), round(float(high), 2)
            observed += f"the generator's outputs within [{low:g}, {high:g}]"
        else:
            observed += "the generator's outputs have no bounds"
        fits = low - 1e-3 <= least and most <= high + 1e-3
        fits = fits and not low < -0.5 <= 0 <= least  # half of it stays empty
        self.add(
            "range of the data",
            fits or not bounded,
            observed,
            "real examples in the range of the generator's last activation",
            "digits",
        )

    def doubt_range(self):
        """A `train_step` may scale the real examples itself."""
        labels = [label for _, label in self.labelled(self.plain[0])]
        if not any("real" in each for each in labels):
            self.findings[0] = dataclasses.replace(
                self.findings[0],
                passed=None,
                observed=f"the {self.name} gets other real examples",
            )

    def check_trained(self, role):
        name = "generator" if role == "generator" else self.name
        updates = [u for w in self.plain for u in self.updates_of(w, role)]
        moved = max((u.moved[role] for u in updates), default=0.0)
        observed = f"{len(updates)} steps of its optimizer, the largest change"
        observed += f" of a weight {moved:.2g}"
        if not updates:
            observed = "no step of an optimizer follows its loss"
        elif all(u.missing for u in updates):
            observed = "its loss has no gradient by its weights"
        self.add(
            f"{name} trained",
            moved > 0,
            observed,
            "its weights change in each training step",
            "by hand" if role == "generator" else "frozen",
        )

    def check_frozen(self):
        strays = [pair for watch in self.plain for pair in self.strays(watch)]
        for role, other, section in [
            ("opponent", "generator", "frozen"),
            ("generator", "opponent", "by hand"),
        ]:
            names = {"generator": "generator", "opponent": self.name}
            moved = [u.moved[role] for u, still in strays if still == role]
            observed = "its weights stand still"
            if moved:
                observed = f"its weights change by up to {max(moved):.2g}"
            self.add(
                f"{names[role]} frozen in the {names[other]}'s step",
                not moved,
                observed,
                f"the {names[other]}'s loss moves only the {names[other]}",
                section,
            )

    def check_optimizers(self):
        shared = any(watch.shared for watch in self.plain)
        self.add(
            "optimizers",
            not shared,
            "one for both networks" if shared else "one for each network",
            "an optimizer of its own for each network: its means of gradients "
            "belong to one loss",
            "smallest",
        )

    def check_signs(self):
        real = _pull(self.fits_of("opponent", "real"))
        generated = _pull(self.fits_of("opponent", "generated"))
        wanted = _pull(self.fits_of("generator", "generated"))
        words = {True: "up", False: "down"}
        apart = up = sound = None
        seen = "the scores have no part in its loss that was recognised"
        if real is not None and generated is not None:
            apart, up = real != generated, real > generated
            seen = f"it moves scores of real examples {words[up]}, of "
            seen += f"generated ones {words[not up]}"
            if not apart:
                seen = "it moves real and generated scores the same way"
        elif real != generated and not self.fits_of("opponent", "other"):
            apart = False
            missing = "real" if real is None else "generated"
            seen = f"the scores of {missing} examples have no part in it"
        if apart and wanted is not None:
            sound = _sign(wanted - generated) == _sign(real - generated)
        # where the two disagree, the unusual one is to blame
        self.add(
            f"{self.name}'s loss",
            None if apart is None else apart and (up or sound is not False),
            seen,
            "real examples get high scores, generated ones low ones",
            "two losses",
        )
        seen = "the scores have no part in its loss that was recognised"
        if sound is not None:
            seen = f"it moves scores of generated examples {words[sound == up]}"
        self.add(
            "generator's loss",
            None if sound is None else sound or not up,
            seen,
            f"it moves them where the {self.name} moves those of real examples",
            "two losses",
        )

    def check_activation(self):
        low, high = self.bounds["opponent"]
        ending = "a sigmoid" if low >= -1e-4 and high <= 1.0001 else ""
        if low < -1e-4 and low >= -1.0001 and high <= 1.0001:
            ending = "a bounded activation"
        pairs = [("opponent", "real"), ("opponent", "generated")]
        pairs += [("generator", "generated")]
        families = {f.family for pair in pairs for f in self.fits_of(*pair)}
        passed, wanted = True, "an output that fits the loss"
        if families & {"linear", "hinge"} and ending:
            passed, wanted = False, "scores without bounds, no activation"
        elif "probabilities" in families and ending != "a sigmoid":
            passed, wanted = False, "a sigmoid, or a cross-entropy of logits"
        elif "logits" in families and ending:
            passed, wanted = False, "logits: no sigmoid before this loss"
        elif not families - {"unknown"}:
            passed = None
        named = ", ".join(sorted(families)) or "unknown"
        self.add(
            "output activation",
            passed,
            f"the {self.name} ends in {ending or 'no bounded activation'}; "
            f"its scores enter a loss of the kind: {named}",
            wanted,
            "no sigmoid",
        )

    def check_latent_vectors(self):
        used, alike = [], False
        for watch in self.plain:
            latent_of, known = self.latent_of(watch), set()
            for call in watch.calls:
                if call.role == "generator":
                    alike |= 2 * len(set(_rows(call.inputs))) < len(call.inputs)
            for number in sorted({u.gradient for u in watch.updates} - {None}):
                calls = {
                    call.time
                    for call, labels in self.labelled(watch)
                    if number in call.upstream and "generated" in labels
                }
                # both players may learn at once, from one and the same call
                if not calls & known:
                    rows = self.rows_in(watch, number, "generated")
                    used.append({latent_of[row] for row in rows})
                known |= calls
        used = [rows for rows in used if rows]
        seen = [row for rows in used for row in rows]
        again = len(seen) - len(set(seen))
        observed = f"{again} of {len(seen)} latent vectors are used in more "
        observed += "than one step"
        if alike:
            observed = "most latent vectors of a batch are the same"
        self.add(
            "fresh latent vectors",
            None if len(used) < 2 else again == 0 and not alike,
            observed,
            "new latent vectors in each step of either network",
            "algorithm",
        )

    def check_minibatches(self):
        watch, groups = self.plain[0], []
        for number in {
            u.gradient for u in self.updates_of(watch, "opponent")
        } - {None}:
            rows = self.rows_in(watch, number, "real")
            if rows:
                groups.append(rows)
        seen = [row for rows in groups for row in rows]
        again = len(seen) - len(set(seen))
        observed = f"{len(groups)} steps of the {self.name}; {again} of "
        observed += f"{len(seen)} real examples are seen in more than one"
        self.add(
            "fresh minibatches",
            None if len(groups) < 2 else again == 0,
            observed,
            f"a minibatch of its own for each step of the {self.name}",
            "smallest WGAN",
        )

    def check_mode(self):
        still = []
        for watch in self.plain:
            for update in self.updates_of(watch, "generator"):
                rows = self.rows_in(watch, update.gradient, "generated")
                for call in watch.calls:
                    if call.role == "generator" and call.time < update.time:
                        part = rows & set(_rows(call.outputs))
                        still.append(call.inference and bool(part))
        self.add(
            "training mode",
            not any(still) if still else None,
            "the generator learns in inference mode"
            if any(still)
            else "the generator learns in training mode, or has no layer that "
            "knows the difference",
            "training=True where the generator is trained: batch normalisation "
            "uses the statistics of the batch",
            "generator",
        )

    def check_clipping(self):
        generator = [t for role, t in self.large.outside if role == "generator"]
        self.add(
            "generator not clipped",
            not generator,
            "its weights are changed by something else than its optimizer"
            if generator
            else "only its optimizer changes its weights",
            f"only the {self.name}'s weights are clipped",
            "smallest WGAN",
        )
        times = [t for role, t in self.large.outside if role == "opponent"]
        updates = self.updates_of(self.large, "opponent")
        families = {f.family for f in self.fits_of("opponent", "real")}
        limited = self.is_limited_otherwise()
        passed, observed = None, "no Wasserstein loss"
        if limited:
            observed = f"not needed: {limited}"
        elif updates and (times or families == {"linear"}):
            # before the next step, also before one of the generator
            others = updates + self.updates_of(self.large, "generator")
            clipped = 0
            for update in updates:
                later = [u.time for u in others if u.time > update.time]
                end = min(later, default=np.inf)
                clipped += any(update.time < t < end for t in times)
            passed = clipped == len(updates)
            observed = f"clipped after {clipped} of {len(updates)} steps"
            if not times:
                observed = "no weight is clipped, and there is no penalty"
        self.add(
            "weight clipping",
            passed,
            observed,
            f"after each step of the {self.name} its weights are clipped",
            "smallest WGAN",
        )

    def is_limited_otherwise(self):
        """What else limits the slope, in words; empty if nothing does."""
        if any(watch.input_gradients for watch in self.plain):
            return "there is a gradient penalty"
        spectral = keras.layers.SpectralNormalization
        layers = self.opponent._flatten_layers()
        if any(isinstance(layer, spectral) for layer in layers):
            return "there is spectral normalisation"
        if any(w.constraint is not None for w in self.weights["opponent"]):
            return "the weights have a constraint"
        return ""

    # the checks of a gradient penalty

    def check_penalty(self):
        if not any(watch.input_gradients for watch in self.plain):
            return
        chosen = [g for watch in self.chosen for g in watch.input_gradients]
        forms = [_Form(g) for g in chosen if g.upstream is not None]
        forms = [form for form in forms if form.kind != "zero"]
        self.check_added(chosen, forms)
        self.check_norm(forms)
        self.check_points(forms)
        self.check_gradient_0(forms)
        self.check_normalisation()

    def check_added(self, chosen, forms):
        falls = any(form.factor < 0 for form in forms)
        observed = f"{len(forms)} of {len(chosen)} penalties are in the loss"
        if falls:
            observed = "the penalty has the wrong sign: it lowers the loss"
        self.add(
            "penalty in the loss",
            bool(forms) and not falls,
            observed,
            "the penalty, times a weight above 0, is added to the "
            f"{self.name}'s loss",
            "penalty",
        )

    def check_norm(self, forms):
        kinds = {form.kind for form in forms}
        targets = [form.target for form in forms]
        passed, observed = None, "of a kind that is not known here"
        if self.is_of_mean_score():
            passed, observed = False, "of the mean score of a batch: divided "
            observed += "by the number of its examples"
        elif "other axes" in kinds:
            passed = False
            observed = "numbers of different examples, or of a part of one, "
            observed += "are taken together"
        elif len(forms) > 1 and kinds == {"constant"} and _one_norm(forms):
            passed, observed = False, "one norm for the whole batch"
        elif kinds == {"constant"}:
            passed, observed = True, "one for each example, drawn to 0"
        elif kinds <= {"two-sided", "one-sided", "squares"} and kinds:
            target = float(np.mean(targets))
            passed = abs(target - 1) < 0.05
            observed = f"one for each example, {', '.join(kinds)}, drawn to "
            observed += f"{target:.2f}"
        self.add(
            "norm of the gradient",
            passed,
            observed,
            "the root of the sum of squares over all axes but the first, "
            "drawn to 1",
            "penalty",
        )

    def is_of_mean_score(self):
        watch = self.plain[0]
        shares = [
            np.abs(call.upstream[gradient.number]).reshape(len(call.scores), -1)
            for gradient in watch.input_gradients
            for call in watch.calls
            if gradient.number in call.upstream and call.scores.ndim
        ]
        # 1 for a score, or for the mean of many scores of one example
        return any(0 < each.sum(axis=1).max() < 0.9 for each in shares)

    def check_points(self, forms):
        places, weights, mixed = [], [], False
        for watch in self.plain:
            for gradient in watch.input_gradients:
                place, found, constant = self.place_of(watch, gradient)
                places.append(place)
                mixed |= not constant
                if place == "between":
                    weights.append(found)
        place = max(set(places), key=places.count)
        one_wanted = any(
            f.kind in ("two-sided", "one-sided", "squares", "other axes")
            for f in forms
        )
        words = {
            "between": "between real and generated examples",
            "real": "at real examples",
            "generated": "at generated examples",
            "other": "at places that are not known here",
        }
        passed = {"between": True, "other": None}.get(place, not one_wanted)
        self.add(
            "points of the penalty",
            passed,
            f"taken {words[place]}",
            "slope 1 is asked for between real and generated examples",
            "penalty",
        )
        if place == "between":
            self.check_weights(weights, mixed)

    def place_of(self, watch, gradient):
        """Where a gradient is taken, and the weights of interpolation.

        Returns:
            place, weights (n,), and whether each example has one weight.
        """
        rows = set(_rows(gradient.points))
        for name, known in [
            ("real", self.real_rows),
            ("generated", self.latent_of(watch)),
        ]:
            if len(rows.intersection(known)) > len(rows) / 2:
                return name, None, True
        before = [u.time for u in watch.updates if u.time < gradient.time]
        after = [u.time for u in watch.updates if u.time > gradient.time]
        begin, end = max(before, default=0), min(after, default=np.inf)
        ends = {"real": [], "generated": []}
        for call, labels in self.labelled(watch):
            if begin < call.time < end:
                for label, found in ends.items():
                    found.extend(call.inputs[labels == label])
        return _interpolation(gradient.points, *ends.values())

    def check_weights(self, weights, mixed):
        several = [each for each in weights if len(each) > 1]
        alike = several and all(np.ptp(each) < 1e-3 for each in several)
        again = any(
            len(a) == len(b) and np.allclose(a, b, atol=1e-3)
            for a, b in itertools.pairwise(several)
        )
        together = np.concatenate(weights)
        even = stats.kstest(together, "uniform").pvalue > 1e-4
        even = even and together.min() > -0.01 and together.max() < 1.01
        observed = f"{len(together)} weights from {together.min():.2f} to "
        observed += f"{together.max():.2f}, mean {together.mean():.2f}"
        if mixed:
            observed = "a weight of its own for each number of an example"
        elif alike:
            observed = "one weight for all examples of a batch"
        elif again:
            observed = "the same weights in each step"
        elif not even:
            observed += ", not spread evenly"
        self.add(
            "interpolation weights",
            not mixed and not alike and not again and bool(even),
            observed,
            "one for each example, from the uniform distribution on [0, 1)",
            "penalty",
        )

    def check_gradient_0(self, forms):
        updates = self.updates_of(self.at_zero, "opponent")
        broken = any(update.has_nan for update in updates)
        self.add(
            "gradient 0",
            not broken if forms else None,
            "with all weights at 0 the step gives NaN"
            if broken
            else "with all weights at 0 the step stays finite",
            "a guard under the root, whose slope at 0 is infinite",
            "penalty",
        )

    def check_normalisation(self):
        network = self.opponent
        first, second = self.batches
        n = len(first) // 2
        mixed = np.concatenate([first[:n], second[: len(first) - n]])
        scores = []
        for batch in (first, mixed):
            with _kept(network):
                found = _in_mode(network, tf.constant(batch), True)
            scores.append(np.array(found)[:n])
        change = np.abs(scores[0] - scores[1]).max()
        scale = np.abs(scores[0]).max() + 1e-6
        self.add(
            "normalisation",
            change < 1e-3 * scale,
            f"a score changes by up to {change / scale:.1%} with the other "
            "examples of its batch",
            "a score that depends on its example only, without batch "
            "normalisation: the penalty is about single examples",
            "changes",
        )


class _Fit:
    """How a loss depends on scores, from its derivatives at chosen ones.

    Attributes:
        family: "linear", "logits", "squares", "probabilities", "hinge",
            "zero" or "unknown".
        pull: where descent moves the scores: a target, or -1 or 1.
    """

    def __init__(self, scores, derivatives):
        scores, derivatives = np.ravel(scores), np.ravel(derivatives)
        finite = np.isfinite(derivatives)
        s, d = scores[finite].astype(float), derivatives[finite].astype(float)
        size = np.abs(d).max(initial=0.0)
        # 0 for a softmax, which moves one score up and another one down
        self.family, self.pull = "unknown", -_sign(d.sum(), 1e-4 * size)
        if size == 0:
            self.family = "zero"
            return
        d = d / size
        inner = (s > 0) & (s < 1)
        ones, sigmoid = np.ones_like(s), special.expit(s)
        with np.errstate(divide="ignore"):
            odds = [1 / s, 1 / (1 - s)]
        if _fits(d, [ones]) is not None:
            self.family = "linear"
        elif (found := _fits(d, [sigmoid, ones])) is not None:
            self.family = "logits"
            self.pull = -_sign(0.62 * found[0] + found[1])  # at 0.5
        elif (found := _fits(d, [s, ones])) is not None and found[0] > 0:
            self.family = "squares"
            self.pull = -found[1] / found[0]
        elif _fits(d[inner], [each[inner] for each in odds]) is not None:
            self.family = "probabilities"
            self.pull = -_sign(d[inner].sum())
        elif set(np.round(np.abs(d), 4)) == {0.0, 1.0}:
            self.family = "hinge"


def _fits(values, basis):
    """Coefficients by which the basis gives the values, or None."""
    if len(values) < len(basis) + 2:
        return None
    matrix = np.stack(basis, axis=1)
    found = np.linalg.lstsq(matrix, values, rcond=None)[0]
    miss = np.abs(matrix @ found - values).max()
    return found if miss < 1e-3 * np.abs(values).max() else None


def _pull(fits):
    """The mean pull of several calls, or None if there was none."""
    pulls = [fit.pull for fit in fits if fit.pull or fit.family == "squares"]
    return float(np.mean(pulls)) if pulls else None


class _Form:
    """How a penalty depends on the gradients, from its own derivatives.

    A penalty on the norm of each example's gradient pulls it in its own
    direction: the derivative is a factor times the gradient, and the factor
    depends on the norm alone.

    Attributes:
        kind: "two-sided" and "one-sided" for a square of the norm's distance
            to a target, "squares" for one of the squared norm's, "constant"
            for the squared norm itself, "other axes", "other" or "zero".
        target: the norm at which the penalty is lowest.
        factor: above 0 where the penalty raises the loss.
    """

    def __init__(self, gradient):
        n = len(gradient.values)
        values = gradient.values.reshape(n, -1).astype(float)
        upstream = gradient.upstream.reshape(n, -1).astype(float)
        self.kind, self.target, self.factor, self.n = "zero", 0.0, 0.0, n
        self.total = np.linalg.norm(values)
        if not np.abs(upstream).max() > 0:
            return
        norms = np.linalg.norm(values, axis=1)
        factors = (values * upstream).sum(axis=1) / norms**2
        rest = upstream - factors[:, None] * values
        if np.abs(rest).max() > 1e-3 * np.abs(upstream).max():
            self.kind, self.factor = "other axes", 1.0
            return
        charged = np.abs(factors) > 1e-6 * np.abs(factors).max()
        inverse, norms, factors = (
            1 / norms[charged],
            norms[charged],
            factors[charged],
        )
        ones = np.ones_like(norms)
        self.kind, self.factor = "other", 1.0
        if _fits(factors, [ones]) is not None:
            self.kind, self.factor = "constant", factors.mean()
        elif _fits(factors, [inverse]) is not None:
            self.kind = "other axes"  # one distance, for a mean of the norms
        elif (found := _fits(factors, [ones, inverse])) is not None:
            self.kind = "two-sided" if charged.all() else "one-sided"
            self.factor, self.target = found[0], -found[1] / found[0]
        elif (found := _fits(factors, [norms**2, ones])) is not None:
            self.kind, self.factor = "squares", found[0]
            self.target = np.sqrt(max(-found[1] / found[0], 0.0))


def _one_norm(forms):
    """Whether constant factors come from one norm of the whole batch."""
    factors = np.array([form.factor for form in forms])
    totals = np.array([form.total for form in forms])
    counts = np.array([form.n for form in forms])
    single = factors * counts  # equal, where each example has its own
    whole = factors / (1 - 1 / totals)  # equal, where all have one
    return np.ptp(whole) / abs(whole.mean()) < np.ptp(single) / abs(
        single.mean()
    )


def _interpolation(points, real, generated):
    """Finds points on the lines between real and generated examples.

    Returns:
        "between" or "other", the weights (n,) and whether each point has one.
    """
    n = len(points)
    if not len(real) or not len(generated):
        return "other", None, True
    points, real, generated = (
        np.reshape(each, (len(each), -1)).astype(float)
        for each in (points, real, generated)
    )
    if len(real) >= n and len(generated) >= n:
        a, b = real[-n:], generated[-n:]
        weights, miss = _along(points, a, b)
        if np.mean(miss < 1e-3) > 0.9:
            return "between", weights, True
        low, high = np.minimum(a, b) - 1e-4, np.maximum(a, b) + 1e-4
        if np.mean((points >= low) & (points <= high)) > 0.99:
            return "between", weights, False
    # pairs in another order: the best of all
    a, b = (
        np.repeat(real, len(generated), 0),
        np.tile(generated, (len(real), 1)),
    )
    found = [_along(point, a, b) for point in points]
    best = [np.argmin(miss) for _, miss in found]
    weights = np.array([w[i] for (w, _), i in zip(found, best, strict=True)])
    misses = [miss[i] for (_, miss), i in zip(found, best, strict=True)]
    if np.mean(np.array(misses) < 1e-3) > 0.9:
        return "between", weights, True
    return "other", None, True


def _along(points, a, b):
    """Weights of points on the lines from a to b, and how far off they are."""
    line = b - a
    squares = np.maximum((line**2).sum(axis=-1), 1e-12)
    weights = ((points - a) * line).sum(axis=-1) / squares
    rest = points - a - weights[..., None] * line
    return weights, np.sqrt((rest**2).sum(axis=-1) / squares)

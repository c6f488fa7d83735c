"""Each class and function that students copy runs alone, under the standard imports and without gan_lib."""

import json
import pathlib
import subprocess
import sys

import nbformat
import pytest
from IPython.core.magics.code import extract_symbols

ROOT = pathlib.Path(__file__).resolve().parent.parent
STANDARD_IMPORTS = "import numpy as np\nimport tensorflow as tf\nimport keras\nfrom keras import layers\n"
NO_GAN_LIB = "import sys\nsys.modules['gan_lib'] = None\n"
NETWORKS = """
generator = keras.Sequential([keras.Input((5,)), layers.Dense(64, activation="tanh"), layers.Reshape((8, 8, 1))])
discriminator = keras.Sequential([keras.Input((8, 8, 1)), layers.Flatten(), layers.Dense(1)])
"""
TRAIN = """
images = np.random.default_rng(0).uniform(-1, 1, (40, 8, 8, 1)).astype("float32")
before = [w.copy() for w in model.get_weights()]
history = model.fit(images, batch_size=20, epochs=2, verbose=0).history
assert all(len(v) == 2 and np.isfinite(v).all() for v in history.values()), history
changed = [(a != b).any() for a, b in zip(before, model.get_weights()) if a.ndim > 1]
assert changed and all(changed)
assert model.sample(3).shape == (3, 8, 8, 1)
"""
USES = {
    ("gan", "GAN"): NETWORKS
    + "model = GAN(generator, discriminator)\nmodel.compile('adam', 'adam')"
    + TRAIN,
    ("wgan", "WGAN"): NETWORKS
    + "model = WGAN(generator, discriminator)\nmodel.compile('rmsprop', 'rmsprop')"
    + TRAIN,
    ("wgan_gp", "WGANGP"): NETWORKS
    + "model = WGANGP(generator, discriminator)\nmodel.compile('adam', 'adam')"
    + TRAIN,
    ("techniques", "feature_matching_loss"): (
        "assert abs(feature_matching_loss(np.ones((4, 3)), np.zeros((5, 3))) - 3) < 1e-6"
    ),
    ("techniques", "MinibatchDiscrimination"): (
        "model = keras.Sequential([keras.Input((3,)), MinibatchDiscrimination(2, 2)])\n"
        "assert np.allclose(model(np.ones((4, 3)))[:, 3:], 3)"
    ),
    ("techniques", "HistoricalAveraging"): """
class AveragingAdam(HistoricalAveraging, keras.optimizers.Adam):
    pass
model = keras.Sequential([keras.Input((3,)), layers.Dense(1)])
model.compile(AveragingAdam(1e-2, averaging_weight=0.1), "mse")
model.fit(np.ones((8, 3)), np.ones(8), batch_size=2, verbose=0)
assert 0 < float(model.optimizer.penalty()) < 1
""",
    ("techniques", "OneSidedBinaryCrossentropy"): """
model = keras.Sequential([keras.Input((3,)), layers.Dense(1, kernel_initializer="zeros")])
model.compile("sgd", OneSidedBinaryCrossentropy())
assert abs(model.evaluate(np.ones((8, 3)), np.ones(8), verbose=0) - np.log(2)) < 1e-6
""",
    ("techniques", "VirtualBatchNormalization"): """
outputs = VirtualBatchNormalization(3)(np.float32([[5], [7], [-1], [0], [1]])).numpy()
assert abs(outputs[2:].sum()) < 1e-6 and outputs[1] > outputs[0] > outputs[4]
""",
    ("techniques", "ReferenceBatch"): """
network = keras.Sequential([layers.Dense(2), layers.BatchNormalization()])
model = keras.Sequential([keras.Input((3,)), ReferenceBatch(network, np.zeros((5, 3)))])
assert model(np.ones((4, 3)), training=True).shape == (4, 2)
""",
    ("techniques", "InstanceNoise"): """
model = keras.Sequential([keras.Input((3,)), InstanceNoise(0.5, annealing_calls=2, seed=0)])
changed = [(model(np.ones((4, 3)), training=True).numpy() != 1).all() for _ in range(3)]
assert changed == [True, True, False] and (model(np.ones((4, 3))).numpy() == 1).all()
""",
    (
        "networks",
        "dense_generator",
    ): "assert dense_generator()(np.ones((4, 2))).shape == (4, 2)",
    (
        "networks",
        "dense_discriminator",
    ): "assert dense_discriminator()(np.ones((4, 2))).shape == (4, 1)",
    ("networks", "convolutional_generator"): (
        "assert convolutional_generator(filters=2)(np.ones((4, 100))).shape == (4, 28, 28, 1)"
    ),
    ("networks", "convolutional_discriminator"): (
        "assert convolutional_discriminator(filters=2)(np.ones((4, 28, 28, 1))).shape == (4, 1)"
    ),
    ("networks", "restart"): """
model = keras.Sequential([keras.Input((3,)), layers.Dense(1)])
model.compile("adam", "mse")
model.fit(np.ones((8, 3)), np.ones(8), verbose=0)
restart(model, 5)
keras.utils.set_random_seed(5)
kernel = layers.Dense(1)
kernel(np.ones((8, 3)))
assert (model.layers[0].kernel.numpy() == kernel.kernel.numpy()).all()
assert int(model.optimizer.iterations) == 0
""",
}


def percent_load(module, name):
    """What `%load -s name gan_lib/module.py` puts into a cell."""
    blocks, missing = extract_symbols(
        (ROOT / "gan_lib" / f"{module}.py").read_text(encoding="utf-8"), name
    )
    assert not missing
    return blocks[0]


RUN_ALL = """
import json, traceback
codes, results = json.load(sys.stdin), {}
for name, code in codes.items():
    try:
        exec(code, {})
        results[name] = ""
    except BaseException:
        results[name] = traceback.format_exc()
print(json.dumps(results))
"""


def smallest_class():
    """The class of chapter 02 that has no options."""
    path = ROOT / "notebooks" / "02_vanilla_gan.ipynb"
    cells = nbformat.read(path, as_version=4).cells
    (cell,) = [
        cell for cell in cells if cell.source.startswith("class SmallestGAN")
    ]
    return (
        cell.source
        + NETWORKS.replace("keras.Input((5,))", "keras.Input((100,))")
        + """
model = SmallestGAN(generator, discriminator, seed=0)
model.compile(keras.optimizers.Adam(), keras.optimizers.Adam())
model.sample = lambda n: model.generator(model.draw_latent(n))
"""
        + TRAIN
    )


@pytest.fixture(scope="module")
def errors(tmp_path_factory):
    """What went wrong in each. One process runs all, in namespaces of their own: starting TensorFlow takes longer."""
    codes = {
        name: percent_load(module, name) + use
        for (module, name), use in USES.items()
    }
    codes["SmallestGAN"] = smallest_class()
    result = subprocess.run(
        [sys.executable, "-c", NO_GAN_LIB + STANDARD_IMPORTS + RUN_ALL],
        input=json.dumps(
            {name: STANDARD_IMPORTS + code for name, code in codes.items()}
        ),
        cwd=tmp_path_factory.mktemp("alone"),
        capture_output=True,
        text=True,
    )
    assert result.returncode == 0, result.stderr[-2000:]
    return json.loads(result.stdout)


@pytest.mark.parametrize("name", [name for _, name in USES] + ["SmallestGAN"])
def test_runs_alone(name, errors):
    assert errors[name] == ""


def test_all_public_names_are_tried():
    for module in {module for module, _ in USES}:
        lines = (
            (ROOT / "gan_lib" / f"{module}.py")
            .read_text(encoding="utf-8")
            .splitlines()
        )
        public = {
            line.split()[1].split("(")[0].rstrip(":")
            for line in lines
            if line.startswith(("class ", "def "))
        }
        assert public == {name for tried, name in USES if tried == module}


def test_copied_modules_import_nothing_else():
    for module in {module for module, _ in USES}:
        lines = (
            (ROOT / "gan_lib" / f"{module}.py")
            .read_text(encoding="utf-8")
            .splitlines()
        )
        imports = {
            line for line in lines if line.startswith(("import ", "from "))
        }
        assert imports <= set(STANDARD_IMPORTS.splitlines())

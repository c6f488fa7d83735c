"""Several devices train as one does: two and four of one machine, and two machines, which are two processes here."""

from gan_lib import devices

import json
import os
import pathlib
import socket
import subprocess
import sys

import pytest
import tensorflow as tf
from small_models import IMAGES, assert_same_run, small_model

HERE = pathlib.Path(__file__).resolve().parent
TRAIN = """
import sys, time
from gan_lib import devices
from small_models import IMAGES, MODELS, STEPS
import keras, numpy as np, tensorflow as tf
from keras import layers

numbers = np.random.default_rng(1)
LATENTS = numbers.normal(size=(40, 3)).astype("float32")
WEIGHTS = numbers.uniform(size=(40, 1, 1, 1)).astype("float32")


def share(table, n):
    # rows of a replica, which has n examples
    replica = tf.distribute.get_replica_context().replica_id_in_sync_group
    return tf.gather(table, replica * n + tf.range(n))


def train(name, parents=()):
    # all that is drawn is given, and no layer looks at a batch as a whole
    keras.utils.set_random_seed(0)
    generator = keras.Sequential([
        keras.Input((3,)), layers.Dense(64, "tanh"), layers.Reshape((8, 8, 1))
    ])
    opponent = keras.Sequential([
        keras.Input((8, 8, 1)), layers.Conv2D(4, 4, 2), layers.LeakyReLU(),
        layers.Flatten(), layers.Dense(1),
    ])
    kind = type(name, (*parents, MODELS[name]), {})
    model = kind(generator, opponent, **{STEPS[name]: 5})
    model.draw_latent = lambda n: share(LATENTS, n)
    model.draw_weights = lambda real, seed: share(WEIGHTS, tf.shape(real)[0])
    model.compile(keras.optimizers.SGD(0.1), keras.optimizers.SGD(0.1))
    batch = tf.data.Dataset.from_tensors(IMAGES)
    options = {"verbose": 0, "shuffle": False}
    history = model.fit(batch.repeat(3), **options).history
    weights = [w.numpy() for w in model.trainable_variables]
    started = time.perf_counter()
    model.fit(batch.repeat(10), **options)
    speed = 10 * len(IMAGES) / (time.perf_counter() - started)
    return weights + list(history.values()), speed


def compare(strategy, parents=()):
    for name in MODELS:
        alone, speed_alone = train(name)
        with strategy.scope():
            together, speed = train(name, parents)
        for a, b in zip(alone, together, strict=True):
            assert np.isfinite(a).all()
            np.testing.assert_allclose(b, a, atol=1e-5)
        n = strategy.num_replicas_in_sync
        print(f"{name}: {speed_alone:.0f} images a second on one device, {speed:.0f} on {n}")
"""
REPLICAS = """
cpu = tf.config.list_physical_devices("CPU")[0]
logical = [tf.config.LogicalDeviceConfiguration()] * int(sys.argv[1])
tf.config.set_logical_device_configuration(cpu, logical)
compare(devices.all_gpus("CPU"))
"""
MACHINES = """
strategy = tf.distribute.MultiWorkerMirroredStrategy()
compare(strategy, [devices.SeveralMachines])
"""


def start(code, *arguments, **variables):
    paths = os.pathsep.join([str(HERE.parent), str(HERE)])
    return subprocess.Popen(
        [sys.executable, "-c", TRAIN + code, *arguments],
        env=os.environ
        | {"PYTHONPATH": paths, "CUDA_VISIBLE_DEVICES": "-1"}
        | variables,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def assert_trained(process, n):
    printed, errors = process.communicate(timeout=240)
    assert process.returncode == 0, errors[-3000:]
    print(printed)
    assert printed.count(f"on {n}\n") == 3


@pytest.mark.parametrize("n", [2, 4])
def test_replicas_train_as_one_device(n):
    assert_trained(start(REPLICAS, str(n)), n)


def test_two_machines_train_as_one():
    with socket.socket() as a, socket.socket() as b:
        for each in (a, b):
            each.bind(("127.0.0.1", 0))
        workers = [f"127.0.0.1:{each.getsockname()[1]}" for each in (a, b)]
    processes = []
    for i in range(2):
        task = {"type": "worker", "index": i}
        config = {"cluster": {"worker": workers}, "task": task}
        processes.append(start(MACHINES, TF_CONFIG=json.dumps(config)))
    for process in processes:
        assert_trained(process, 2)


def test_one_gpu_or_none_trains_as_without_a_strategy():
    assert devices.all_gpus() is tf.distribute.get_strategy()
    plain = small_model("GAN")
    plain.fit(IMAGES, batch_size=16, verbose=0)
    with devices.all_gpus().scope():
        scoped = small_model("GAN")
        scoped.fit(IMAGES, batch_size=16, verbose=0)
    assert_same_run(plain, scoped)

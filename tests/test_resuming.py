"""A run that is killed with SIGKILL in the middle of an epoch, and started again, ends as one that was not."""

import os
import pathlib
import subprocess
import sys

import numpy as np

RUN = """
import gan_lib
from gan_lib import data
from small_models import IMAGES, everything, small_model
import pathlib, sys, time, keras, numpy as np

folder, pause_at = pathlib.Path(sys.argv[1]), int(sys.argv[2])
epochs, steps = 4, 5
model = small_model("GAN", steps=2)
backup = keras.callbacks.BackupAndRestore(folder / "backup", double_checkpoint=True)
backup.set_model(model)
backup.on_train_begin()  # restores now, not only in fit: the data have to go on at the same place
done = int(model.generator_optimizer.iterations)
batches = data.batches(IMAGES, 8, seed=3).repeat().skip(done)
print("starts after step", done, flush=True)

def pause(batch, logs):
    if model.generator_optimizer.iterations == pause_at:
        print("pauses", flush=True)
        time.sleep(600)

watch = keras.callbacks.LambdaCallback(on_train_batch_end=pause)
options = {"epochs": epochs, "steps_per_epoch": steps, "shuffle": False, "verbose": 0}
history = model.fit(batches, callbacks=[backup, watch], **options)
np.savez(folder / "end.npz", *everything(model))
print("trained epochs", history.epoch)
"""


def start(folder, pause_at=-1):
    folder.mkdir(exist_ok=True)
    tests = pathlib.Path(__file__).resolve().parent
    paths = os.pathsep.join(
        [str(tests.parent), str(tests), os.environ.get("PYTHONPATH", "")]
    )
    return subprocess.Popen(
        [sys.executable, "-c", RUN, str(folder), str(pause_at)],
        env=os.environ | {"PYTHONPATH": paths, "CUDA_VISIBLE_DEVICES": "-1"},
        stdout=subprocess.PIPE,
        text=True,
    )


def test_a_run_killed_in_the_middle_ends_as_one_that_was_not(tmp_path):
    whole, killed = (
        start(tmp_path / "whole"),
        start(tmp_path / "killed", pause_at=13),
    )
    assert killed.stdout.readline() == "starts after step 0\n"
    assert (
        killed.stdout.readline() == "pauses\n"
    )  # in the third step of the third epoch
    killed.kill()  # SIGKILL
    assert killed.wait() != 0 and not (tmp_path / "killed" / "end.npz").exists()
    again = start(tmp_path / "killed")
    outputs = [
        process.communicate(timeout=120)[0] for process in (whole, again)
    ]
    assert outputs[0] == "starts after step 0\ntrained epochs [0, 1, 2, 3]\n"
    assert outputs[1] == "starts after step 10\ntrained epochs [2, 3]\n"
    with (
        np.load(tmp_path / "whole" / "end.npz") as a,
        np.load(tmp_path / "killed" / "end.npz") as b,
    ):
        assert len(a.files) == len(b.files) > 20
        for name in a.files:
            np.testing.assert_array_equal(a[name], b[name])

"""Trains the patients of chapter 04's clinic: `make clinic`.

Six GANs of digits, each with something wrong, or nothing. What their training
logs show, and samples of the last epoch, go to results/04_clinic.npz, with a
hash of this code and the library's, which a test compares with today's.

Who reads on sees the diseases. Visit the clinic first.
"""

# gan_lib first: it starts TensorFlow without its messages
from gan_lib import data, networks  # isort: skip
from gan_lib.gan import GAN  # isort: skip

import pathlib

import keras
import numpy as np
from code_hash import hash_with_library

FILE = pathlib.Path(__file__).resolve().parent / "results" / "04_clinic.npz"
EPOCHS, STEPS = 25, 31
HEALTHY = {
    "generator_rate": 2e-3,
    "discriminator_rate": 1e-3,
    "beta_1": 0.5,
    "dropout": 0.3,
    "saturating": False,
    "batch_normalization": True,
    "training_images": 4500,
}
PATIENTS = {
    "A": {"training_images": 64},
    "B": {},
    "C": {
        "generator_rate": 5e-5,
        "discriminator_rate": 2e-3,
        "saturating": True,
    },
    "D": {"generator_rate": 2e-5, "discriminator_rate": 1e-5},
    "E": {
        "generator_rate": 5e-3,
        "discriminator_rate": 5e-4,
        "beta_1": 0.9,
        "dropout": 0.0,
        "batch_normalization": False,
    },
    "F": {"discriminator_rate": 0.0},
}


def train(patient, seed=0):
    """Returns the histories of `fit` and 16 samples of the last epoch."""
    options = HEALTHY | PATIENTS[patient]
    images, _ = data.load_images()
    unseen, images = images[-500:], images[: options["training_images"]]
    keras.utils.set_random_seed(seed)
    gan = GAN(
        networks.convolutional_generator(
            filters=8, batch_normalization=options["batch_normalization"]
        ),
        networks.convolutional_discriminator(
            filters=8, dropout=options["dropout"]
        ),
        saturating=options["saturating"],
        seed=seed,
    )
    gan.compile(
        keras.optimizers.Adam(options["generator_rate"], options["beta_1"]),
        keras.optimizers.Adam(options["discriminator_rate"], options["beta_1"]),
        steps_per_execution=STEPS,
    )
    history = gan.fit(
        data.batches(images, 32, seed).repeat(),
        epochs=EPOCHS,
        steps_per_epoch=STEPS,
        shuffle=False,
        verbose=0,
        validation_data=data.batches(unseen, 100, seed),
    ).history
    return history, gan.sample(16, seed=seed)


def main():
    arrays = {"code": hash_with_library(pathlib.Path(__file__).read_text())}
    for patient in PATIENTS:
        history, samples = train(patient)
        arrays[f"{patient}/generator"] = history["generator_loss"]
        arrays[f"{patient}/discriminator"] = history["discriminator_loss"]
        arrays[f"{patient}/discriminator, unseen digits"] = history[
            "val_discriminator_loss"
        ]
        arrays[f"{patient}/samples"] = np.uint8((samples + 1) * 127.5)
        print(f"patient {patient} has left", flush=True)
    np.savez_compressed(FILE, **arrays)


if __name__ == "__main__":
    main()

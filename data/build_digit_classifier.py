"""Builds data/digit-classifier.keras, the small network behind `metrics.classify_digits` and `digit_features`.

    python data/build_digit_classifier.py

It is trained on the first 4,000 digits of data/mnist-5k.npz, turned, shifted and zoomed at random, and scored on the
last 1,000, which it never sees. About a minute on two CPU cores. The new file has a new sha256: it goes into
`gan_lib.data.CHECKSUMS` and data/README.md.
"""

from gan_lib import data

import hashlib

import keras
import numpy as np
from keras import layers

TRAINING_DIGITS = 4000
EPOCHS, BATCH_SIZE = 60, 50


def build_classifier():
    blocks = []
    for filters in (32, 64, 64):
        blocks += [
            layers.Conv2D(filters, 3, padding="same", use_bias=False),
            layers.BatchNormalization(),
            layers.ReLU(),
            layers.MaxPooling2D(),
        ]
    return keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            *blocks,
            layers.Flatten(),
            layers.Dropout(0.5),
            layers.Dense(64, activation="relu", name="features"),
            layers.Dropout(0.25),
            layers.Dense(10, name="logits"),
        ],
        name="digit_classifier",
    )


def main():
    keras.utils.set_random_seed(0)
    images, labels = data.load_images("mnist-5k")
    train, held_out = slice(None, TRAINING_DIGITS), slice(TRAINING_DIGITS, None)

    fill = dict(fill_mode="constant", fill_value=-1.0)
    distort = keras.Sequential(
        [
            layers.RandomRotation(0.02, **fill),
            layers.RandomTranslation(0.05, 0.05, **fill),
            layers.RandomZoom(0.05, **fill),
        ]
    )
    classifier = build_classifier()
    training = keras.Sequential([keras.Input((28, 28, 1)), distort, classifier])
    steps = EPOCHS * TRAINING_DIGITS // BATCH_SIZE
    training.compile(
        optimizer=keras.optimizers.AdamW(
            keras.optimizers.schedules.CosineDecay(2e-3, steps),
            weight_decay=1e-2,
        ),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    training.fit(
        images[train],
        labels[train],
        batch_size=BATCH_SIZE,
        epochs=EPOCHS,
        verbose=2,
    )

    predicted = np.argmax(
        classifier.predict(images[held_out], verbose=0), axis=-1
    )
    accuracy = np.mean(predicted == labels[held_out])
    if accuracy < 0.98:
        raise RuntimeError(
            f"the classifier is only {accuracy:.1%} right on held-out digits; expected 98 % or more"
        )
    path = data.DATA_FOLDER / "digit-classifier.keras"
    classifier.save(path)
    print(f"{accuracy:.1%} right on {len(predicted):,} held-out digits")
    print(
        f"{path.name}: {path.stat().st_size:,} bytes, sha256 {hashlib.sha256(path.read_bytes()).hexdigest()}"
    )


if __name__ == "__main__":
    main()

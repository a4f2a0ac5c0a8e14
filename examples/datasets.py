"""Data sets for the examples with arrays: embedded ones, fetched ones, and MNIST's own files."""

from __future__ import annotations

import gzip
import math
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn import datasets

__all__ = ["Data", "DataError", "batches", "digits", "mnist_files", "read_idx", "regression"]


class DataError(ValueError):
    """Data that are not there, or not what they should be."""


class Data(NamedTuple):
    """Samples, one in each row, and their targets."""

    x: NDArray[Any]
    y: NDArray[Any]

    def split(self, rng: np.random.Generator, *shares: float) -> list[Data]:
        """Return parts in random order, of the given shares of the whole; the last is the rest."""
        order = rng.permutation(len(self.y))
        ends = np.round(np.cumsum(shares) * len(order)).astype(int)
        return [Data(self.x[rows], self.y[rows]) for rows in np.split(order, ends)]


def batches(data: Data, size: int, rng: np.random.Generator) -> Iterator[Data]:
    """Yield all samples in random order, so many at a time; a last incomplete batch is left out."""
    order = rng.permutation(len(data.y))
    for start in range(0, len(order) - size + 1, size):
        rows = order[start : start + size]
        yield Data(data.x[rows], data.y[rows])


# ── embedded and fetched ────────────────────────────────────────────────────────────────────────


def regression(name: str, seed: int) -> Data:
    """Return features and a number to predict.

    Args:
        name: "friedman" (made up, with noise of variance 1), "diabetes" (embedded), or "california"
            or "boston" (fetched).
        seed: of what is made up.
    """
    if name == "friedman":
        return Data(*datasets.make_friedman1(n_samples=1000, noise=1.0, random_state=seed))
    if name == "diabetes":
        return Data(*datasets.load_diabetes(return_X_y=True, scaled=False))
    if name == "california":
        return _fetched(name, datasets.fetch_california_housing, return_X_y=True)
    return _fetched_from_openml(name, version=1)


def digits(name: str, rng: np.random.Generator, folder: Path | None = None) -> list[Data]:
    """Return images of digits in [0, 1], and the digits: for training, validation and the test.

    Args:
        name: "digits" (embedded, 8×8) or "mnist" (28×28, fetched or read from files).
        rng: shuffles.
        folder: where MNIST's four files are; None fetches it.
    """
    if name == "digits":
        x, y = datasets.load_digits(return_X_y=True)
        return Data(x / 16, y).split(rng, 0.6, 0.2)
    if folder:
        train, test = mnist_files(folder)
    else:
        x, y = _fetched_from_openml("mnist_784", version=1)
        train, test = Data(x[:-10_000], y[:-10_000]), Data(x[-10_000:], y[-10_000:])
    parts = train.split(rng, 5 / 6)
    return [Data((x / 255).astype(np.float32), y.astype(int)) for x, y in (*parts, test)]


def _fetched_from_openml(name: str, version: int) -> Data:
    return _fetched(
        name, datasets.fetch_openml, name, version=version, return_X_y=True, as_frame=False
    )


def _fetched(name: str, fetch: Callable[..., Any], *arguments: Any, **options: Any) -> Data:
    try:
        x, y = fetch(*arguments, **options)
    except OSError as error:
        raise DataError(f"{name} has to be fetched once, and that failed: {error}") from error
    return Data(np.asarray(x, dtype=float), np.asarray(y, dtype=float))


# ── MNIST's own files ───────────────────────────────────────────────────────────────────────────

#: The types of elements by their code in an IDX file; all are big-endian.
_IDX_TYPES = {0x08: "u1", 0x09: "i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}


def read_idx(path: Path) -> NDArray[Any]:
    """Read an array from an IDX file, the format of MNIST, gzipped or not.

    The file has two bytes 0, a code for the type, the number of axes, the length of each axis
    in four bytes, and then the elements, all big-endian.

    Raises:
        DataError: the file is something else, too short or too long.
    """
    content = _content(path)
    if len(content) < 4 or content[:2] != b"\0\0" or content[2] not in _IDX_TYPES:
        raise DataError(f"{path} is no IDX file: it starts with {content[:4].hex(' ')!r}")
    dtype, start = np.dtype(_IDX_TYPES[content[2]]), 4 + 4 * content[3]
    if len(content) < start:
        raise DataError(f"{path} is cut off after {len(content)} bytes, within its header")
    shape = tuple(np.frombuffer(content[4:start], ">u4").tolist())
    size = start + math.prod(shape) * dtype.itemsize
    if len(content) != size:
        raise DataError(f"{path} has {len(content)} bytes, an array of shape {shape} has {size}")
    array = np.frombuffer(content, dtype, offset=start).reshape(shape)
    return array.astype(dtype.newbyteorder("="))


def _content(path: Path) -> bytes:
    content = path.read_bytes()
    if content[:2] != b"\x1f\x8b":
        return content
    try:
        return gzip.decompress(content)
    except (EOFError, OSError, zlib.error) as error:
        raise DataError(f"{path} is a damaged gzip file: {error}") from error


def mnist_files(folder: Path) -> tuple[Data, Data]:
    """Read the training and the test data from MNIST's four files, gzipped or not.

    Raises:
        DataError: a file is missing or damaged, or images and labels do not belong together.
    """
    return _images_and_labels(folder, "train"), _images_and_labels(folder, "t10k")


def _images_and_labels(folder: Path, part: str) -> Data:
    images = read_idx(_existing(folder, f"{part}-images-idx3-ubyte"))
    labels = read_idx(_existing(folder, f"{part}-labels-idx1-ubyte"))
    if images.ndim != 3 or labels.ndim != 1 or len(images) != len(labels):
        raise DataError(
            f"the {part} files in {folder} need images of shape (m, height, width) and labels of "
            f"shape (m,), got {images.shape} and {labels.shape}"
        )
    return Data(images.reshape(len(images), -1), labels)


def _existing(folder: Path, name: str) -> Path:
    for path in (folder / name, folder / f"{name}.gz"):
        if path.exists():
            return path
    raise DataError(f"{folder} has neither {name} nor {name}.gz")

"""Files: written whole or not at all."""

from __future__ import annotations

import errno
import os
import secrets
import shutil
from contextlib import suppress

__all__ = ["replace"]


def replace(path: str, content: bytes) -> None:
    """Write a file so that its name stands for all of the old content or all of the new.

    A process that is killed here can leave a ``….tmp`` beside it, which may be deleted.

    Raises:
        OSError: the file cannot be written, for example since its folder is missing.
    """
    target = os.path.realpath(path) if os.path.islink(path) else path
    folder = os.path.dirname(target) or os.curdir
    if not os.path.isdir(folder):
        raise FileNotFoundError(errno.ENOENT, "there is no such folder to save in", folder)
    if os.path.exists(target) and not os.path.isfile(target):
        raise IsADirectoryError(errno.EISDIR, "a folder or a device, not the name of a file", path)
    try:
        _swap(target, content)
    except OSError as error:  # about a temporary file, which nobody has asked for
        raise OSError(error.errno, error.strerror, path) from None


def _swap(target: str, content: bytes) -> None:
    temporary = f"{target}.{secrets.token_hex(4)}.tmp"  # beside it: only a rename is atomic
    try:
        with open(temporary, "xb") as file:
            if os.path.exists(target):
                shutil.copymode(target, temporary)  # who may read the old file, and no one else
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, target)
    except BaseException:
        with suppress(OSError):
            os.remove(temporary)
        raise

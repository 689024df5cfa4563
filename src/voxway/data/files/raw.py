"""The bytes of a file that came from outside."""

from __future__ import annotations

from pathlib import Path

from voxway.core.errors import InputError


def read_bytes(path: Path | str) -> bytes:
    """Read a whole file.

    Raises:
        InputError: it is absent or cannot be read.
    """
    try:
        return Path(path).read_bytes()
    except (FileNotFoundError, IsADirectoryError, NotADirectoryError):
        remedy = "Run `voxway check-data` to list everything that is missing."
        raise InputError(file=path, field="file", expected="present", found="absent", remedy=remedy) from None
    except OSError as error:
        remedy = "Check its permissions and the disk."
        raise InputError(file=path, field="file", expected="readable", found=error.strerror, remedy=remedy) from None

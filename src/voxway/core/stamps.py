"""Whether a file, or a list of names, is still what it was: what the system says of it, and what is in it."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path
from typing import TypeAlias

Stamp: TypeAlias = tuple[int, int, int, int]
"""Size, times of the last change of contents and of the file's entry (nanoseconds), number of the entry."""


_LARGE = 64 << 20
"""Bytes from which on a file's digest is remembered."""


def stamp(path: Path | str) -> Stamp | None:
    """What tells a file from its next version at no cost; None where there is none."""
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino


def digest(path: Path | str) -> str:
    """SHA-256 of a file's contents; empty where it cannot be read. Large files, such as recordings of which every frame
    comes from one, are gone through once as long as they stay the same."""
    stamped = stamp(path)
    if stamped is not None and stamped[0] >= _LARGE:
        return _kept(Path(path), stamped)
    return _digest(path)


@lru_cache(maxsize=64)
def _kept(path: Path, stamped: Stamp) -> str:
    return _digest(path)


def _digest(path: Path | str) -> str:
    try:
        with Path(path).open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return ""


def fingerprint_of(names: Iterable[str]) -> str:
    """SHA-256 of names in their order, a line each."""
    return digest_of("\n".join(names).encode())


def digest_of(data: bytes) -> str:
    """SHA-256 of bytes."""
    return hashlib.sha256(data).hexdigest()

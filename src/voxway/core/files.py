"""Atomic writing: a file is either the old one or the complete new one, never half of it."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeAlias

from voxway.core.contents import contents
from voxway.core.errors import InputError, OutputError, UserError

Json: TypeAlias = Any
"""What a JSON file holds: text, numbers, truth values, null, and lists and mappings of such."""


@contextmanager
def writing(path: Path | str) -> Generator[None]:
    """Turn what the operating system says about writing to `path` into an error that says what to do.

    Raises:
        OutputError: the folder is not writable or the disk is full.
    """
    try:
        yield
    except OSError as error:
        if isinstance(error, UserError):
            raise
        raise OutputError(
            file=path,
            field="writing",
            expected="a folder that can be written to, with space left",
            found=error.strerror or error,
            remedy="Free space or choose another folder; nothing was changed.",
        ) from error


@contextmanager
def atomic_path(path: Path | str) -> Generator[Path]:
    """Yield a temporary path beside `path`; rename it onto `path` if the block succeeds, remove it if not.

    Missing parent folders are made. An exception, Ctrl-C included, leaves the old file as it was.

    Raises:
        OutputError: the folder is not writable or the disk is full.
    """
    path = Path(path)
    temporary: Path | None = None
    try:
        with writing(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            handle, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".part", dir=path.parent)
            os.close(handle)
            temporary = Path(name)
            yield temporary
            with temporary.open("rb") as written:
                os.fsync(written.fileno())
            temporary.chmod(0o666 & ~_umask())
            temporary.replace(path)
    finally:
        if temporary is not None:
            temporary.unlink(missing_ok=True)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def write_bytes(path: Path | str, data: bytes) -> None:
    """Write `data` to `path` atomically."""
    with atomic_path(path) as temporary:
        temporary.write_bytes(data)


def write_json(path: Path | str, value: object) -> None:
    """Write `value` as indented JSON to `path` atomically."""
    write_bytes(path, (json.dumps(value, indent=2) + "\n").encode())


def read_json(path: Path | str, remedy: str = "Restore or rewrite the file.") -> Json:
    """Read JSON from `path`.

    Raises:
        InputError: the file is absent or is not JSON.
    """
    path = Path(path)
    try:
        data = path.read_bytes()
        return json.loads(data.decode("utf-8-sig"))
    except FileNotFoundError:
        raise InputError(file=path, field="file", expected="present", found="absent", remedy=remedy) from None
    except OSError as error:  # a folder, a path below a file, or no permission
        raise InputError(file=path, field="file", expected="a file", found=error.strerror, remedy=remedy) from None
    except (ValueError, RecursionError) as error:
        kind = contents(data)
        found, remedy = (error, remedy) if kind is None else (kind.name, kind.remedy)
        raise InputError(
            file=path, field="contents", expected="JSON", found=found if data else "an empty file", remedy=remedy
        ) from None

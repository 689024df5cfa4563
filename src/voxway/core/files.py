"""Files: written whole or not at all, and what the operating system says about them in five parts."""

from __future__ import annotations

import errno
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

COMPLETE = "Run `voxway check-data` to list everything that is missing."
"""What to do about an absent file of a dataset."""


@contextmanager
def reading(path: Path | str, remedy: str = COMPLETE) -> Generator[None]:
    """Turn what the operating system says about reading `path`, a file or a folder, into an error that says what to do.

    Errors without a system's error number, as decoders raise them for damaged contents, pass through.

    Args:
        path: what is read.
        remedy: what to do if it is absent.

    Raises:
        InputError: it is absent, a folder where a file is wanted or the other way round, or it cannot be read.
    """
    try:
        yield
    except OSError as error:
        if isinstance(error, UserError) or error.errno is None:
            raise
        raise _unreadable(path, error, remedy) from None


def _unreadable(path: Path | str, error: OSError, remedy: str) -> InputError:
    if isinstance(error, FileNotFoundError):
        return InputError(file=path, field="file", expected="present", found="absent", remedy=remedy)
    if isinstance(error, IsADirectoryError | NotADirectoryError):
        found = "a folder" if isinstance(error, IsADirectoryError) else "a path through something that is no folder"
        return InputError(file=path, field="file", expected="a file", found=found, remedy=remedy)
    owner = "Give yourself the right to read it (ls -l and chmod, or ask its owner)."
    remedy = owner if isinstance(error, PermissionError) else "Check the disk, or the connection to it, and try again."
    return InputError(file=path, field="reading", expected="readable", found=error.strerror, remedy=remedy)


_ABSENT = (errno.ENOENT, errno.ENOTDIR, errno.ELOOP)


def present(path: Path | str) -> bool:
    """Whether there is such a file or folder.

    Unlike `Path.exists`, which from Python 3.14 on takes what may not be looked at for absent.

    Raises:
        InputError: nobody can tell, as a folder above may not be looked into.
    """
    with reading(path):
        try:
            os.stat(path)
        except ValueError:  # a name that no file can have
            return False
        except OSError as error:
            if error.errno not in _ABSENT:
                raise
            return False
        return True


def listed(folder: Path | str) -> list[Path]:
    """What lies in a folder, sorted by name; nothing if there is no such folder.

    Unlike `Path.glob`, which takes a folder that may not be read for an empty one.

    Raises:
        InputError: it may not or cannot be read.
    """
    with reading(folder):
        try:
            return sorted(Path(folder).iterdir())
        except (FileNotFoundError, NotADirectoryError):
            return []


_ELSEWHERE = "Free space or choose another folder; nothing was changed."


@contextmanager
def writing(path: Path | str, remedy: str = _ELSEWHERE) -> Generator[None]:
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
            remedy=remedy,
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


def require_writable(path: Path | str) -> None:
    """Make sure that `path` can be written later, at the end of long work; makes missing parent folders.

    Raises:
        OutputError: the folder is not writable or the disk is full, or `path` is a folder.
    """
    path = Path(path)
    with writing(path):
        if path.is_dir():
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=path.parent):
            pass


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
        InputError: the file is absent, cannot be read, or is not JSON.
    """
    with reading(path, remedy):
        data = Path(path).read_bytes()
    try:
        return json.loads(data.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        kind = contents(data)
        found, remedy = (error, remedy) if kind is None else (kind.name, kind.remedy)
        raise InputError(
            file=path, field="contents", expected="JSON", found=found if data else "an empty file", remedy=remedy
        ) from None

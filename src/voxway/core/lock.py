"""One process at a time in a folder that it writes."""

from __future__ import annotations

import errno
import json
import os
import socket
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TypedDict

from voxway.core.errors import InputError
from voxway.core.files import writing

_NAME = ".lock"
_UNKNOWN = (errno.ENOSYS, errno.EOPNOTSUPP, errno.ENOLCK)
"""How file systems answer that know no locks."""
_held: set[int] = set()
"""Descriptors of the locks of this process; processes that it forks close theirs, so that no worker outlives a lock."""


class _Owner(TypedDict):
    host: str
    machine: str
    process: int


@contextmanager
def locked(folder: Path | str) -> Generator[None]:
    """Keep every other process out of a folder until the block ends.

    The system keeps the lock, on the file ``.lock``, and gives it up with the process that holds it, however that ends.
    The file says who that is. One that a process of another machine left behind may be in force: whether that process
    still runs cannot be told from here.

    Args:
        folder: made if missing.

    Raises:
        InputError: another process works in the folder, or one of another machine did and has not said that it ended.
        OutputError: the folder cannot be written to.
    """
    path = Path(folder) / _NAME
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = _taken(path)
    _held.add(descriptor)
    _close_in_children()
    try:
        yield
    finally:
        with suppress(OSError):
            path.unlink(missing_ok=True)
        _held.discard(descriptor)
        os.close(descriptor)


def _taken(path: Path) -> int:
    """The open lock file, locked, with this process's name in it."""
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        try:
            answer, owner = _lock(descriptor), _owner(descriptor)
            if answer is False or (answer is None and owner is not None and _runs(owner)):
                raise _busy(path, owner)
            if owner is not None and _elsewhere(owner):
                raise _left_behind(path, owner)
            if _is_still(descriptor, path):
                os.ftruncate(descriptor, 0)
                os.pwrite(descriptor, json.dumps(_myself()).encode(), 0)
                return descriptor
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)  # its holder removed the file between our opening and locking it


def _lock(descriptor: int) -> bool | None:
    """Whether the system gave us the lock; None where it knows none."""
    try:
        import fcntl

        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except ImportError:
        return None
    except OSError as error:
        if error.errno not in _UNKNOWN:
            raise
        return None
    return True


def _owner(descriptor: int) -> _Owner | None:
    """Whom the file names; None if nobody."""
    try:
        found = json.loads(os.pread(descriptor, 4096, 0))
        return _Owner(host=str(found["host"]), machine=str(found["machine"]), process=int(found["process"]))
    except (ValueError, KeyError, TypeError):
        return None


def _myself() -> _Owner:
    return _Owner(host=socket.gethostname(), machine=_machine(), process=os.getpid())


def _machine() -> str:
    """Linux's name for this start of this machine, the same in all its containers; empty elsewhere."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return ""


def _elsewhere(owner: _Owner) -> bool:
    """Whether the owner's locks may be unknown here."""
    return owner["host"] != socket.gethostname() and (not owner["machine"] or owner["machine"] != _machine())


def _runs(owner: _Owner) -> bool:
    """Whether a process of this host still runs."""
    try:
        os.kill(owner["process"], 0)
    except PermissionError:
        return True
    except OSError:
        return False
    return not _elsewhere(owner)


def _is_still(descriptor: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False


def _close_in_children() -> None:
    global _watching
    if not _watching and hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=_close_all)
        _watching = True


_watching = False


def _close_all() -> None:
    while _held:
        os.close(_held.pop())


def _busy(path: Path, owner: _Owner | None) -> InputError:
    return InputError(
        file=path.parent,
        field="lock",
        expected="a folder that no other process works in",
        found=f"{_named(owner)} at work",
        remedy="Wait until it ends, stop it, or choose another folder.",
    )


def _left_behind(path: Path, owner: _Owner) -> InputError:
    return InputError(
        file=path.parent,
        field="lock",
        expected="a folder that no other process works in",
        found=f"a lock of {_named(owner)}, of which cannot be told from here whether it still runs",
        remedy=f"Look there. If it has ended, delete {path} and start again; if not, choose another folder.",
    )


def _named(owner: _Owner | None) -> str:
    return "another process" if owner is None else f"process {owner['process']} on host {owner['host']}"

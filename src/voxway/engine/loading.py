"""Reading by processes of its own: errors come through as themselves, and little shared memory is no obstacle.

Processes hand over tensors in shared memory. Where that is small (64 MB in a container, unless told otherwise),
whatever finds no room travels through a pipe instead, which costs a copy.
"""

from __future__ import annotations

import logging
import os
import pickle
import re
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.reduction import ForkingPickler
from typing import Generic, TypeVar

from torch.utils.data import DataLoader

from voxway.core.errors import InputError, UserError

T = TypeVar("T")

logger = logging.getLogger(__name__)

_SHARED = "/dev/shm"
_FEWER = "Use fewer processes for reading (--set train.workers=1, or 0), or smaller micro-batches"


def read_ahead(read: Callable[[int], T], count: int, workers: int) -> Iterator[T]:
    """What `read` gives for 0, 1, 2 ..., in that order, read by so many processes ahead of time; 0: by this one.

    Raises:
        UserError: whatever `read` raises, in whichever process.
    """
    if not workers or not count:
        yield from map(read, range(count))
        return
    said = False
    loader = DataLoader(
        _Packing(read),  # ty: ignore[invalid-argument-type]  # __getitem__ is all that it needs
        batch_size=None,
        sampler=range(count),
        collate_fn=_as_it_is,
        num_workers=workers,
    )
    for packed in loader:
        if isinstance(packed, _Failed):
            raise packed.error
        if not packed.shared and not said:
            said = True
            logger.info(
                "shared memory is short (%s): batches come through pipes, which is slower. "
                "Give more of it (docker run --shm-size=2g), or set train.workers=0.",
                _size(),
            )
        yield _unpacked(packed)


@contextmanager
def explained_workers() -> Generator[None]:
    """Say what to do when a process that reads was killed; PyTorch reports that wherever this one happens to be.

    Raises:
        InputError: that happened.
    """
    try:
        yield
    except RuntimeError as error:
        killed = re.search(r"DataLoader worker \(pid\(?s?\)? ?[\d, ]+\).*?(?:\.|$)", str(error))
        if killed is None:
            raise
        raise InputError(
            file="train.workers",
            field="process",
            expected="to read samples until the end",
            found=killed[0].rstrip("."),
            remedy=f"Most often memory has run out. {_FEWER}, or allow for more memory. "
            "Checkpoints are kept; the same command continues.",
        ) from error


@dataclass(frozen=True)
class _Failed:
    """What kept a process from reading."""

    error: UserError | OSError


@dataclass(frozen=True)
class _Packed(Generic[T]):
    """Something on its way between processes."""

    content: bytes
    shared: bool
    """Whether its tensors lie in shared memory."""


class _Packing(Generic[T]):
    """Reads and packs, in the process that reads."""

    def __init__(self, read: Callable[[int], T]) -> None:
        self.read, self.sharing = read, True

    def __getitem__(self, number: int) -> _Packed[T] | _Failed:
        try:
            return self._packed(self.read(number))
        except (UserError, OSError) as error:
            return _Failed(error)

    def _packed(self, content: T) -> _Packed[T]:
        if self.sharing and _room():
            try:
                return _Packed(_shared(content), shared=True)
            except (RuntimeError, OSError):  # no room after all, or too many open files: not tried again
                self.sharing = False
        return _Packed(pickle.dumps(content, pickle.HIGHEST_PROTOCOL), shared=False)


def _shared(content: object) -> bytes:
    """Pickled with its tensors moved into shared memory."""
    return bytes(ForkingPickler.dumps(content))


def _as_it_is(packed: object) -> object:
    return packed


def _unpacked(packed: _Packed[T]) -> T:
    try:
        return pickle.loads(packed.content)
    except (RuntimeError, OSError) as error:
        raise InputError(
            file="train.workers",
            field="shared memory",
            expected="a batch",
            found=error,
            remedy=f"Allow for more open files (ulimit -n 65536). {_FEWER}.",
        ) from error


def _room() -> bool:
    """Whether at least half of the shared memory is free: the rest is left to others, and to what is on its way."""
    try:
        state = os.statvfs(_SHARED)
    except OSError:
        return True
    return 2 * state.f_bavail >= state.f_blocks


def _size() -> str:
    try:
        state = os.statvfs(_SHARED)
    except OSError:
        return "of unknown size"
    return f"{_SHARED}: {state.f_blocks * state.f_frsize / 2**20:.0f} MB"

"""Passes: files by key, each made once, again when what it is made from has changed, and by whoever needs it first.

Shards take runs of neighbours, as neighbours need each other's files of the pass before. Where a shard needs one that
another has not made yet, it makes it itself: both would write the same bytes, and a file appears whole or not at all,
so that no process waits for another, and one that was killed stops none.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from voxway.core.progress import progress_bar
from voxway.data.prepared.made import Origin


@dataclass(frozen=True, kw_only=True)
class Pass:
    """What there is to make, by keys in the order of time."""

    what: str
    """For the progress line."""
    keys: Sequence[str]
    targets: Callable[[str], Sequence[Path]]
    """The files of a key; the last one is written last."""
    make: Callable[[str], None]
    """Writes them, atomically."""
    origin: Origin
    """What they are made from."""

    def done(self, key: str) -> bool:
        """Whether the files of a key are there, made from what is there now.

        Raises:
            InputError: a record is damaged.
        """
        there = all(path.exists() for path in self.targets(key))
        return there and self.origin.known(key) and self.origin.difference(key) is None

    def ensure(self, keys: Iterable[str]) -> int:
        """Make the files of keys that are not done; how many were made."""
        made = 0
        for key in keys:
            if self.done(key):
                continue
            self.origin.forget(key)
            self.make(key)
            self.origin.record(key)
            made += 1
        return made

    def run(self, shard: tuple[int, int], show: bool = True) -> int:
        """Make what is not done of a shard's keys, and say how far it is.

        Raises:
            InputError: files there were made with other settings.
        """
        self.origin.check()
        mine = shared(self.keys, shard)
        left = [key for key in mine if not self.done(key)]
        with progress_bar(self.what, len(mine), len(mine) - len(left), show) as bar:
            for key in left:
                self.ensure([key])
                self.origin.claim()
                bar.advance(key)
        return len(left)


def shared(keys: Sequence[str], shard: tuple[int, int]) -> Sequence[str]:
    """The i-th of n runs of neighbours."""
    number, count = shard
    return keys[number * len(keys) // count : (number + 1) * len(keys) // count]

"""One runner for all preparation: files from keys, resumable and divisible.

A key whose file exists, made from what is there now, is done. Files appear by atomic rename, so a killed run leaves
none half-written, and any number of machines may work on shards of the same folder.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Sequence

from voxway.core.errors import InputError
from voxway.core.files import writing
from voxway.core.progress import progress_bar
from voxway.data.job import Job

_ABSENT = "absent"


def run(job: Job, *, shard: tuple[int, int] = (0, 1), show: bool = True, remake: bool = False) -> int:
    """Make the file of every key that has none yet, or whose sources have changed.

    Args:
        job: what there is to make.
        shard: (i, n): this call does keys i, i + n, i + 2n ...
        show: say how far it is.
        remake: make files again that were made with other settings, or nobody knows how, as in a cache; else the former
            are refused and the latter kept.

    Returns:
        how many files were made.

    Raises:
        InputError: files there were made with other settings.
    """
    mine, left = to_make(job, shard, remake)
    made = 0
    with progress_bar(job.what, len(mine), len(mine) - len(left), show) as bar:
        for key in left:
            made += make(job, key, remake)
            if job.origin is not None and key == left[0]:
                job.origin.claim()
            bar.advance(key)
    return made


def to_make(job: Job, shard: tuple[int, int], remake: bool) -> tuple[Sequence[str], list[str]]:
    """Keys of a shard, and those of them whose file is absent or not what would be made now; says why they are made
    again. Arguments are those of `run`.

    Raises:
        InputError: files there were made with other settings.
    """
    mine = job.keys[shard[0] :: shard[1]]
    if job.origin is not None and not remake:
        job.origin.check()
    reasons = {key: reason for key in mine if (reason := reason_to_make(job, key, remake)) is not None}
    again = [reason for reason in reasons.values() if reason != _ABSENT]
    log = logging.getLogger(__name__)
    if again:
        log.info("%s: %d of %d made again: %s", job.what, len(again), len(mine), again[0])
    if job.origin is not None:
        kept = sum(key not in reasons and not job.origin.known(key) for key in mine)
        if kept:
            log.info(
                "%s: %d of %d kept that were there before, from whatever they were made", job.what, kept, len(mine)
            )
    return mine, list(reasons)


def reason_to_make(job: Job, key: str, remake: bool) -> str | None:
    """Why the file of a key is to be made; None: it is done."""
    if not job.target(key).exists():
        return _ABSENT
    if job.origin is None:
        return None
    if job.origin.known(key):
        return job.origin.difference(key)
    return "nobody knows what they were made from" if remake else None


def make(job: Job, key: str, remake: bool) -> bool:
    """Make the file of a key, with the record of what it is made from, unless another process has by now.

    Two processes may want the same files at the same time. A file that is right is never taken away, so that one of
    them may read what the other still makes.

    Returns:
        whether it was made.
    """
    reason = reason_to_make(job, key, remake)
    if reason is None:
        return False
    target = job.target(key)
    if job.origin is not None:
        if reason != _ABSENT:
            with writing(target):  # never an old file beside a new record
                target.unlink(missing_ok=True)
        job.origin.record(key)
    try:
        job.make(key, target)
    except BaseException:
        if job.origin is not None:
            job.origin.forget(key)
        raise
    return True


def parse_shard(text: str) -> tuple[int, int]:
    """``"2/8"`` as (2, 8): the third of eight shards.

    Raises:
        InputError: not of that form, or i is not below n.
    """
    match = re.fullmatch(r"(\d+)/(\d+)", text)
    if not match or int(match[1]) >= int(match[2]):
        raise InputError(
            file="--shard",
            field="value",
            expected="i/N with i from 0 to N-1, such as 0/8",
            found=repr(text),
            remedy="Start one process per shard.",
        )
    return int(match[1]), int(match[2])

"""One runner for all preparation: files from keys, resumable and divisible.

A key whose file exists is done. Files appear by atomic rename, so a killed run leaves none half-written, and any number
of machines may work on shards of the same folder.
"""

from __future__ import annotations

import re

from voxway.core.errors import InputError
from voxway.core.progress import progress_bar
from voxway.data.job import Job


def run(job: Job, *, shard: tuple[int, int] = (0, 1), show: bool = True) -> int:
    """Make the file of every key that has none yet.

    Args:
        job: what there is to make.
        shard: (i, n): this call does keys i, i + n, i + 2n ...
        show: say how far it is.

    Returns:
        how many files were made.
    """
    mine = job.keys[shard[0] :: shard[1]]
    left = [key for key in mine if not job.target(key).exists()]
    with progress_bar(job.what, len(mine), len(mine) - len(left), show) as bar:
        for key in left:
            job.make(key, job.target(key))
            bar.advance(key)
    return len(left)


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

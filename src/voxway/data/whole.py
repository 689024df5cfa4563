"""Of a partial copy, the frames whose files are all there."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import lru_cache
from pathlib import Path

from voxway.core.errors import InputError
from voxway.data.files.presence import Presence

Files = Callable[[str], Mapping[str, Sequence[Path]]]
"""Of a frame's key, its files by what is read from them."""


def whole_keys(keys: Sequence[str], files: Files) -> tuple[str, ...]:
    """Those frames whose files are all there, and says how many are left out; all where none is whole, so that reading
    names what is missing."""
    lacking = missing_files(keys, files)
    whole = tuple(key for key in keys if key not in lacking)
    if not lacking or not whole:
        return tuple(keys)
    first = next(iter(next(iter(lacking.values())).values()))[0]
    tell_once(f"{len(lacking)} of {len(keys)} frames are left out: their files are not all there, such as {first}")
    return whole


def missing_files(keys: Sequence[str], files: Files) -> dict[str, dict[str, list[Path]]]:
    """The files that are missing, of every frame that lacks some, by what is read from them."""
    presence, lacking = Presence(), {}
    for key in keys:
        with suppress(InputError):  # a damaged record, which whoever reads the frame names
            found = {field: missing for field, paths in files(key).items() if (missing := presence.missing(paths))}
            if found:
                lacking[key] = found
    return lacking


@lru_cache(maxsize=32)
def tell_once(text: str) -> None:
    """Say it once, however often the same frames are opened."""
    logging.getLogger(__name__).info("%s", text)

"""How much a world holds: amounts checked, and spread over drives."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from voxway.core.errors import InputError


def check_counts(config: object, *, positive: Sequence[str], natural: Sequence[str]) -> None:
    """Refuse a configuration whose fields are out of range.

    Args:
        positive: fields that must be at least 1; mappings and tuples must have an entry, and all entries be so.
        natural: fields that must be at least 0.

    Raises:
        ValueError: one is not.
    """
    for names, least in ((positive, 1), (natural, 0)):
        for name in names:
            value = getattr(config, name)
            entries = value.values() if isinstance(value, Mapping) else value if isinstance(value, tuple) else (value,)
            if min(entries, default=0) < least:
                raise ValueError(f"{name} must be at least {least} everywhere, got {value}")


def spread(frames: int, names: Sequence[str], count: int) -> dict[str, int]:
    """Spread `frames` evenly over the first `count` of `names`, or over fewer if there are fewer frames."""
    used = names[: min(count, frames)]
    return {name: frames // len(used) + (i < frames % len(used)) for i, name in enumerate(used)}


def check_amounts(train: int, val: int, drives: int, most: int, seed: int) -> None:
    """Refuse amounts of frames and drives that make no world.

    Raises:
        InputError: one is out of range.
    """
    if min(train, val, drives) < 1 or drives > most or seed < 0:
        raise InputError(
            file="world",
            field="--train, --val, --sequences, --seed",
            expected=f"at least one frame of each split, 1 to {most} drives, a seed of at least 0",
            found=f"{train}, {val}, {drives}, {seed}",
            remedy="Change the number that is out of range.",
        )

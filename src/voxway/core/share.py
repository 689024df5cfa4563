"""Shares as people write them, exact."""

from __future__ import annotations

from fractions import Fraction


def exact_share(name: str, text: str) -> Fraction:
    """A share above 0 and of at most 1, from a fraction such as ``"1/10"`` or ``"0.1"``.

    Args:
        name: of the setting, for the error.
        text: the fraction.

    Raises:
        ValueError: it is no fraction, or not in that range.
    """
    try:
        share = Fraction(text)
    except (ValueError, ZeroDivisionError):
        raise ValueError(f'{name} is a fraction such as "1/10" or "0.1", got {text!r}') from None
    if not 0 < share <= 1:
        raise ValueError(f"{name} lies above 0 and is at most 1, got {text}")
    return share

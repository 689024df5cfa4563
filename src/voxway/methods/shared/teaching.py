"""What students do alike with what a teacher says."""

from __future__ import annotations

from torch import Tensor

from voxway.core.errors import InputError
from voxway.methods.contract import Said


def heard(said: Said, name: str) -> Tensor:
    """What the teacher says under a name, without gradients.

    Raises:
        InputError: it says nothing under that name.
    """
    if name not in said:
        raise InputError(
            file="teacher",
            field=name,
            expected=f"a teacher that says {name!r}",
            found=f"one that says {', '.join(said) or 'nothing'}",
            remedy="Choose a teacher of the student's method, or another way to follow it.",
        )
    return said[name].detach()

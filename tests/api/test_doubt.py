"""How sure a network is, beside what is usual."""

from __future__ import annotations

import pytest
import torch

from tests.methods.tiny import TASK, sample
from voxway.api.doubt import UsualSureness, kind_of, sureness, told
from voxway.core.errors import InputError
from voxway.core.occupancy import Occupancy
from voxway.core.sample import Sample

USUAL = {kind: UsualSureness(middle=0.8, low=0.6) for kind in ("pictures", "scan", "both")}


def said(probability: float, voxels: int = 3) -> Occupancy:
    """Class 1 with that probability in some voxels, and certainly nothing elsewhere."""
    likely = torch.zeros(len(TASK.classes), TASK.grid.count)
    likely[TASK.free] = 1
    likely[:, :voxels] = (1 - probability) / (len(TASK.classes) - 1)
    likely[1, :voxels] = probability
    logits = likely.clamp(min=1e-9).log().view(-1, *TASK.grid.shape)
    return Occupancy(task=TASK, classes=logits.argmax(0).to(torch.uint8), logits=logits)


def test_sureness_is_of_what_is_said_to_be_there() -> None:
    assert sureness(said(0.7)) == pytest.approx(0.7, abs=1e-4)
    assert sureness(said(0.7, voxels=0)) == 0, "nothing there at all"
    assert sureness(said(0.7).ranked(1)) == pytest.approx(0.7, abs=1e-3), "half precision will do"
    with pytest.raises(InputError):
        sureness(Occupancy(task=TASK, classes=said(0.7).classes))


def test_what_is_rare_is_warned_of() -> None:
    one = sample(0)
    assert told(USUAL, one, said(0.7)) == f"{one.key}: 70% sure of what it says is there; 80% is usual"
    assert "do not trust this" in told(USUAL, one, said(0.5))


def test_sensors_that_were_not_measured_have_no_usual() -> None:
    one, pictures = sample(0), {"pictures": USUAL["pictures"]}
    assert told(pictures, one, said(0.5)).endswith(
        "50% sure of what it says is there; what is usual was not measured for such sensors"
    )


def test_kinds_of_input() -> None:
    one = sample(0)
    assert one.points is not None and one.images is not None
    assert kind_of(one) == "both"
    assert kind_of(Sample(key="a", grid=one.grid, images=one.images, points=one.points[:0])) == "pictures"
    assert kind_of(Sample(key="a", grid=one.grid, points=one.points)) == "scan"
    with pytest.raises(InputError, match="shares from 0 to 1, ascending"):
        UsualSureness(middle=0.5, low=0.6)

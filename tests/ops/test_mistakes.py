"""Drawn errors: the kinds and rates that were asked for, the same for the same generator, nothing where nothing is."""

from __future__ import annotations

import pytest
import torch

from voxway.ops.mistakes import Mistakes, with_mistakes

SKY, UNKNOWN = 254, 255


def street():
    """Road, a building, sky, poles of three pixels, and a strip that nobody knows."""
    classes = torch.full((240, 800), 9, dtype=torch.uint8)
    classes[:100] = 13
    classes[:30] = SKY
    for column in range(20, 800, 40):
        classes[40:160, column : column + 3] = 18
    classes[:, 780:] = UNKNOWN
    return classes


def drawn(mistakes, seed=0):
    return with_mistakes(street(), mistakes, torch.Generator().manual_seed(seed))


NONE = Mistakes(confused=0.0, missed=0.0, ragged_px=0.0)


def test_no_rates_no_mistakes():
    assert torch.equal(drawn(NONE), street())


def test_regions_are_taken_for_classes_alike():
    found = drawn(Mistakes(alike={9: (11, 17)}, confused=0.3, missed=0.0, ragged_px=0.0))
    road = street() == 9
    assert torch.equal(found[~road], street()[~road])
    taken = found[road] != 9
    assert 0.15 < taken.float().mean() < 0.45
    assert set(found[road].unique().tolist()) == {9, 11, 17}
    # In regions: neighbours err together.
    wrong = (found != street()) & road
    along = wrong[200, :-1] == wrong[200, 1:]
    assert along.float().mean() > 0.95


def test_small_things_are_missed():
    found = drawn(Mistakes(small=frozenset({18}), confused=0.0, missed=0.4, ragged_px=0.0))
    poles = street() == 18
    assert torch.equal(found[~poles], street()[~poles])
    assert 0.2 < (found[poles] != 18).float().mean() < 0.6
    assert set(found[poles].unique().tolist()) <= {9, 13, 18, UNKNOWN}


def test_borders_are_ragged_and_insides_are_not():
    found = drawn(Mistakes(confused=0.0, missed=0.0, ragged_px=2.0))
    wrong = found != street()
    assert wrong[95:105].float().mean() > 0.05
    assert not wrong[215:, :760].any()


def test_unknown_stays_unknown_and_draws_repeat():
    mistakes = Mistakes(alike={9: (11,)}, small=frozenset({18}))
    found = drawn(mistakes)
    assert (found[street() == UNKNOWN] == UNKNOWN).all()
    assert torch.equal(found, drawn(mistakes))
    assert not torch.equal(found, drawn(mistakes, seed=1))


@pytest.mark.parametrize("wrong", [{"confused": 1.5}, {"missed": -0.1}, {"ragged_px": -1.0}, {"region_px": 0}])
def test_rates_are_checked(wrong):
    with pytest.raises(ValueError, match="got"):
        Mistakes(**wrong)

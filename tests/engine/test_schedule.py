import pytest

from voxway.engine.schedule import Schedule


def test_published_cosine_is_constant_within_an_epoch():
    schedule = Schedule(warmup_steps=2, hold_steps=10, final_factor=1e-3)
    factors = [schedule.factor(step, 200) for step in range(200)]
    assert factors[:2] == pytest.approx([1 / 3, 2 / 3])
    assert len(set(factors[10:20])) == 1 and factors[20] < factors[19]
    # lr(e) = min + (1 - min)/2 (1 + cos(pi e / 20)) at epoch 10 of 20
    assert abs(factors[100] - (1e-3 + 0.999 * 0.5)) < 1e-12


def test_steps_and_constant():
    schedule = Schedule(kind="step", decay_steps=(5, 8), decay_factor=0.5)
    assert [schedule.factor(step, 10) for step in (0, 4, 5, 8, 9)] == [1, 1, 0.5, 0.25, 0.25]
    assert Schedule(kind="constant").factor(7, 10) == 1

"""Which samples are visited when: every one once per epoch, or a share of all visits for labelled ones."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.engine.processes import assert_same, finish, kill_when, start, weights
from tests.engine.toy import Plain, ToyConfig
from tests.engine.toy_run import CONFIG, HALF
from voxway.core.errors import InputError
from voxway.engine.train import train
from voxway.engine.train_config import TrainConfig
from voxway.engine.visit_order import micro_batches, shared, shuffled
from voxway.engine.visits import visit_order

RUN = "tests.engine.toy_run"


@given(st.integers(1, 30), st.integers(1, 6), st.integers(1, 3), st.integers(0, 99))
def test_every_sample_once_per_epoch(count: int, micro: int, parts: int, seed: int) -> None:
    batch, visit = micro * parts, shuffled(range(count), seed)
    steps = 2 * count
    order = [i for step in range(steps) for part in micro_batches(visit, step, batch, micro) for i in part]
    for epoch in range(len(order) // count):
        assert sorted(order[epoch * count : (epoch + 1) * count]) == list(range(count))


def test_order_depends_on_the_seed() -> None:
    assert len({tuple(map(shuffled(range(50), seed), range(8))) for seed in range(5)}) == 5


def test_the_order_of_earlier_versions() -> None:
    """Runs that have begun go on as they did."""
    assert [shuffled(range(5), 42)(i) for i in range(10)] == [3, 0, 1, 2, 4, 1, 2, 4, 3, 0]


@given(st.integers(1, 9), st.integers(1, 9), st.fractions(Fraction(1, 20), 1), st.integers(1, 8), st.integers(0, 9))
def test_any_visits_in_a_row_have_their_share(
    labelled: int, others: int, share: Fraction, length: int, seed: int
) -> None:
    visit = shared(range(labelled), range(labelled, labelled + others), share, seed)
    of_labels = [visit(i) < labelled for i in range(60)]
    for first in range(60 - length):
        assert abs(sum(of_labels[first : first + length]) - length * share) < 1


@pytest.mark.parametrize("batch", [2, 4])
def test_half_of_every_batch(batch: int) -> None:
    visit = shared(range(3), range(3, 30), Fraction(1, 2), 0)
    for step in range(40):
        assert sum(i < 3 for part in micro_batches(visit, step, batch, 2) for i in part) == batch / 2


def test_both_kinds_are_visited_once_per_epoch_of_their_own() -> None:
    visit = shared((0, 2, 4), (1, 3, 5), Fraction(1, 2), 7)
    order = [visit(i) for i in range(120)]
    kinds = [i for i in order if i % 2 == 0], [i for i in order if i % 2]
    for one in kinds:
        assert all(len(set(one[i : i + 3])) == 3 for i in range(0, 60, 3))
    pairs = set(zip(*kinds))
    assert len(pairs) == 9  # neither follows the other


def test_which_order_a_run_takes() -> None:
    half = TrainConfig(steps=1, labelled_visits="1/2")
    order = visit_order(half, Plain())
    assert [Plain.labelled[order(i)] for i in range(6)] == [False, True] * 3
    every = [visit_order(config, AllLabelled()) for config in (half, replace(half, labelled_visits=None))]
    assert [every[0](i) for i in range(20)] == [every[1](i) for i in range(20)]
    assert all(Plain.labelled[visit_order(replace(half, labelled_visits="1"), Plain())(i)] for i in range(9))


class AllLabelled(Plain):
    labelled = (True,) * 5


class NoneLabelled(Plain):
    labelled = (False,) * 5


class Silent:
    keys = Plain.keys

    def __len__(self) -> int:
        return 5

    def __getitem__(self, index: int) -> object:
        raise AssertionError("nothing is read before the run is known to be possible")


def test_what_cannot_be_shared_is_said_before_training(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"NoneLabelled: labelled: expected some labelled samples.*found none among 5"):
        train(HALF, ToyConfig(), NoneLabelled(), tmp_path, show=False)
    with pytest.raises(InputError, match=r"Silent: labelled: .*found no word about which samples are"):
        train(HALF, ToyConfig(), Silent(), tmp_path, show=False)
    assert not list(tmp_path.iterdir())
    for wrong in ("half", "0", "2"):
        with pytest.raises(ValueError, match="labelled_visits"):
            TrainConfig(steps=1, labelled_visits=wrong)


def test_killed_or_shared_by_processes_it_ends_in_the_same_bits(tmp_path: Path) -> None:
    one, two, killed = (tmp_path / name for name in ("one", "two", "killed"))
    finish(start(RUN, one, "half"))
    finish(start(RUN, two, "half", processes=2))
    kill_when(start(RUN, killed, "half", "slow"), lambda: (killed / "checkpoints/step-00000006").exists())
    finish(start(RUN, killed, "half"))
    for other in (two, killed):
        assert_same(weights(one), weights(other))
    train(CONFIG, ToyConfig(), Plain(), tmp_path / "by-chance", show=False)
    with pytest.raises(AssertionError):
        assert_same(weights(one), weights(tmp_path / "by-chance"))

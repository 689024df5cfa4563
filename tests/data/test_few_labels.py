"""Which names keep their labels: evenly spread by exact shares, drawn with any seed, and wrong shares named."""

from __future__ import annotations

import itertools
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest

from tests.data.toys import kitti, write_kitti
from voxway.core.errors import InputError
from voxway.data.semantickitti.config import SemanticKITTIConfig
from voxway.data.steps.few_labels import drawn, spread


@pytest.mark.parametrize(("frames", "kept"), [(3834, 383), (28130, 2813), (10, 1), (9, 0)])
def test_a_tenth(frames: int, kept: int) -> None:
    names = [f"{i:06d}" for i in range(frames)]
    if not kept:
        with pytest.raises(InputError, match="labelled_share: expected at least 1/9"):
            spread(names, Fraction(1, 10))
        return
    found = sorted(spread(names, Fraction("0.1")))
    assert len(found) == kept
    assert {int(b) - int(a) for a, b in itertools.pairwise(found)} <= {10}
    assert found[0] == "000009"


def test_shares_are_exact_and_nested_where_they_divide() -> None:
    names = [str(i) for i in range(3000)]
    third = spread(names, Fraction(1, 3))
    assert len(third) == 1000 and third == {str(i) for i in range(2, 3000, 3)}
    assert spread(names, Fraction(1)) == set(names)
    assert spread(names, Fraction(1, 100)) <= spread(names, Fraction(1, 10)) <= spread(names, Fraction(1, 2))


def test_another_seed_draws_others() -> None:
    names = [str(i) for i in range(100)]
    assert drawn(names, 10) == drawn(names, 10, 42) != drawn(names, 10, 43)


@pytest.mark.parametrize("share", ["0", "-1/10", "3/2", "a tenth", "1/0"])
def test_wrong_shares_are_named(share: str) -> None:
    with pytest.raises(ValueError, match="labelled_share"):
        SemanticKITTIConfig(root=Path(), labelled_share=share)


def test_two_ways_to_say_it_are_one_too_many() -> None:
    with pytest.raises(ValueError, match="choose one"):
        SemanticKITTIConfig(root=Path(), labelled_share="1/10", labelled=3)


def test_of_a_dataset(tmp_path: Path) -> None:
    config = replace(kitti(write_kitti(tmp_path)).config, needs=frozenset({"target"}))
    whole = config.build()
    frames = replace(config, labelled_share="1/2", labelled_by="frames").build()
    supervising = [frames[key].labelled for key in frames.keys]
    assert supervising == [i % 2 == 1 for i in range(len(whole))]
    drives = replace(config, labelled_share="2/3", labelled_by="drives").build()
    assert len({key.split("/")[0] for key in drives.keys if drives.labels.supervises(key)}) == 2
    assert (
        len(replace(config, labelled_share="1/2", labelled_by="frames", only_labelled=True).build()) == len(whole) // 2
    )


@pytest.mark.parametrize(
    ("settings", "words", "frames"),
    [
        ({}, "all", None),
        ({"labelled_share": "0.5", "labelled_by": "frames"}, "1/2 of frames, evenly spread", "half"),
        ({"labelled": 2, "labelled_by": "frames", "labelled_seed": 7}, "2/{all} of frames, drawn with seed 7", 2),
        ({"labelled_share": "2/3"}, "2/3 of drives, drawn with seed 42", None),
        ({"labelled": 1}, "1/3 of drives, drawn with seed 42", None),
    ],
)
def test_the_rule_is_told(settings: dict[str, object], words: str, frames: int | str | None, tmp_path: Path) -> None:
    samples = replace(kitti(write_kitti(tmp_path)).config, needs=frozenset({"target"}), **settings).build()
    listed = samples.label_list
    assert str(listed.rule) == words.format(all=len(samples))
    assert listed.keys == tuple(key for key in samples.keys if samples[key].labelled) and listed.of == len(samples)
    assert frames is None or len(listed.keys) == (len(samples) // 2 if frames == "half" else frames)
    assert listed.few == samples.config.few_labels
    assert not replace(samples.config.all_labelled(), split="train").build().label_list.few

"""Class counts: what a loop counts, of labelled frames alone, once each, and again what has changed."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.data.conftest import nuscenes_root  # noqa: F401  # a fixture
from tests.data.toys import kitti, nuscenes, write_kitti
from tests.opened import opened
from tests.small_world import rewrite
from voxway.core.errors import InputError
from voxway.core.task import IGNORE
from voxway.data.samples import Samples
from voxway.data.steps.selection import Selection, write_bits
from voxway.engine.distributed import Group
from voxway.prepare.class_counts import class_counts, counting
from voxway.prepare.runner import run


@pytest.fixture
def samples(tmp_path: Path) -> Samples:
    config = kitti(write_kitti(tmp_path / "data")).config
    return replace(config, needs=frozenset({"target"}), labelled_share="1/2", labelled_by="frames").build()


def by_hand(samples: Samples, *masks: str) -> list[int]:
    counts = [0] * len(samples.task.classes)
    for key in samples.keys:
        sample = samples[key]
        if sample.labelled:
            inside = np.all([sample.masks[mask].numpy() for mask in masks], 0) if masks else True
            for name, count in zip(*np.unique(sample.target.numpy()[inside], return_counts=True), strict=True):
                if name != IGNORE:
                    counts[name] += int(count)
    return counts


def test_labelled_frames_are_counted_once_and_no_other_is_opened(samples: Samples, tmp_path: Path) -> None:
    listed = samples.label_list.keys
    with opened() as files:
        found = class_counts(samples, (), tmp_path / "cache", show=False)
    assert list(found) == by_hand(samples) and min(found[9], found[13], found[0]) > 0
    read = {f"{path.parents[1].name}/{path.stem}" for path in files if path.suffix == ".label"}
    assert read == set(listed) and len(listed) == len(samples) // 2
    with opened() as files:
        assert class_counts(samples, (), tmp_path / "cache", show=False) == found
    assert not [path for path in files if path.parent.name == "voxels"]


def test_a_changed_label_file_is_counted_again(samples: Samples, tmp_path: Path) -> None:
    before = class_counts(samples, (), tmp_path / "cache", show=False)
    label = samples.files(samples.label_list.keys[0])["target"][0]
    rewrite(label, np.full(256 * 256 * 32, 10, np.uint16).tobytes())
    after = class_counts(samples, (), tmp_path / "cache", show=False)
    assert after != before and list(after) == by_hand(samples)


def test_more_frames_count_what_is_new(samples: Samples, tmp_path: Path) -> None:
    class_counts(samples, (), tmp_path / "cache", show=False)
    more = replace(samples.config, labelled_share="2/3").build()
    assert set(samples.label_list.keys) != set(more.label_list.keys)
    with opened() as files:
        found = class_counts(more, (), tmp_path / "cache", show=False)
    read = {f"{path.parents[1].name}/{path.stem}" for path in files if path.suffix == ".label"}
    assert read == set(more.label_list.keys) - set(samples.label_list.keys)
    assert list(found) == by_hand(more)


def test_processes_share_the_counting(samples: Samples, tmp_path: Path) -> None:
    job = counting(samples, tmp_path / "class_counts" / "all")
    for rank in range(2):
        assert run(job, shard=(rank, 2), show=False, remake=True) == len(job.keys[rank::2])
    with opened() as files:
        found = class_counts(samples, (), tmp_path, Group(), show=False)
    assert list(found) == by_hand(samples)
    assert not [path for path in files if path.suffix == ".label"]


def test_voxels_that_a_selection_leaves(samples: Samples, tmp_path: Path) -> None:
    key = samples.keys[1]
    selection = Selection(tmp_path / "chosen").with_round([key], voxels="some")
    half = np.zeros(samples.task.grid.shape, bool)
    half[:128] = True
    selection.voxel_path(0, key).parent.mkdir(parents=True)
    write_bits(selection.voxel_path(0, key), half)
    chosen = replace(samples.config.all_labelled(), selection=tmp_path / "chosen").build()
    first = class_counts(chosen, (), tmp_path / "cache", show=False)
    assert list(first) == by_hand(chosen) and sum(first) < 128 * 256 * 32
    write_bits(selection.voxel_path(0, key), ~half)
    second = class_counts(replace(chosen.config).build(), (), tmp_path / "cache", show=False)
    assert list(second) == by_hand(replace(chosen.config).build()) and second != first


def test_inside_masks(nuscenes_root: Path, tmp_path: Path) -> None:  # noqa: F811
    config = replace(nuscenes(nuscenes_root).config, needs=frozenset({"target"}))
    samples = config.build()
    everywhere = class_counts(samples, (), tmp_path, show=False)
    inside = class_counts(samples, ("camera",), tmp_path, show=False)
    assert list(everywhere) == by_hand(samples) and list(inside) == by_hand(samples, "camera")
    assert sum(inside) < sum(everywhere)


@pytest.mark.parametrize("content", [[1, 2], {"a": 1}, [0.5] * 20])
def test_damaged_counts_are_named(samples: Samples, content: object, tmp_path: Path) -> None:
    class_counts(samples, (), tmp_path, show=False)
    path = tmp_path / "class_counts" / "all" / f"{samples.label_list.keys[0]}.json"
    path.write_text(json.dumps(content))
    with pytest.raises(InputError, match=r"\.json: counts: expected 20 whole numbers.*Delete it"):
        class_counts(samples, (), tmp_path, show=False)


def test_without_any_label_there_is_nothing_to_count(samples: Samples, tmp_path: Path) -> None:
    other = replace(samples.config, keys=(samples.keys[0],)).build()
    with pytest.raises(InputError, match="labelled: expected at least one frame with labels"):
        class_counts(other, (), tmp_path, show=False)


def test_a_missing_label_file_is_named_and_leaves_no_count(samples: Samples, tmp_path: Path) -> None:
    shutil.rmtree(samples.files(samples.label_list.keys[0])["target"][0].parent)
    with pytest.raises(InputError, match="label: file: expected present, found absent"):
        class_counts(samples, (), tmp_path / "cache", show=False)
    assert not (tmp_path / "cache" / "class_counts" / "all" / f"{samples.label_list.keys[0]}.json").exists()

"""Active selection: entropies, which frames and voxels win, rounds that add up, and readers that obey."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch

from tests.data import toy_nuscenes as toy
from voxway.core.errors import InputError
from voxway.core.sample import Batch, Prediction
from voxway.data.nuscenes.config import Occ3DNuScenesConfig
from voxway.data.steps.selection import Selection
from voxway.prepare.selection import choose_frames, choose_voxels, frame_entropies, select, voxel_entropy


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    root = toy.write_nuscenes(tmp_path_factory.mktemp("selection"))
    return Occ3DNuScenesConfig(root=root, partial=True, needs=frozenset({"target"}))


def network(batch: Batch) -> Prediction:
    """Unsure of class 4 everywhere, by a different amount in each frame and voxel."""
    generator = torch.Generator().manual_seed(sum(map(ord, batch.keys[0])))
    logits = torch.zeros(1, 18, *batch.grid.shape)
    logits[:, 17] = 2 + 6 * torch.rand(batch.grid.shape, generator=generator)
    logits[:, 4] = 6 * torch.rand(batch.grid.shape, generator=generator)
    return Prediction(logits=logits)


def test_entropy_of_certainty_and_of_ignorance():
    logits = torch.zeros(1, 4, 2, 1, 1)
    logits[0, 2, 0] = 50
    assert voxel_entropy(logits).flatten().tolist() == pytest.approx([0, math.log(4)], abs=1e-6)


def test_frames_of_highest_entropy_win_and_none_twice():
    entropies = {"a": 0.1, "b": 0.9, "c": 0.5, "d": 0.9}
    assert choose_frames(entropies, 2) == ["b", "d"]
    assert choose_frames(entropies, 2, taken=["b"]) == ["d", "c"]
    with pytest.raises(InputError, match="--frames: expected at most 3"):
        choose_frames(entropies, 4, taken=["b"])


def test_voxels_of_highest_entropy_inside_the_mask():
    entropy = torch.arange(24.0).view(2, 3, 4)
    inside = torch.ones(2, 3, 4, dtype=torch.bool)
    inside[1, 2, 3] = False  # the most uncertain of all
    chosen = choose_voxels(entropy, inside, 4 / 23)
    assert sorted(entropy[chosen].tolist()) == [19, 20, 21, 22]


def test_voxels_spread_over_classes():
    entropy = torch.arange(24.0).view(2, 3, 4)
    classes = torch.zeros(2, 3, 4, dtype=torch.uint8)
    classes[0, 0, 0] = 1  # the surest voxel of all, and the only one of its class
    chosen = choose_voxels(entropy, torch.ones_like(classes).bool(), 4 / 24, classes)
    # Two for each class; what class 1 lacks goes to the most uncertain of the others.
    assert sorted(entropy[chosen].tolist()) == [0, 21, 22, 23]


def test_ranking_continues_and_is_shared(data, tmp_path):
    reader = data.build()
    first = frame_entropies(network, reader, tmp_path, shard=(0, 2), show=False)
    assert set(first) == set(reader.keys[::2])

    def never(batch: Batch) -> Prediction:
        raise AssertionError(f"{batch.keys} was ranked before")

    both = frame_entropies(network, reader, tmp_path, shard=(1, 2), show=False)
    assert frame_entropies(never, reader, tmp_path, show=False) == both
    frame = reader[0]
    inside = frame.masks["camera"]
    batch = Batch(keys=(frame.key,), grid=frame.grid)
    expected = voxel_entropy(network(batch).logits)[0][inside].mean()
    assert both[frame.key] == pytest.approx(float(expected), rel=1e-5)


def test_rounds_add_up_and_readers_obey(data, tmp_path):
    reader = data.build()
    entropies = {key: float(i) for i, key in enumerate(reader.keys)}
    best, second = reader.keys[-1], reader.keys[-2]
    selection = select(network, reader, Selection(tmp_path), entropies, frames=1, voxels=0.01, show=False)
    selection = select(network, reader, selection, entropies, voxels=0.01, per_class=True, show=False)
    selection = select(network, reader, selection, entropies, frames=1, show=False)
    assert Selection.load(tmp_path) == selection and selection.keys == {best, second}
    # One per cent of the mask, then one of what was left; the second frame is labelled wholly.
    grid, whole = reader.benchmark.grid, reader[best]
    count = int(whole.masks["camera"].sum())
    chosen = selection.voxels(best, grid)
    assert chosen.sum() == round(0.01 * count) + round(0.01 * (count - round(0.01 * count)))
    assert not (chosen & ~whole.masks["camera"].numpy()).any()
    assert selection.voxels(second, grid) is None

    few = replace(data, selection=tmp_path).build()
    assert [few[key].labelled for key in reader.keys] == [key in (best, second) for key in reader.keys]
    assert torch.equal(few[second].target, reader[second].target)
    assert ((few[best].target == 255).numpy() == ~chosen).all()
    assert (few[reader.keys[0]].target == 255).all()
    assert replace(data, selection=tmp_path, only_labelled=True).build().keys == (second, best)
    held_out = replace(data, selection=tmp_path, split="val").build()
    assert held_out[0].labelled


def test_bad_selections(data, tmp_path):
    reader = data.build()
    with pytest.raises(InputError, match="--voxels: expected a share above 0"):
        select(network, reader, Selection(tmp_path), {}, voxels=1.5)
    with pytest.raises(InputError, match=r"selection\.json"):
        replace(data, selection=tmp_path / "none").build()
    chosen = Selection(tmp_path).with_round(["x"], voxels=0.1)
    path = chosen.voxel_path(0, "x")
    path.parent.mkdir(parents=True)
    path.write_bytes(b"123")
    with pytest.raises(InputError, match="size: expected 80000 bytes"):
        chosen.voxels("x", reader.benchmark.grid)

"""Samples are validated, batches are their samples put together, and what does not fit is named."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, replace

import pytest
import torch

from voxway.core.camera import Cameras
from voxway.core.errors import InputError
from voxway.core.grid import VoxelGrid
from voxway.core.sample import NEEDS, Batch, Prediction, Sample, collate

GRID = VoxelGrid((0.0, 0.0, 0.0), (1.0, 1.0, 1.0), (4, 4, 2))


def cameras(sizes: list[tuple[int, int]]) -> Cameras:
    count = len(sizes)
    K = torch.eye(3).double().expand(count, 3, 3)
    return Cameras.pinhole(K, torch.eye(4).double().expand(count, 4, 4), torch.tensor(sizes))


def sample(key: str = "a", size: tuple[int, int] = (6, 8), points: int = 3, seed: int = 0) -> Sample:
    generator = torch.Generator().manual_seed(seed)
    height, width = size
    return Sample(
        key=key,
        grid=GRID,
        cameras=cameras([size, size]),
        images=torch.randint(1, 256, (2, 3, height, width), generator=generator, dtype=torch.uint8),
        points=torch.rand(points, 4, generator=generator),
        pose=torch.eye(4).double(),
        target=torch.randint(0, 20, GRID.shape, generator=generator, dtype=torch.uint8),
        masks={"camera": torch.rand(GRID.shape, generator=generator) > 0.5},
        proposals=torch.rand(2, 2, 1, generator=generator) > 0.5,
        semantics_2d=torch.randint(0, 20, (2, height, width), generator=generator, dtype=torch.uint8),
        depth=torch.rand(2, height, width, generator=generator),
    )


def test_needs_are_fields_of_sample_and_batch() -> None:
    for kind in (Sample, Batch):
        assert {f.name for f in fields(kind)} >= NEEDS


def test_a_batch_of_one_is_its_sample() -> None:
    one = sample()
    batch = collate([one])
    assert len(batch) == 1 and batch.keys == ("a",) and batch.grid is GRID
    for name in ("images", "pose", "target", "proposals", "semantics_2d", "depth"):
        assert (getattr(batch, name)[0] == getattr(one, name)).all(), name
    assert (batch.masks["camera"][0] == one.masks["camera"]).all()
    assert (batch.points == one.points).all()
    assert batch.point_offsets.tolist() == [0, 3]


def test_points_are_concatenated_with_offsets() -> None:
    samples = [sample("a", points=3), sample("b", points=0, seed=1), sample("c", points=5, seed=2)]
    batch = collate(samples)
    assert batch.point_offsets.tolist() == [0, 3, 3, 8]
    for i, one in enumerate(samples):
        begin, end = batch.point_offsets[i : i + 2].tolist()
        assert (batch.points[begin:end] == one.points).all()


def test_unlike_images_are_padded_at_right_and_bottom() -> None:
    small, large = sample("small", (6, 8)), sample("large", (7, 12), seed=1)
    batch = collate([small, large])
    assert batch.images.shape == (2, 2, 3, 7, 12)
    assert (batch.images[0, ..., :6, :8] == small.images).all()
    assert not batch.images[0, ..., 6:, :].any() and not batch.images[0, ..., 8:].any()
    assert (batch.semantics_2d[0, :, 6:] == 255).all() and (batch.semantics_2d[0, :, :, 8:] == 255).all()
    assert not batch.depth[0, :, 6:].any()
    assert batch.cameras.size_px.tolist() == [[[6, 8]] * 2, [[7, 12]] * 2]  # the true sizes stay known


def test_pseudo_labels_and_evidence() -> None:
    """Labels are padded with what is unknown; volumes stand side by side."""
    small, large = sample("small", (6, 8)), sample("large", (7, 12), seed=1)
    said = [torch.full((2, *size), 3, dtype=torch.uint8) for size in ((6, 8), (7, 12))]
    rays = torch.arange(32, dtype=torch.uint8).view(GRID.shape)
    batch = collate([replace(s, pseudo_labels=p, evidence=rays) for s, p in zip((small, large), said)])
    assert (batch.pseudo_labels[0, :, :6, :8] == 3).all() and (batch.pseudo_labels[1] == 3).all()
    assert (batch.pseudo_labels[0, :, 6:] == 255).all() and (batch.pseudo_labels[0, :, :, 8:] == 255).all()
    assert torch.equal(batch.evidence, torch.stack([rays, rays]))
    with pytest.raises(InputError, match="sample large: evidence: expected present"):
        collate([replace(small, evidence=rays), large])


def test_earlier_frames_are_batched_frame_by_frame() -> None:
    samples = [replace(sample(k), earlier=(sample(f"{k}-1"), sample(f"{k}-2"))) for k in "ab"]
    batch = collate(samples)
    assert [earlier.keys for earlier in batch.earlier] == [("a-1", "b-1"), ("a-2", "b-2")]
    with pytest.raises(InputError, match="earlier frames: expected 2, as sample a"):
        collate([samples[0], sample("b")])


def test_to_moves_every_tensor() -> None:
    batch = collate([replace(sample(), earlier=(sample("before"),))]).to("meta")
    for part in (batch, *batch.earlier):
        tensors = [getattr(part, f.name) for f in fields(part) if isinstance(getattr(part, f.name), torch.Tensor)]
        tensors += [*part.masks.values(), part.cameras.K, part.cameras.T_cam_ego, part.cameras.size_px]
        assert len(tensors) == 13
        assert {t.device.type for t in tensors} == {"meta"}
    assert batch.keys == ("a",)


def test_need_gives_the_field_or_says_what_to_ask_for() -> None:
    batch = collate([Sample(key="bare", grid=GRID, target=torch.zeros(GRID.shape, dtype=torch.uint8))])
    assert batch.need("target").shape == (1, 4, 4, 2)
    with pytest.raises(
        InputError, match=r"batch bare: images: expected present, found absent.*needs=\{..., 'images'\}"
    ):
        batch.need("images")


def one_camera(s: Sample) -> Sample:
    return replace(s, cameras=s.cameras[:1], images=s.images[:1], semantics_2d=s.semantics_2d[:1], depth=s.depth[:1])


@pytest.mark.parametrize(
    ("change", "match"),
    [
        (
            lambda s: replace(s, grid=GRID.coarsen(2), target=None, masks={}, proposals=None),
            "sample b: grid: expected 4x4x2",
        ),
        (lambda s: replace(s, cameras=None), "sample b: cameras"),
        (one_camera, "sample b: cameras"),
        (lambda s: replace(s, points=None), "sample b: points: expected present, as sample a"),
        (lambda s: replace(s, target=None), "sample b: target"),
        (lambda s: replace(s, depth=None), "sample b: depth"),
        (lambda s: replace(s, masks={}), r"sample b: masks: expected \['camera'\]"),
    ],
)
def test_unlike_samples_are_refused(change: Callable[[Sample], Sample], match: str) -> None:
    with pytest.raises(InputError, match=match):
        collate([sample("a"), change(sample("b"))])


def test_a_field_that_only_the_second_has_is_refused_too() -> None:
    with pytest.raises(InputError, match="sample b: points: expected absent"):
        collate([replace(sample("a"), points=None), sample("b")])


def test_nothing_to_collate_is_refused() -> None:
    with pytest.raises(InputError, match="at least one, found none"):
        collate([])


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"target": torch.zeros(4, 4, 3, dtype=torch.uint8)}, r"sample a: target: expected \(4, 4, 2\) voxels"),
        ({"masks": {"camera": torch.ones(2, 4, 4, dtype=torch.bool)}}, "sample a: camera: expected"),
        ({"proposals": torch.ones(3, 4, 2, dtype=torch.bool)}, "sample a: proposals: .* whole factors"),
        ({"proposals": torch.ones(3, 3, 1, dtype=torch.bool)}, "sample a: proposals"),
        ({"images": torch.zeros(1, 3, 6, 8, dtype=torch.uint8)}, "sample a: images: expected 2 images"),
        ({"images": torch.zeros(2, 3, 8, 6, dtype=torch.uint8)}, r"sample a: images: expected \(6, 8\) px"),
        ({"depth": torch.zeros(2, 3, 4)}, r"sample a: depth: expected \(6, 8\) px .* found \(3, 4\)"),
        ({"semantics_2d": torch.zeros(1, 6, 8, dtype=torch.uint8)}, "sample a: semantics_2d: expected 2 images"),
        ({"pseudo_labels": torch.zeros(1, 6, 8, dtype=torch.uint8)}, "sample a: pseudo_labels: expected 2 images"),
        ({"evidence": torch.zeros(4, 4, 1, dtype=torch.uint8)}, r"sample a: evidence: expected \(4, 4, 2\) voxels"),
    ],
)
def test_samples_that_contradict_themselves_are_refused(change: dict, match: str) -> None:
    plain = replace(sample(), target=None, masks={}, proposals=None, images=None, semantics_2d=None, depth=None)
    with pytest.raises(InputError, match=match):
        replace(plain, **change)


def test_images_of_unlike_cameras_share_one_tensor() -> None:
    images = torch.zeros(2, 3, 6, 8, dtype=torch.uint8)
    assert Sample(key="a", grid=GRID, cameras=cameras([(6, 5), (4, 8)]), images=images).images is images


def test_the_most_likely_class() -> None:
    logits = torch.zeros(1, 3, 1, 1, 2)
    logits[0, 2, 0, 0, 0] = 1
    classes = Prediction(logits=logits).classes
    assert classes.dtype == torch.uint8
    assert classes.tolist() == [[[[2, 0]]]]


def test_a_batch_says_which_samples_are_labelled() -> None:
    batch = collate([sample("a"), replace(sample("b"), labelled=False)])
    assert batch.labelled is not None and batch.labelled.tolist() == [True, False]

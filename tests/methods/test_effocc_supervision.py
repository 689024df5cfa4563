"""What counts as truth for EFFOcc: masks, frames without labels, regions of any task, depth in the camera's bins."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from tests.methods.tiny import TINY, sample
from voxway.core.errors import InputError
from voxway.core.grid import VoxelGrid
from voxway.core.sample import Batch, Prediction, collate
from voxway.data.nuscenes.benchmark import OCC3D_NUSCENES, OPENOCCUPANCY_NUSCENES
from voxway.data.waymo.benchmark import OCC3D_WAYMO
from voxway.losses.depth import depth_cross_entropy, nearest_bin
from voxway.methods.effocc.distillation import Distillation, follow, known_classes
from voxway.methods.effocc.supervision import Supervision, known_target, supervise
from voxway.methods.shared.depth_bins import DepthBins
from voxway.recipes.networks.effocc import OPENOCCUPANCY_R18, PUBLISHED, SMALL_FUSION

GRID = VoxelGrid((0.0, 0.0, 0.0), (1.0, 1.0, 1.0), (4, 6, 2))
MASKED = Supervision(masks=("camera",))
TASK = OCC3D_NUSCENES.task


def batch(labelled=(True, True), classes=18):
    generator = torch.Generator().manual_seed(0)
    shape = (2, *GRID.shape)
    return Batch(
        keys=("a", "b"),
        grid=GRID,
        target=torch.randint(0, classes, shape, generator=generator, dtype=torch.uint8),
        masks={"camera": torch.rand(shape, generator=generator) < 0.5},
        labelled=torch.tensor(labelled),
    )


def prediction(seed=0, bev=(4, 6, 4), classes=18):
    generator = torch.Generator().manual_seed(seed)
    logits = torch.randn(2, classes, *GRID.shape, generator=generator).requires_grad_()
    return Prediction(logits=logits, intermediates={"bev": torch.randn(2, *bev, generator=generator)})


def test_only_labelled_voxels_inside_the_masks_are_known():
    frames = batch((True, False))
    target = known_target(MASKED, frames)
    assert torch.equal(target[0] != 255, frames.masks["camera"][0]) and (target[1] == 255).all()


def test_no_labels_no_loss_but_a_gradient():
    student = prediction()
    for terms in ("cross-entropy", "hard-examples", "four"):
        found = supervise(Supervision(terms=terms), TASK, None, student, batch((False, False)))
        loss = torch.stack(list(found.values())).sum()
        assert loss == 0
        loss.backward()
        assert student.logits.grad is not None and not student.logits.grad.any()


def test_a_missing_mask_is_named():
    with pytest.raises(InputError, match="masks: expected one called 'lidar', found camera"):
        supervise(Supervision(masks=("lidar",)), TASK, None, prediction(), batch())


def test_the_teacher_speaks_where_labels_are_silent():
    frames, teacher = batch((True, False)), prediction(1)
    classes = known_classes(teacher.logits, frames)
    assert torch.equal(classes[0], frames.target[0]) and torch.equal(classes[1], teacher.classes[1])


CASES = [
    (
        OCC3D_NUSCENES,
        ("others", "barrier", "car", "pedestrian", "truck"),
        ("driveable_surface", "manmade", "vegetation"),
    ),
    (
        OCC3D_WAYMO,
        ("general_object", "vehicle", "pedestrian", "motorcycle"),
        ("building", "vegetation", "road", "walkable"),
    ),
    (OPENOCCUPANCY_NUSCENES, ("barrier", "car", "pedestrian", "truck"), ("driveable_surface", "manmade", "vegetation")),
]


@pytest.mark.parametrize(("benchmark", "things", "stuff"), CASES, ids=[case[0].name for case in CASES])
def test_regions_of_every_benchmark(benchmark, things, stuff):
    """A student that differs from its teacher in voxels of one class alone differs in that class's region alone."""
    task = benchmark.task
    regions = dict.fromkeys(things, "foreground") | dict.fromkeys(stuff, "background")
    regions[task.classes[task.free]] = "empty"
    frames, teacher = batch(classes=len(task.classes)), prediction(1, classes=len(task.classes))
    for name, region in regions.items():
        frames.target[0, 0, 0, 0] = task.class_id(name)
        logits = teacher.logits.detach().clone()
        logits[0, :, 0, 0, 0] = -logits[0, :, 0, 0, 0]
        student = replace(teacher, logits=logits)
        terms = follow(Distillation(), task, student, teacher.tensors, frames)
        changed = {term for term in terms if term.startswith("distil_voxel") and terms[term] > 1e-5}
        assert changed == {f"distil_voxel_{region}"}, name


def test_corrected_columns_lie_where_the_features_are():
    # A foreground object in one column (x 1, y 4): only there may a corrected mask see a difference of features.
    frames = batch()
    frames.target[:] = 17
    frames.target[:, 1, 4] = 4
    student, said = prediction(0), prediction(0).tensors
    said["bev"][:, :, 4, 1] += 1.0
    terms = follow(Distillation(columns="corrected"), TASK, student, said, frames)
    assert terms["distil_bev_foreground"] == pytest.approx(1.0)
    assert terms["distil_bev_background"] == 0 and terms["distil_bev_empty"] == 0


def test_no_gradient_reaches_the_teacher_and_what_it_cannot_teach_is_refused():
    student, teacher = prediction(0), prediction(1)
    torch.stack(list(follow(Distillation(), TASK, student, teacher.tensors, batch()).values())).sum().backward()
    assert student.logits.grad is not None and teacher.logits.grad is None
    with pytest.raises(ValueError, match=r"must be shaped as the teacher's, \(2, 8, 6, 4\)"):
        follow(Distillation(), TASK, student, prediction(1, (8, 6, 4)).tensors, batch())
    with pytest.raises(InputError, match=r"bev: expected a teacher that says 'bev', found one that says voxels"):
        follow(Distillation(), TASK, student, {"voxels": torch.zeros(1)}, batch())


def test_depth_is_supervised_in_the_bins_that_the_camera_lifts():
    """Of networks whose bins are a metre long, too."""
    assert OPENOCCUPANCY_R18.camera.depth_bins == DepthBins(start=1.0, end=60.0, step=1.0)
    assert SMALL_FUSION.camera.depth_bins.count == 44
    others = [c.camera.depth_bins for c in PUBLISHED if c.camera and c is not OPENOCCUPANCY_R18]
    assert set(others) == {DepthBins()} and DepthBins().count == 88
    config = replace(TINY["effocc"], supervision=Supervision(depth_ratio=2.0))
    network, frames = config.build().eval(), collate([sample(0)])
    with torch.no_grad():
        found = network(frames)
        nearest = nearest_bin(frames.depth, 8, 1.0, 1.0, 12)
        expected = 2 * depth_cross_entropy(found.need("depth"), nearest)
        torch.testing.assert_close(network.loss(found, frames)["depth"], expected)


def test_depth_of_images_of_unlike_size():
    """The mean over all cells of both samples, as if they were computed apart."""
    network = replace(TINY["effocc"], supervision=Supervision(depth_ratio=1.0)).build().eval()
    samples = [sample(0, size=(48, 80)), sample(1, size=(40, 72))]
    sums, counts = [], []
    with torch.no_grad():
        for one in samples:
            alone = collate([one])
            cells = int((nearest_bin(alone.depth, 8, 1.0, 1.0, 12) >= 0).sum())
            sums.append(network.loss(network(alone), alone)["depth"] * cells)
            counts.append(cells)
        together = collate(samples)
        prediction = network(together)
        found = network.loss(prediction, together)["depth"]
    torch.testing.assert_close(found, sum(sums) / sum(counts), atol=1e-4, rtol=1e-4)
    with pytest.raises(InputError, match=r"depth: expected one tensor of the whole batch, found 2, one per sample"):
        prediction.need("depth")
    with pytest.raises(InputError, match=r"voxels: expected present, found only depth, bev"):
        prediction.each("voxels")

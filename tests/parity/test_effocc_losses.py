"""EFFOcc's losses, class weights and distillation terms against the released code's values."""

from __future__ import annotations

import zlib
from dataclasses import replace

import numpy as np
import pytest
import torch

from tests.conftest import load_reference
from tests.parity.effocc_case import cameras
from voxway.core.grid import VoxelGrid
from voxway.core.sample import Batch, Prediction
from voxway.data.nuscenes.benchmark import OCC3D_NUSCENES, OPENOCCUPANCY_NUSCENES
from voxway.data.waymo.benchmark import OCC3D_WAYMO
from voxway.methods.effocc.distillation import Distillation
from voxway.methods.effocc.distillation import follow as follow_teacher
from voxway.methods.effocc.supervision import Supervision
from voxway.methods.effocc.supervision import supervise as supervise_task
from voxway.methods.shared.depth_bins import DepthBins
from voxway.recipes.networks.effocc import (
    OCC3D_NUSCENES_WEIGHTS,
    OCC3D_SUPERVISION,
    OPENOCCUPANCY_SUPERVISION,
    OPENOCCUPANCY_WEIGHTS,
    WAYMO_HARD_EXAMPLE_WEIGHTS,
    WAYMO_SUPERVISION,
)

NUSCENES_HARD_EXAMPLE_WEIGHTS = (
    7.15991213, 6.82484854, 8.23171176, 6.70540744, 5.94283796, 7.32284196, 8.06182692, 6.79586189, 7.62405509,
    6.74755343, 6.33190774, 5.21283828, 6.43831456, 5.56740555, 5.51039067, 5.35497103, 5.32802099, 1.0,
)  # fmt: skip
"""Published beside the loss, used by no published run."""
REGIONS = {"foreground": "fg", "background": "bg", "empty": "empty"}


def supervise(config, prediction, frames, task=OCC3D_NUSCENES.task):
    """The loss with the published depth bins."""
    return supervise_task(config, task, DepthBins(), prediction, frames)


def follow(config, student, teacher, frames):
    """The distillation terms of Occ3D-nuScenes."""
    return follow_teacher(config, OCC3D_NUSCENES.task, student, teacher.tensors, frames)


class Inputs:
    """The inputs of the reference's parts, by the rules of its README."""

    def __init__(self, salt):
        self.salt = salt

    def rng(self, name):
        return np.random.Generator(np.random.PCG64(zlib.crc32(f"{self.salt}:{name}".encode())))

    def normal(self, name, shape, scale=1.0):
        return scale * torch.from_numpy(self.rng(name).standard_normal(shape).astype(np.float32))

    def logits(self, name, shape):
        """(b, x, y, z, class) there, (b, class, x, y, z) here."""
        return self.normal(name, shape, 2.0).permute(0, 4, 1, 2, 3)

    def mask(self, name, shape, p):
        return torch.from_numpy(self.rng(name).random(shape) < p)

    def labels(self, name, shape, free, classes, free_share=0.8, extra=()):
        r = self.rng(name)
        lab = r.integers(0, classes, shape)
        lab = np.where(r.random(shape) < free_share, free, lab)
        for value, p in extra:
            lab = np.where(r.random(shape) < p, value, lab)
        return torch.from_numpy(lab.astype(np.uint8))


@pytest.fixture(scope="module")
def parts(request):
    return load_reference(request.config, "effocc", "parts")


@pytest.fixture(scope="module")
def inputs(parts):
    return Inputs(parts.salt)


def batch(target, masks=None, labelled=None):
    x, y, z = target.shape[1:]
    grid = VoxelGrid((0.0, 0.0, 0.0), (1.0, 1.0, 1.0), (x, y, z))
    keys = tuple(str(i) for i in range(len(target)))
    labelled = torch.tensor(labelled if labelled is not None else [True] * len(target))
    return Batch(keys=keys, grid=grid, target=target, masks=masks or {}, labelled=labelled)


def near(value, expected):
    assert value.item() == pytest.approx(float(expected), rel=1e-5)


@pytest.fixture(scope="module")
def occ3d(inputs):
    """Logits, target and camera mask of two small volumes."""
    shape = (2, 20, 20, 16)
    target = inputs.labels("loss.labels", shape, 17, 18)
    return inputs.logits("loss.logits", (*shape, 18)), batch(
        target, {"camera": inputs.mask("loss.mask_camera", shape, 0.4)}
    )


def test_cross_entropy_in_the_camera_mask(parts, occ3d):
    logits, frames = occ3d
    near(supervise(OCC3D_SUPERVISION, Prediction(logits=logits), frames)["voxel"], parts["loss.ce_camera_mask"])


def test_hard_examples(parts, inputs, occ3d):
    logits, frames = occ3d
    nuscenes = Supervision(terms="hard-examples", masks=("camera",), class_weights=NUSCENES_HARD_EXAMPLE_WEIGHTS)
    near(supervise(nuscenes, Prediction(logits=logits), frames)["voxel"], parts["loss.nusc_ohem"])
    assert len(WAYMO_HARD_EXAMPLE_WEIGHTS) == 16
    shape = (2, 20, 20, 16)
    mask = inputs.mask("loss.waymo_mask", shape, 0.4)
    frames = batch(inputs.labels("loss.waymo_labels", shape, 15, 16), {"camera": mask, "field_of_view": mask})
    logits = inputs.logits("loss.waymo_logits", (*shape, 16))
    near(
        supervise(WAYMO_SUPERVISION, Prediction(logits=logits), frames, OCC3D_WAYMO.task)["voxel"],
        parts["loss.waymo_ohem"],
    )


FOUR = {
    "voxel": "loss_voxel_ce",
    "semantic_affinity": "loss_voxel_sem_scal",
    "geometric_affinity": "loss_voxel_geo_scal",
    "lovasz": "loss_voxel_lovasz",
}


@pytest.mark.parametrize(
    ("prefix", "name", "size"),
    [("loss.", "loss.openocc_labels", (16, 16, 8)), ("loss.ratio2.", "loss.openocc_labels_fine", (32, 32, 16))],
)
def test_four_losses_of_openoccupancy(parts, inputs, prefix, name, size):
    logits = inputs.logits("loss.openocc_logits", (1, 16, 16, 8, 17))
    frames = batch(inputs.labels(name, (1, *size), 0, 17, 0.7, ((255, 0.05),)))
    terms = supervise(OPENOCCUPANCY_SUPERVISION, Prediction(logits=logits), frames, OPENOCCUPANCY_NUSCENES.task)
    for term, published in FOUR.items():
        near(terms[term], parts[f"{prefix}{published}_openoccupancy"])


def test_four_losses_of_occ3d(parts, occ3d):
    logits, frames = occ3d
    config = Supervision(terms="four", masks=(), class_weights=OCC3D_NUSCENES_WEIGHTS)
    terms = supervise(config, Prediction(logits=logits), frames)
    for term, published in FOUR.items():
        near(terms[term], parts[f"loss.{published}_occ3d"])


def test_class_weights(parts):
    np.testing.assert_allclose(OPENOCCUPANCY_WEIGHTS, parts["openocc.class_weights"], rtol=1e-9)
    np.testing.assert_allclose(OCC3D_NUSCENES_WEIGHTS, parts["occ3d.class_weights"], rtol=1e-9)


def test_depth_loss(request, parts, inputs):
    whole = load_reference(request.config, "effocc")
    depth = torch.zeros(6 * 256 * 704)
    depth[torch.from_numpy(whole["in.gt_depth.coo_index"]).long()] = torch.from_numpy(whole["in.gt_depth.coo_value"])
    bins = inputs.normal("vt.depth_logits", (6, 88, 32, 88)).softmax(1)[None]
    frames = batch(torch.full((1, 2, 2, 2), 255, dtype=torch.uint8))
    frames = replace(frames, depth=depth.view(1, 6, 256, 704), cameras=cameras(whole))
    prediction = Prediction(logits=torch.zeros(1, 18, 2, 2, 2), intermediates={"depth": bins})
    terms = supervise(Supervision(masks=(), depth_ratio=1.0), prediction, frames)
    near(terms["depth"], parts["loss.depth"])
    assert terms["voxel"] == 0


@pytest.fixture(scope="module")
def taught(inputs):
    """Student, teacher, and a target that differs along x and y."""
    shape = (2, 20, 20, 16)
    r = inputs.rng("distill.labels")
    target = np.full(shape, 17)
    target[:, :, :7, :2] = r.integers(11, 17, (2, 20, 7, 2))
    target[:, 3:9, 2:12, 1:4] = r.integers(0, 11, (2, 6, 10, 3))
    teacher_logits = inputs.logits("distill.teacher_logits", (*shape, 18)).clone()
    teacher_logits[:, 17] += 4
    student, teacher = (
        Prediction(logits=logits, intermediates={"bev": inputs.normal(f"distill.{who}_feat", (2, 8, 20, 20))})
        for who, logits in (
            ("student", inputs.logits("distill.student_logits", (*shape, 18))),
            ("teacher", teacher_logits),
        )
    )
    mask = {"camera": inputs.mask("loss.mask_camera", shape, 0.4)}
    return student, teacher, torch.from_numpy(target.astype(np.uint8)), mask


@pytest.mark.parametrize(
    ("case", "labelled"), [("labelled", (True, True)), ("half", (True, False)), ("unlabelled", (False, False))]
)
def test_distillation(parts, taught, case, labelled):
    student, teacher, target, mask = taught
    frames = batch(target, mask, labelled)
    near(supervise(OCC3D_SUPERVISION, student, frames)["voxel"], parts[f"distill.{case}.loss_occ"])
    terms = follow(Distillation(), student, teacher, frames)
    assert len(terms) == 6
    for region, short in REGIONS.items():
        near(terms[f"distil_bev_{region}"], parts[f"distill.{case}.{short}_distill_bev_loss"])
        near(terms[f"distil_voxel_{region}"], parts[f"distill.{case}.{short}_distill_occ_loss"])


def test_corrected_columns_differ_from_published_ones(taught):
    student, teacher, target, mask = taught
    frames = batch(target, mask)
    published = follow(Distillation(), student, teacher, frames)
    corrected = follow(Distillation(columns="corrected"), student, teacher, frames)
    for region in REGIONS:
        assert published[f"distil_voxel_{region}"] == corrected[f"distil_voxel_{region}"]
        assert published[f"distil_bev_{region}"] != corrected[f"distil_bev_{region}"]


def test_naive_distillation(parts, taught):
    student, teacher, target, mask = taught
    terms = follow(Distillation(terms="features"), student, teacher, batch(target, mask))
    near(terms["distil_bev"], parts["distill.naive_bev.distill_loss"])

"""Dense parts and losses against the tensors of L2COcc, TPVFormer and MonoScene."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from tests.conftest import load_reference
from tests.parity.occle_case import compare, fill, weights
from voxway.losses.cross_entropy import cross_entropy
from voxway.losses.lovasz import lovasz_softmax
from voxway.losses.scene_affinity import geometric_affinity, semantic_affinity
from voxway.losses.valid import valid_log_probs
from voxway.methods.occle.cross_plane import Combine, softmax_along
from voxway.methods.occle.head import OccupancyHead
from voxway.methods.occle.supervision import Supervision
from voxway.methods.shared.class_weights import balanced_weights
from voxway.nn.conv_norm import ConvNorm
from voxway.nn.group_norm import GroupNorm
from voxway.ops.trilinear import resize
from voxway.recipes.networks import voxel_counts


@pytest.fixture(scope="module")
def reference(request):
    return load_reference(request.config, "occle", "dense")


def tensor(reference, key):
    return torch.from_numpy(reference[key])


@torch.no_grad()
def test_pooled_planes(reference, close):
    """L2COcc's pooler: weights of every axis from one convolution; a small network on each plane."""
    w, volume = weights(reference, "tpvpool"), tensor(reference, "tpvpool.in")
    logits = F.conv3d(volume, w["weights_conv.0.weight"])
    for i, (plane, axis) in enumerate({"xy": 4, "yz": 2, "zx": 3}.items()):
        pooled = (volume * softmax_along(logits[:, i : i + 1], axis)).sum(axis)
        layers = nn.Sequential(nn.Conv2d(32, 32, 1), nn.ReLU(), nn.Conv2d(32, 32, 1))
        compare(
            reference, f"tpvpool.{plane}", fill(layers, w, {str(j): f"mlp_{plane}.{j}" for j in (0, 2)})(pooled), close
        )


@torch.no_grad()
def test_combined_planes(reference, close):
    xy, yz, zx = (tensor(reference, f"tpvpool.{plane}") for plane in ("xy", "yz", "zx"))
    volumes = [xy[..., None], yz[:, :, None], zx[:, :, :, None], tensor(reference, "tpvpool.in")]
    combine = fill(Combine(32, 4), weights(reference, "tpvagg"), {"weigh": "combine_coeff"})
    combine.weigh.register_forward_hook(lambda _m, _i, out: compare(reference, "tpvagg.weights", out, close))
    compare(reference, "tpvagg.out", combine(volumes), close)


@torch.no_grad()
def test_summed_planes(reference, close):
    """TPVFormer's aggregator, put together: planes twice as large, spread, summed, and read."""
    w = weights(reference, "tpvformeragg")
    h, wide, z = 10, 12, 4
    planes = {}
    for name, size in (("hw", (h, wide)), ("zh", (z, h)), ("wz", (wide, z))):
        plane = tensor(reference, f"tpvformeragg.in.{name}").mT.unflatten(2, size)
        planes[name] = F.interpolate(plane, scale_factor=2, mode="bilinear")
    hw, zh, wz = planes["hw"], planes["zh"], planes["wz"]
    volume = hw.mT[..., None] + zh.mT[:, :, None] + wz[:, :, :, None]

    def read(features):
        layers = nn.Sequential(nn.Linear(32, 64), nn.Softplus(), nn.Linear(64, 32))
        return F.linear(
            fill(layers, w, {"0": "decoder.0", "2": "decoder.2"})(features),
            w["classifier.weight"],
            w["classifier.bias"],
        )

    compare(reference, "tpvformeragg.logits_vox", read(volume.movedim(1, -1)).movedim(-1, 1), close)
    points = tensor(reference, "tpvformeragg.in.points") / torch.tensor([2.0 * wide, 2 * h, 2 * z]) * 2 - 1

    def sample(plane, first, second):
        return F.grid_sample(plane, points[:, None][..., [first, second]], align_corners=False)[:, :, 0]

    total = sample(hw, 0, 1) + sample(zh, 1, 2) + sample(wz, 2, 0)
    compare(reference, "tpvformeragg.logits_pts", read(total.mT).mT, close)


@torch.no_grad()
def test_residual_volumes_and_pyramid(reference, close):
    """Blocks with a convolution beside them, and a pyramid with group norms, put together from layers."""
    w, volume = weights(reference, "resnet3d"), tensor(reference, "resnet3d.in")
    levels = []
    for i, stride in enumerate((1, 2, 2)):
        layers = []
        for name, step, relu in (("conv1", stride, True), ("conv2", 1, False), ("downsample", stride, False)):
            conv = nn.Conv3d(32, 32, 3, stride=step, padding=1, bias=False)
            part = f"layers.{i}.0.{name}"
            layers.append(fill(ConvNorm(conv, relu=relu), w, {"conv": f"{part}.conv", "norm": f"{part}.bn"}))
        first, second, beside = layers
        volume = F.relu(second(first(volume)) + beside(volume))
        levels.append(volume)
        compare(reference, f"resnet3d.out{i}", volume, close)
    w = weights(reference, "fpn3d")

    def layer(name, x):
        weight = w[f"{name}.conv.weight"]
        norm = fill(GroupNorm(8, 32), w, {"weight": f"{name}.gn.weight", "bias": f"{name}.gn.bias"})
        return F.relu(norm(F.conv3d(x, weight, padding=weight.shape[-1] // 2)))

    for i in (1, 0):
        above = resize(levels[i + 1][0].movedim(0, -1), levels[i].shape[2:], corners=False).movedim(-1, 0)[None]
        levels[i] = layer(f"fpn_convs.{i}", layer(f"lateral_convs.{i}", torch.cat([levels[i], above], 1)))
        compare(reference, f"fpn3d.out{i}", levels[i], close)


@torch.no_grad()
def test_head(reference, close):
    names = {"conv": "occ_convs.0.0", "norm": "occ_convs.0.1", "classify": "occ_convs.0.3"}
    head = fill(OccupancyHead(64, 32, 32, 20), weights(reference, "occhead"), names)
    _, logits = head(tensor(reference, "occhead.in"), (32, 32, 8))
    compare(reference, "occhead.logits", logits, close)
    known = valid_log_probs(logits, tensor(reference, "occhead.target"))
    weight = tensor(reference, "loss.class_weights_semkitti")
    compare(reference, "occhead.loss_voxel_ce", 3 * cross_entropy(*known, weight, "weights"), close)
    compare(reference, "occhead.loss_voxel_sem_scal", semantic_affinity(*known, 1e-5), close)
    compare(reference, "occhead.loss_voxel_geo_scal", geometric_affinity(*known, 0, 1e-5), close)


def test_class_weights(reference):
    kitti, occ3d = (
        np.float32(balanced_weights(counts)) for counts in (voxel_counts.SEMANTIC_KITTI, voxel_counts.OCC3D_NUSCENES)
    )
    np.testing.assert_allclose(kitti, reference["loss.class_weights_semkitti"], rtol=1e-6)
    np.testing.assert_allclose(occ3d, reference["loss.class_weights_occ3d_free_last"], rtol=1e-6)
    binary = balanced_weights(Supervision(class_counts=voxel_counts.SEMANTIC_KITTI).binary_counts(0))
    np.testing.assert_allclose(np.float32(binary), reference["loss.class_weights_binary"], rtol=1e-6)


WEIGHTS = "loss.class_weights_semkitti"
LOSSES = {
    "ce_unweighted": lambda known, w: cross_entropy(*known),
    "ce_weighted": lambda known, w: cross_entropy(*known, w, "weights"),
    "sem_scal_l2cocc": lambda known, w: semantic_affinity(*known, 1e-5),
    "geo_scal_l2cocc": lambda known, w: geometric_affinity(*known, 0, 1e-5),
    "sem_scal_monoscene": lambda known, w: semantic_affinity(*known),
    "geo_scal_monoscene": lambda known, w: geometric_affinity(*known, 0),
    "lovasz_softmax": lambda known, w: lovasz_softmax(*known),
}


@pytest.mark.parametrize("name", LOSSES)
def test_voxel_losses(reference, close, name):
    logits = tensor(reference, "loss.in.logits").requires_grad_()
    loss = LOSSES[name](valid_log_probs(logits, tensor(reference, "loss.in.target")), tensor(reference, WEIGHTS))
    compare(reference, f"loss.{name}", loss, close)
    compare(reference, f"loss.{name}.grad", torch.autograd.grad(loss, logits)[0], close)


def test_binary_and_pixel_losses(reference, close):
    known = valid_log_probs(tensor(reference, "loss.in.logits2"), tensor(reference, "loss.in.target2"))
    weight = tensor(reference, "loss.class_weights_binary")
    compare(reference, "loss.binary_ce_weighted", cross_entropy(*known, weight, "weights"), close)
    compare(reference, "loss.binary_geo_scal", geometric_affinity(*known, 0), close)
    compare(reference, "loss.binary_sem_scal", semantic_affinity(*known), close)
    pixels = valid_log_probs(tensor(reference, "loss.in.logits2d"), tensor(reference, "loss.in.target2d"))
    compare(reference, "loss.ce2d", cross_entropy(*pixels), close)
    compare(reference, "loss.lovasz2d", lovasz_softmax(*pixels), close)

"""Sequence models against tensors of the public blocks that OccLE's fusion is built from."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from tests.conftest import Reference, load_reference
from voxway.core.names import NameMap, Rename
from voxway.nn.group_norm import GroupNorm
from voxway.nn.mamba import MambaBlock, MambaLayers
from voxway.nn.mamba_fusion import ConcatMamba, CrossMamba
from voxway.nn.mamba_unet import MambaUNet
from voxway.ops.selective_scan import selective_scan
from voxway.ops.space_filling import voxel_order

SHARE = 1e-4
"""Of a tensor's largest value, by which it may differ."""
BLOCK = (
    ("in_proj.{}", "expand.{}"),
    ("conv1d.{}", "conv.{}"),
    ("x_proj.{}", "space.select.{}"),
    ("dt_proj.{}", "space.step.{}"),
    ("A_log", "space.log_decay"),
    ("D", "space.skip"),
    ("out_proj.{}", "contract.{}"),
)
LAYERS = (
    *((f"layers.{{}}.mixer.{theirs}", f"blocks.{{}}.{ours}") for theirs, ours in BLOCK),
    ("layers.{}.norm.{}", "norms.{}.{}"),
    ("norm_f.{}", "last_norm.{}"),
)
CROSS = (
    ("op.in_proj.weight", "first.expand.weight"),
    ("op.in_proj_modalx.weight", "second.expand.weight"),
    ("op.conv2d.{}", "conv.{}"),
    ("op.out_proj_rgb.{}", "first.contract.{}"),
    ("op.out_proj_e.{}", "second.contract.{}"),
    *(
        (f"op.CMA_ssm.{theirs.format(number)}", f"{stream}.{ours}")
        for number, stream in ((1, "first"), (2, "second"))
        for theirs, ours in (
            ("x_proj_{}.weight", "space.select.weight"),
            ("dt_proj_{}.weight", "space.step.weight"),
            ("dt_proj_{}.bias", "space.step.bias"),
            ("A_log_{}", "space.log_decay"),
            ("D_{}", "space.skip"),
            ("out_norm_{}.weight", "norm.weight"),
            ("out_norm_{}.bias", "norm.bias"),
        )
    ),
)
CONCAT = (
    ("op.in_proj.weight", "expand.0.weight"),
    ("op.in_proj_modalx.weight", "expand.1.weight"),
    ("op.conv2d.{}", "conv.0.{}"),
    ("op.conv2d_modalx.{}", "conv.1.{}"),
    ("op.out_norm1.{}", "norm.0.{}"),
    ("op.out_norm2.{}", "norm.1.{}"),
    ("op.fc1.{}", "gate.0.{}"),
    ("op.fc2.{}", "gate.1.{}"),
    ("op.out_proj.{}", "contract.{}"),
    *((f"{way}.{{}}", f"{way}.{{}}") for way in ("onward", "backwards")),
)
U_NET = (
    ("encoder.{}", "net.enter.{}"),
    ("pos_embed.{}", "net.embed.{}"),
    *(
        (f"blocks.{number}.{theirs}", f"net.{place}.{ours}")
        for number, place in enumerate(("down.0", "down.1", "up.0", "up.1"))
        for theirs, ours in LAYERS
    ),
    *(
        (f"norm.{number}.{{}}", f"net.{place}.{{}}")
        for number, place in enumerate(("down_norms.0", "down_norms.1", "up_norms.0", "up_norms.1"))
    ),
    ("downsample.{}", "net.reduce.{}"),
    ("upconv.{}", "net.join.{}"),
    ("occ_pred_conv.{}", "head.{}"),
)
DIRECTIONS = {
    "op.x_proj_weight": "select.weight",
    "op.dt_projs_weight": "step.weight",
    "op.dt_projs_bias": "step.bias",
    "op.A_logs": "log_decay",
    "op.Ds": "skip",
}
"""What both directions of the concat block have in one tensor, and we in two modules."""


@pytest.fixture(scope="module")
def reference(request):
    return load_reference(request.config, "occle", "ssm")


def filled(
    reference: Reference, network: nn.Module, prefix: str, rows: tuple[tuple[str, str], ...], device
) -> nn.Module:
    """The network with the weights of the case, by their published names."""
    shapes = {name: shape for name, shape in reference.manifest().items() if name.startswith(prefix)}
    published = {name.removeprefix(prefix): tensor for name, tensor in reference.state(shapes).items()}
    for theirs, ours in DIRECTIONS.items():
        if theirs in published:
            both = published.pop(theirs)
            onward, backwards = both.unbind() if len(both) == 2 else both.chunk(2)
            published |= {f"onward.{ours}": onward, f"backwards.{ours}": backwards}
    names = NameMap(renames=tuple(Rename(published=theirs, ours=ours) for theirs, ours in rows), dead={})
    network.load_state_dict(names.to_ours(published, network.state_dict(), prefix))
    return network.eval().to(device)


def stored(reference, device, *keys):
    return [torch.from_numpy(reference[key]).to(device) for key in keys]


def check(close, reference, key, found):
    """Check the tensor `key`, or every so-manieth number of it."""
    name = next(name for name in reference.keys(key) if name.partition("@")[0] == key)
    step = int(name.partition("@flat")[2] or 1)
    found = found.flatten()[::step] if step > 1 else found
    close.equal(key, found, reference[name], SHARE * float(np.abs(reference[name]).max()))


def scan_inputs(reference, device, case, *names):
    """The case's arguments in our order of axes: published ones have positions last, and groups before states."""
    axes = {"B": (0, -1, *range(1, reference[f"{case}.in.B"].ndim - 1))}
    axes["C"] = axes["B"]
    tensors = []
    for name in names:
        tensor = torch.from_numpy(reference[f"{case}.in.{name}"])
        tensor = tensor.permute(axes.get(name, (0, 2, 1))) if tensor.ndim > 2 else tensor
        tensors.append(tensor.to(device).requires_grad_())
    return tensors


def test_scan_with_everything(reference, device, close):
    names = ("u", "delta", "A", "B", "C", "D", "z", "delta_bias")
    tensors = scan_inputs(reference, device, "scan1", *names)
    y, last = selective_scan(*tensors, softplus=True, chunk=24)
    check(close, reference, "scan1.out", y.mT)
    check(close, reference, "scan1.last_state", last)
    (given,) = stored(reference, device, "scan1.in.grad_out")
    for name, grad in zip(names, torch.autograd.grad(y, tensors, given.mT)):
        check(close, reference, f"scan1.grad.{name}", grad.mT if grad.ndim == 3 else grad)


def test_scan_of_groups(reference, device, close):
    y, _ = selective_scan(*scan_inputs(reference, device, "scan2", "u", "delta", "A", "B", "C"))
    check(close, reference, "scan2.out", y.mT)


def test_long_scan(reference, device, close):
    y, _ = selective_scan(*scan_inputs(reference, device, "scan3", "u", "delta", "A", "B", "C"), softplus=True)
    check(close, reference, "scan3.out", y.mT)


@torch.no_grad()
def test_block(reference, device, close):
    network = filled(reference, MambaBlock(64), "mamba.", BLOCK, device)
    check(close, reference, "mamba.out", network(*stored(reference, device, "mamba.in")))


@torch.no_grad()
def test_layers(reference, device, close):
    network = filled(reference, MambaLayers(32, count=2), "mixer.", LAYERS, device)
    check(close, reference, "mixer.out", network(*stored(reference, device, "mixer.in")))


@torch.no_grad()
def test_cross_block(reference, device, close):
    network = filled(reference, CrossMamba(32, 64, states=4, rank=2, axes=2), "crossmamba.", CROSS, device)
    first, second = network(*stored(reference, device, "crossmamba.in_a", "crossmamba.in_b"))
    check(close, reference, "crossmamba.out_a", first)
    check(close, reference, "crossmamba.out_b", second)


@torch.no_grad()
def test_concat_block(reference, device, close):
    network = filled(reference, ConcatMamba(32, 64, states=4, rank=2, axes=2), "concatmamba.", CONCAT, device)
    check(
        close, reference, "concatmamba.out", network(*stored(reference, device, "crossmamba.out_a", "crossmamba.out_b"))
    )


def test_order_of_columns(reference):
    small = voxel_order((8, 8, 2), "h2he")
    assert small.tolist() == reference["h2he.8x8x2"].tolist()
    oblong = voxel_order((12, 10, 3), "h2he", transposed=True)
    assert oblong.tolist() == reference["h2he.12x10x3_yx"].tolist()
    mirrored = voxel_order((16, 16, 4), "h2he", mirrored=True)
    assert mirrored.tolist() == reference["h2he.16x16x4_inverse"].tolist()
    large = voxel_order((128, 128, 16), "h2he")
    assert large[::257].tolist() == reference["h2he.128x128x16@flat257"].tolist()


@torch.no_grad()
def test_u_net(reference, device, close):
    """OccMamba's coarse path, with its head of plain layers behind."""
    network = nn.ModuleDict({"net": MambaUNet(24, 128, down=(1, 1), up=(1, 1)), "head": class_scores()})
    network = filled(reference, network, "occmambahead.", U_NET, device)
    features = network["net"](*stored(reference, device, "occmambahead.in"))
    check(close, reference, "occmambahead.feat", features)
    check(close, reference, "occmambahead.logits", network["head"](features))


def class_scores():
    return nn.Sequential(
        nn.Conv3d(128, 64, 1, bias=False), GroupNorm(16, 64), nn.ReLU(), nn.Conv3d(64, 20, 1, bias=False)
    )

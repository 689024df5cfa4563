"""Parts of EFFOcc alone against the released code: view transform with mirrored frames, heads of two benchmarks."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from tests.conftest import load_reference
from tests.parity.effocc_case import SIZE_PX, cameras, errors
from voxway.methods.effocc.head import HeightHead
from voxway.ops.bev_pool import bev_cells, bev_pool, frustum, frustum_points, pool_table
from voxway.recipes.networks.effocc import FUSION_R18, OPENOCCUPANCY_R18


@pytest.fixture(scope="module")
def reference(request):
    return load_reference(request.config, "effocc", "parts")


@pytest.fixture(scope="module")
def normal(reference):
    """The case's normal random tensors, by name and shape."""
    return lambda name, shape: torch.from_numpy(
        reference.seeded_tensor.__globals__["_rng"](reference.salt, name).standard_normal(shape).astype(np.float32)
    )


@pytest.mark.parametrize(
    ("key", "flip"), [("vt.bev", (1, 1, 1)), ("vt.bev_flip_x", (-1, 1, 1)), ("vt.bev_flip_y", (1, -1, 1))]
)
def test_view_transform(request, reference, normal, device, close, key, flip):
    rig = cameras(load_reference(request.config, "effocc"), torch.diag(torch.tensor([*flip, 1.0]).double())).to(device)
    depth = normal("vt.depth_logits", (6, 88, 32, 88)).softmax(1)[None].to(device)
    context = normal("vt.context", (6, 64, 32, 88))[None].to(device)
    depths = torch.arange(1, 45, 0.5, device=device)
    cells = bev_cells(frustum_points(rig, frustum(SIZE_PX, (32, 88), depths)), FUSION_R18.bev_grid)
    found = bev_pool(depth, context, pool_table(cells, (200, 200)))
    assert (errors(reference, key, found) <= close.factor * 1e-4).mean() >= 0.998
    if f"{key}.nonzero_cells" in reference.arrays:
        filled = int((found != 0).any(1).sum())
        assert abs(filled - int(reference[f"{key}.nonzero_cells"])) <= 5


@pytest.mark.parametrize(
    ("key", "config"), [("head18", FUSION_R18), ("head_openocc", OPENOCCUPANCY_R18)], ids=["occ3d", "openoccupancy"]
)
def test_head(reference, normal, device, close, key, config):
    """On a map that is not square."""
    head = HeightHead(512, config.head_width, config.task.grid.shape[2], len(config.task.classes))
    names = {"conv": "final_conv.conv", "expand": "predicter.0", "classify": "predicter.2"}
    shapes = {}
    for name, tensor in head.state_dict().items():
        module, _, leaf = name.partition(".")
        shapes[f"occ_head.{names[module]}.{leaf}"] = tuple(tensor.shape)
    head.load_state_dict(dict(zip(head.state_dict(), reference.state(shapes).values())))
    with torch.no_grad():
        found = head.to(device)(normal("head.feat", (1, 512, 20, 24)).to(device)).permute(0, 2, 3, 4, 1)
    close(f"{key}, logits", errors(reference, f"{key}.logits", found), 1e-5)

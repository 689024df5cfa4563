"""What voxels show in images: projections, what is gathered there, the projection loss, and painted masks."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from tests.conftest import load_reference
from tests.parity.occle_case import compare
from voxway.core.camera import Cameras
from voxway.core.grid import VoxelGrid
from voxway.core.task import SKY
from voxway.methods.occle.lift import nearest_pixels
from voxway.methods.occle.projection import ProjectionTable, accumulate, compared
from voxway.ops.paint import paint

GRID = VoxelGrid(lower=(0.0, -25.6, -2.0), cell=(0.4, 0.4, 0.4), shape=(128, 128, 16))
SIZE_PX = (370, 1220)


@pytest.fixture(scope="module")
def reference(request):
    return load_reference(request.config, "occle", "project")


def cameras(reference, full):
    """The case's camera, with the fourth column of its projection or without it."""
    P, T = (torch.from_numpy(reference[f"calib.{name}"]) for name in ("P2", "Tr_velo_to_cam"))
    T_cam_velo = torch.eye(4, dtype=torch.float64)
    T_cam_velo[:3] = T[:3]
    P = P if full else torch.cat([P[:, :3], torch.zeros(3, 1, dtype=torch.float64)], 1)
    return Cameras.from_projection(P[None], T_cam_velo[None], torch.tensor([SIZE_PX]))


def centres():
    return GRID.centres(dtype=torch.float64).flatten(0, 2)


def test_rounded_pixels(reference, close):
    pixels, depth, shown = (each[0] for each in nearest_pixels(cameras(reference, full=False), centres()))
    key = "project.monoscene_0.4m"
    assert abs(int(shown.sum()) - int(reference[f"{key}.fov_count"])) <= 3
    seen = torch.from_numpy(reference[f"{key}.fov"])
    assert int((shown[::53] != seen).sum()) <= 1
    stored = torch.from_numpy(reference[f"{key}.pix_xy"])[seen]
    assert int((pixels[::53][seen] != stored).any(1).sum()) <= 1
    compare(reference, f"{key}.depth", depth, close, 53)


def test_whole_projection(reference, close):
    pixels, depth = cameras(reference, full=True).project(centres())
    front = torch.from_numpy(reference["project.P2Tr_0.4m.depth"]) > 0.1
    stored = torch.from_numpy(reference["project.P2Tr_0.4m.uv"])[front]
    found = pixels[0, ::53][front]
    close("uv", (found - stored).abs() / (1e-4 * stored.abs() + 1e-3), 1.0)
    compare(reference, "project.P2Tr_0.4m.depth", depth[0], close, 53)


def test_gathered_features(reference, close):
    """MonoScene's: the features of a map at the pixels' cells, 0 where there is none."""
    maps = torch.from_numpy(reference["flosp.in"])
    pixels, _, shown = (each[0] for each in nearest_pixels(cameras(reference, full=False), centres()))
    column, row = (pixels // 4).unbind(-1)
    inside = shown & (row < maps.shape[-2]) & (column < maps.shape[-1])
    found = maps.flatten(0, -3)[:, row.clamp(max=maps.shape[-2] - 1), column.clamp(max=maps.shape[-1] - 1)] * inside
    # Where a projection lies between two pixels, its last digit decides.
    between = ((cameras(reference, full=False).project(centres())[0][0] % 1 - 0.5).abs() < 1e-4).any(1)
    assert int(between.sum()) < 200
    stored = torch.from_numpy(reference["flosp.out@flat211"])
    clear = ~between.expand(len(found), -1).flatten()[::211]
    close("flosp.out", (found.flatten()[::211] - stored).abs()[clear], 0.0)


@pytest.mark.parametrize("mode", ["sum", "visible"])
def test_accumulated(reference, close, mode):
    u, v, depth, q = (torch.from_numpy(reference[f"ours.proj.{name}"]) for name in ("u", "v", "depth", "q"))
    labels = torch.from_numpy(reference["ours.proj.s_bar"])
    rows, columns = labels.shape
    inside = ((u >= 0) & (u < columns) & (v >= 0) & (v < rows) & (depth > 0)).nonzero()[:, 0]
    voxels = inside[torch.randperm(len(inside), generator=torch.Generator().manual_seed(0))]  # in any order
    cells = v[voxels].long() * columns + u[voxels].long()
    table = ProjectionTable.sort(voxels, cells, depth[voxels], (1, 1, rows, columns))
    shown = accumulate(q.log().T.reshape(1, 20, -1, 1, 1), 0, table, mode)
    key = f"ours.proj.{mode}"
    np.testing.assert_array_equal(shown.count, reference[f"{key}.n"].flatten())
    compare(reference, f"{key}.S", shown.classes.view(rows, columns, -1), close)
    channels = torch.full((256,), -1, dtype=torch.long)
    channels[1:20] = torch.arange(19)
    losses, sky = compared(shown, labels.flatten(), channels)
    assert len(losses) > 10 and bool((labels == SKY).any())
    compare(reference, f"{key}.loss", losses.mean(), close)
    compare(reference, f"{key}.sky", sky.mean(), close)


OVER = {5: (1, 4, 5, 255), 10: (9, 11, 12, 17, 255), 12: (9, 11, 17, 255), 16: (15, 17, 18, 255)}


def test_painted_masks(reference):
    classes, scores = (reference[f"ours.merge.{name}"].tolist() for name in ("classes", "scores"))
    found = paint(reference["ours.merge.primary"], reference["ours.merge.masks"].astype(bool), classes, scores, OVER)
    np.testing.assert_array_equal(found, reference["ours.merge.out"])
    assert (found != reference["ours.merge.primary"]).any()

"""What OccLE's volumes take from images and give to them: lifting, labels of voxels, and the projection."""

from __future__ import annotations

import math

import pytest
import torch

from tests.methods.tiny import TASK
from tests.oracles import projection as oracle
from voxway.core.camera import Cameras
from voxway.core.grid import VoxelGrid
from voxway.core.task import SKY
from voxway.methods.occle.labels import Hidden, as_targets, at_cells, channels_of, lifted_labels
from voxway.methods.occle.lift import Marker, lift, nearest_depths, nearest_pixels
from voxway.methods.occle.projection import ProjectionTable, accumulate, compared

GRID = VoxelGrid(lower=(2.0, -2.0, -1.0), cell=(1.0, 1.0, 1.0), shape=(4, 4, 2))
SIZE_PX = (8, 16)


def cameras(*turns_deg, size=SIZE_PX, height=0.03):
    """Cameras (1, n) at the origin, turned to the left by so many degrees."""
    poses = torch.eye(4).double().repeat(len(turns_deg), 1, 1)
    for pose, turn in zip(poses, turns_deg):
        cos, sin = math.cos(math.radians(turn)), math.sin(math.radians(turn))
        pose[:3, :3] = torch.tensor([[sin, -cos, 0], [0, 0, -1], [cos, sin, 0]])
        pose[1, 3] = height  # so that no centre projects between two pixels
    K = torch.tensor([[8.0, 0, 7.5], [0, 8, 3.5], [0, 0, 1]])
    return Cameras.pinhole(
        K.repeat(1, len(turns_deg), 1, 1), poses[None], torch.tensor(size).repeat(1, len(turns_deg), 1)
    )


def volumes(samples=1, classes=4, seed=0, dtype=torch.float32):
    generator = torch.Generator().manual_seed(seed)
    logits = 2 * torch.randn(samples, classes, *GRID.shape, generator=generator, dtype=dtype)
    return logits.log_softmax(1)


# --- lifting


def test_a_voxel_takes_the_feature_at_its_centre():
    """A map that spells its place in pixels gives back the projection, also between its pixels."""
    size = (32, 64)
    rig = cameras(0, size=size)
    rig.K[..., 0, 2], rig.K[..., 1, 2] = 31.5, 15.5
    reduction = 4
    row, column = (torch.arange(side // reduction) * reduction + (reduction - 1) / 2 for side in size)
    maps = torch.stack(torch.meshgrid(row, column, indexing="ij"))[None, None]
    lifted, seen = lift(maps, rig, GRID, reduction)
    pixels, depth = rig.project(GRID.centres().flatten(0, 2)[None])
    inner = seen[0] & ((pixels[0, 0] > 2) & (pixels[0, 0] < torch.tensor([61, 29]))).all(1).view(GRID.shape)
    assert inner.sum() > 8
    torch.testing.assert_close(
        lifted[0, :, inner], pixels[0, 0].view(*GRID.shape, 2)[inner].T.flip(0), atol=1e-4, rtol=0
    )
    assert torch.equal(seen, rig.visible(pixels, depth)[0, 0].view(1, *GRID.shape))


def test_the_mean_is_over_the_images_that_show_a_voxel():
    rig = cameras(20, 60)
    maps = torch.tensor([1.0, 3.0])[None, :, None, None, None].expand(1, 2, 1, *SIZE_PX)
    lifted, seen = lift(maps, rig, GRID, 1)
    pixels, depth = rig.project(GRID.centres().flatten(0, 2)[None])
    shown = rig.visible(pixels, depth)[0].view(2, *GRID.shape)
    expected = torch.where(shown[0] & shown[1], 2.0, torch.where(shown[0], 1.0, torch.where(shown[1], 3.0, 0.0)))
    torch.testing.assert_close(lifted[0, 0], expected)
    assert (shown.sum((1, 2, 3)) > 0).all() and (shown[0] & shown[1]).any() and not seen.all()
    marker = Marker(1)
    marker.feature.data.fill_(7.0)
    torch.testing.assert_close(marker(lifted, seen)[0, 0], torch.where(seen[0], expected, 7.0))


def test_bfloat16_maps_are_looked_up_at_exact_places():
    rig, maps = cameras(0), torch.randn(1, 1, 3, *SIZE_PX)
    rough, _ = lift(maps.bfloat16(), rig, GRID, 1)
    exact, _ = lift(maps.bfloat16().float(), rig, GRID, 1)
    assert torch.equal(rough, exact)


def test_features_fade_with_the_distance_from_what_lidar_hits():
    rig, reduction = cameras(0), 2
    points = torch.tensor([[2.5, 0.5, 0.5], [3.0, 0.5, 0.5]])  # of the two on one cell the nearer counts
    depths = nearest_depths(points, rig[0], (4, 8), reduction)
    pixels, _, _ = nearest_pixels(rig[0], points)
    column, row = (pixels[0, 0] // reduction).tolist()
    assert float(depths[0, row, column]) == pytest.approx(2.5) and int(depths.isfinite().sum()) == 1
    lifted, seen = lift(torch.ones(1, 1, 1, 4, 8), rig, GRID, reduction, depths[None])
    pixels, depth, _ = nearest_pixels(rig[0], GRID.centres().flatten(0, 2))
    same = (pixels[0] // reduction == torch.tensor([column, row])).all(1) & seen.flatten()
    expected = torch.where(same, (-(depth[0] - 2.5).abs()).exp(), 1.0) * seen.flatten()
    assert same.sum() > 1
    torch.testing.assert_close(lifted.flatten(), expected, atol=1e-5, rtol=1e-5)


# --- labels


def test_labels_become_channels_without_free_space():
    channels = channels_of(TASK)
    labels = torch.tensor([0, 1, 19, SKY, 255], dtype=torch.uint8)
    assert as_targets(labels, channels).tolist() == [255, 0, 18, 255, 255]
    assert (channels[torch.tensor([0, 20, SKY, 255])] == -1).all()


def test_a_cell_takes_the_label_of_its_middle():
    labels = torch.arange(30, dtype=torch.uint8).view(5, 6)
    assert at_cells(labels, 4).tolist() == [[14, 17], [26, 29]]
    assert torch.equal(at_cells(labels, 1), labels)


def test_voxels_take_the_label_of_their_pixel():
    rig = cameras(0)[0]
    labels = torch.arange(128, dtype=torch.uint8).view(1, *SIZE_PX)
    centres = torch.tensor([[4.0, 0.2, 0.3], [2.0, -5.0, 0.0], [-4.0, 0.2, 0.3], [2.0, 1.7, 0.0]])
    # (u, v) = 7.5 - 8 y / x, 3.5 - 8 (z - 0.03) / x: 7.1, 2.96; then far to the right; behind; and 0.7, 3.62.
    assert lifted_labels(centres, labels, rig).tolist() == [3 * 16 + 7, 255, 255, 4 * 16 + 1]


def test_the_nearer_of_two_cameras_gives_the_label():
    rig = cameras(0, 30)[0]
    labels = torch.stack([torch.full(SIZE_PX, 1), torch.full(SIZE_PX, 2)]).byte()
    ahead, left = torch.tensor([[4.0, 0, 0], [4 * math.cos(0.45), 4 * math.sin(0.45), 0]])
    found = lifted_labels(torch.stack([ahead, left]), labels, rig)
    # Depth is along the axis: less of it where the camera looks past the voxel.
    assert found.tolist() == [2, 1]


def test_what_stands_behind_something_takes_no_label():
    rig = cameras(0)[0]
    labels = torch.full((1, *SIZE_PX), 5, dtype=torch.uint8)
    hidden = Hidden(torch.tensor([[3.0, 0.0, 0.0]]), rig, window=3, slack_m=0.5, slack=0.3)
    centres = torch.tensor([[3.8, 0.0, 0.0], [3.95, 0.0, 0.0], [8.0, -4.0, 0.0], [6.0, 0.8, 0.0]])
    # The point is at pixel (8, 4), with a limit of 3.9 m; 6, 0.8 falls on (6, 4), outside the window of 3.
    assert lifted_labels(centres, labels, rig, hidden).tolist() == [5, 255, 5, 5]
    wide = Hidden(torch.tensor([[3.0, 0.0, 0.0]]), rig, window=5, slack_m=0.5, slack=0.0)
    assert lifted_labels(centres, labels, rig, wide).tolist() == [255, 255, 5, 255]
    assert lifted_labels(centres, labels, rig, Hidden(torch.zeros(0, 3), rig, 3, 0.5, 0.3)).tolist() == [5] * 4


# --- the projection


def closed_form(q_near, q_far, label):
    """-log P of both modes on one cell with two voxels of classes (free, a, b)."""

    def loss(weight):
        sums = [a + weight * b for a, b in zip(q_near[1:], q_far[1:])]
        return -math.log(sums[label - 1] / (sum(sums) + 1e-6) + 1e-6)

    return {"sum": loss(1.0), "visible": loss(q_near[0])}


@pytest.mark.parametrize("mode", ["sum", "visible"])
def test_two_voxels_behind_each_other_by_hand(mode):
    q = torch.tensor([[0.2, 0.7, 0.1], [0.5, 0.1, 0.4]])
    log_probs = q.log().T.view(1, 3, 2, 1, 1).requires_grad_()
    # The second voxel is nearer.
    table = ProjectionTable.sort(torch.tensor([0, 1]), torch.tensor([1, 1]), torch.tensor([9.0, 4.0]), (1, 1, 1, 2))
    shown = accumulate(log_probs, 0, table, mode)
    channels = torch.full((256,), -1, dtype=torch.long)
    channels[1:3] = torch.arange(2)
    losses, sky = compared(shown, torch.tensor([1, 1], dtype=torch.uint8), channels)
    assert losses.tolist() == pytest.approx([closed_form(q[1].tolist(), q[0].tolist(), 1)[mode]], rel=1e-5)
    assert len(sky) == 0 and shown.count.tolist() == [0, 2] and shown.classes[0].tolist() == [0, 0]
    _, sky = compared(shown, torch.tensor([SKY, SKY], dtype=torch.uint8), channels)
    assert sky.tolist() == pytest.approx([(0.8 + 0.5) / 2])
    (gradient,) = torch.autograd.grad(losses.sum(), log_probs)
    free = gradient[0, 0, :, 0, 0]
    assert free[0] == 0 and bool(free[1] != 0) == (mode == "visible")  # only the nearer one hides something


@pytest.mark.parametrize("mode", ["sum", "visible"])
@pytest.mark.parametrize("free", [0, 2])
def test_equals_a_loop_over_voxels(mode, free):
    rig = Cameras.stack([cameras(0, 35)[0], cameras(-10, 80)[0]])
    log_probs, reduction = volumes(2, seed=3), 2
    table = ProjectionTable.of(rig, GRID, SIZE_PX, reduction)
    shown = accumulate(log_probs, free, table, mode)
    assert table.size == (2, 2, 4, 8) and (table.cells.diff() >= 0).all() and int(shown.count.sum()) > 20
    centres = GRID.centres(dtype=torch.float64).flatten(0, 2)
    for sample in range(2):
        pixels, depth, seen = nearest_pixels(rig[sample], centres)
        for camera in range(2):
            cells = [
                tuple((pixel // reduction).tolist()) if ok else None for pixel, ok in zip(pixels[camera], seen[camera])
            ]
            q = log_probs[sample].exp().flatten(1).T
            expected = oracle.accumulate(q, free, cells, depth[camera], mode)
            for row in range(4):
                for column in range(8):
                    u = ((sample * 2 + camera) * 4 + row) * 8 + column
                    sums, occupied, count = expected.get((column, row), (torch.zeros(3), 0.0, 0))
                    assert int(shown.count[u]) == count
                    torch.testing.assert_close(shown.classes[u], sums, atol=1e-5, rtol=1e-5)
                    assert float(shown.occupied[u]) == pytest.approx(float(occupied), abs=1e-5)


def test_both_modes_agree_where_no_cell_has_two_voxels():
    rig, log_probs = cameras(0), volumes()
    table = ProjectionTable.of(rig, GRID, SIZE_PX, 1)
    both = [accumulate(log_probs, 0, table, mode) for mode in ("sum", "visible")]
    alone = both[0].count == 1
    assert alone.any()
    torch.testing.assert_close(both[0].classes[alone], both[1].classes[alone])
    assert not torch.allclose(both[0].classes, both[1].classes)


@pytest.mark.parametrize("mode", ["sum", "visible"])
def test_gradients(mode):
    log_probs = volumes(dtype=torch.float64).requires_grad_()
    table = ProjectionTable.of(cameras(0), GRID, SIZE_PX, 4)
    assert torch.autograd.gradcheck(lambda x: accumulate(x, 1, table, mode).classes, log_probs)
    assert torch.autograd.gradcheck(lambda x: accumulate(x, 1, table, mode).occupied, log_probs)


@pytest.mark.parametrize("mode", ["sum", "visible"])
def test_nothing_in_view_counts_for_nothing(mode):
    log_probs = volumes().requires_grad_()
    table = ProjectionTable.of(cameras(180), GRID, SIZE_PX, 2)
    shown = accumulate(log_probs, 0, table, mode)
    assert len(table.voxels) == 0 and not shown.classes.any() and not shown.count.any()
    losses, sky = compared(shown, torch.full((32,), 1, dtype=torch.uint8), channels_of(TASK))
    (losses.sum() + sky.sum()).backward()
    assert len(losses) == len(sky) == 0 and not log_probs.grad.any()


def test_cells_that_show_next_to_nothing_are_not_compared():
    q = torch.tensor([[0.97, 0.02, 0.01]])
    table = ProjectionTable.sort(torch.tensor([0]), torch.tensor([0]), torch.tensor([3.0]), (1, 1, 1, 1))
    channels = torch.full((256,), -1, dtype=torch.long)
    channels[1:3] = torch.arange(2)
    one = torch.tensor([1], dtype=torch.uint8)
    losses, _ = compared(accumulate(q.log().T.view(1, 3, 1, 1, 1), 0, table, "sum"), one, channels)
    assert len(losses) == 0


def test_probabilities_of_exactly_one_stay_finite():
    logits = torch.tensor([[200.0, -200, -200], [-200, 200, -200]]).T.view(1, 3, 2, 1, 1).requires_grad_()
    table = ProjectionTable.sort(torch.tensor([0, 1]), torch.tensor([0, 0]), torch.tensor([1.0, 2.0]), (1, 1, 1, 1))
    for near in (table, ProjectionTable.sort(table.voxels.flip(0), table.cells, torch.tensor([1.0, 2.0]), table.size)):
        shown = accumulate(logits.log_softmax(1), 0, near, "visible")
        shown.classes.sum().backward()
        assert shown.classes.isfinite().all() and logits.grad.isfinite().all()
        torch.testing.assert_close(shown.classes[0].detach(), torch.tensor([1.0, 0.0]))

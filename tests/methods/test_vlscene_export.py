"""VLScene's parts for exports are those of the network."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from tests.export.lively import exporter, frame, lively
from tests.methods.tiny import TINY, sample_for
from voxway.core.calibration import Calibration
from voxway.core.camera import Cameras
from voxway.methods.vlscene.awareness import SparseAwareness
from voxway.methods.vlscene.export.awareness import SparseAwarenessGraph, dense_levels, widened
from voxway.methods.vlscene.export.rig import FixedRig, FreeRig, complete
from voxway.methods.vlscene.export.stereo import depth_volume_of_shifts, shares_of_shifts
from voxway.methods.vlscene.rig import StereoRig
from voxway.methods.vlscene.stereo import depth_volume
from voxway.ops.sparse_conv import Sites, strided_table

SHAPE = (12, 9, 8)


def spots(share, seed=0):
    """A volume of features in a few voxels."""
    generator = torch.Generator().manual_seed(seed)
    features = torch.randn(1, 5, *SHAPE, generator=generator)
    return features * (torch.rand(1, 1, *SHAPE, generator=generator) < share)


def awareness(reach=3, gate="released"):
    torch.manual_seed(0)
    made = SparseAwareness(5, (4, 6, 8), reach, gate)
    for module in made.modules():
        if isinstance(module, torch.nn.BatchNorm1d):
            module.running_mean.normal_()
            module.running_var.uniform_(0.5, 2)
            module.weight.data.normal_()
            module.bias.data.normal_()
    return made.eval()


@pytest.mark.parametrize("share", [0.0, 0.01, 0.3, 1.0])
@pytest.mark.parametrize(("reach", "gate"), [(3, "released"), (1, "intended"), (5, "intended"), (3, None)])
@torch.no_grad()
def test_masked_volume_equals_sparse_rows(share, reach, gate):
    network = awareness(reach, gate)
    expected, found = network(spots(share)), SparseAwarenessGraph(network)(spots(share))
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-4)
    assert torch.equal(found == 0, expected == 0)
    if share == 0.01 and reach == 3:
        assert 0.1 < (expected == 0).float().mean() < 0.9


class Rounding(torch.nn.Module):
    def __init__(self, propagate):
        super().__init__()
        self.propagate = propagate

    def forward(self, volume):
        return self.propagate(volume) + 1e-7


@torch.no_grad()
def test_rounding_far_from_everything_counts_nothing():
    """As fast transforms leave it: features that are nearly zero beyond the reach of any lifted one."""
    network, volume = awareness(), torch.zeros(1, 5, *SHAPE)
    volume[..., 2, 2, 2] = 1
    graph = SparseAwarenessGraph(network)
    graph.propagate = Rounding(network.propagate)
    near = widened((volume[:, :1] != 0).float(), 2)
    assert (graph(volume)[(near == 0).expand(1, network.channels, *SHAPE)] == 0).all()
    assert int(near.sum()) == 5**3


@pytest.mark.parametrize("share", [0.02, 0.4])
def test_coarser_masks_are_the_sites_of_strided_tables(share):
    active = spots(share)[:, :1] != 0
    index = active[:, 0].nonzero()
    sites, _ = strided_table(Sites(index, SHAPE, 1), (3, 3, 3), (2, 2, 2), (1, 1, 1))
    (down, _) = dense_levels(active.float()).halvings
    assert torch.equal(down.outputs[:, 0].nonzero(), sites.index)


def test_correlation_equals_that_of_the_network():
    """At disparities between whole pixels, beyond the bins and beyond the picture."""
    torch.manual_seed(0)
    left, right = torch.randn(2, 1, 4, 3, 7)
    steps = torch.tensor([[11.5, 8.75, 6.2, 5.0, 3.3, 2.25, 1.5, 0.75, 0.5]])
    shifts = list(range(7))
    found = depth_volume_of_shifts(left, right, shares_of_shifts(steps[0], shifts), shifts, 2)
    torch.testing.assert_close(found, depth_volume(left, right, steps, 2), atol=1e-5, rtol=1e-5)


def calibration():
    """A pair that is not turned to the ego frame's axes, whose rectified frame is no camera's own."""
    one = sample_for("vlscene")
    turn = torch.eye(4, dtype=torch.float64)
    turn[:2, :2] = torch.tensor([[0.96, -0.28], [0.28, 0.96]])
    turn[:3, 3] = torch.tensor([0.13, -0.4, 0.7])
    cameras = Cameras.stack([one.cameras.move_ego(turn)])
    T_rect_ego = cameras.T_cam_ego[:, 0].clone()
    T_rect_ego[:, 0, 3] += 0.06
    return Calibration(cameras=cameras, T_rect_ego=T_rect_ego)


@pytest.mark.parametrize("bins", ["released", "intended"])
def test_free_rig_equals_the_fixed_one(bins):
    network, known = replace(TINY["vlscene"], stereo_bins=bins).build(), calibration()
    rig = StereoRig.of(known.cameras, known.T_rect_ego, ("test",))
    fixed, free = FixedRig(network, rig, 10), FreeRig(network, (48, 80), (6, 10))
    inputs = (known.cameras.K, known.cameras.T_cam_ego, known.cameras.T_image, known.T_rect_ego)
    expected, found = fixed(), free(*(matrix.float() for matrix in inputs))
    torch.testing.assert_close(found.left, expected.left, atol=1e-4, rtol=1e-5)
    torch.testing.assert_close(found.right, expected.right, atol=1e-4, rtol=1e-5)
    torch.testing.assert_close(found.shares[:, fixed.shifts], expected.shares, atol=1e-4, rtol=1e-4)
    unused = [shift for shift in free.shifts if shift not in fixed.shifts]
    assert unused and not found.shares[:, unused].any()
    assert (found.cells == network.cells(rig, (6, 10))).float().mean() > 0.999


def test_left_camera_stands_for_an_unknown_rectified_frame():
    known = calibration()
    assert complete(known) is known
    alone = complete(Calibration(cameras=known.cameras))
    assert torch.equal(alone.T_rect_ego, known.cameras.T_cam_ego[:, 0])


@pytest.mark.parametrize("fixed", [False, True], ids=["free", "fixed"])
@pytest.mark.parametrize("name", ["stereo", "stereo-intended", "stereo-dense"])
@torch.no_grad()
def test_graphs_say_what_their_networks_say(name, fixed):
    """Without a file: of every switch that changes what a graph is made of."""
    network, batch = lively(name), frame(0, name)
    graph = exporter(network)(network, [batch], Calibration.of(batch) if fixed else None)
    classes, logits = graph(*(torch.from_numpy(array) for array in graph.feed(batch).values()))
    expected = network(batch)
    torch.testing.assert_close(logits, expected.logits, atol=1e-2, rtol=1e-4)
    assert (classes == expected.classes).float().mean() > 0.999

"""The fusion network with ResNet-18 against the released code's tensors, from points and images to classes."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from tests.conftest import load_reference
from tests.parity.effocc_case import SIZE_PX, cameras, check_prediction, errors
from voxway.methods.effocc.lidar import downsampling, encoder_tables
from voxway.methods.effocc.names import from_published
from voxway.ops.bev_pool import frustum, frustum_points
from voxway.ops.sparse_conv import sort_sites, strided_table
from voxway.ops.voxelize import voxelize
from voxway.recipes.networks.effocc import FUSION_R18, PUBLISHED


@pytest.fixture(scope="module")
def reference(request):
    return load_reference(request.config, "effocc")


@pytest.fixture(scope="module")
def network(reference, device):
    config, state = from_published(reference.state(reference.manifest()), "manifest", PUBLISHED)
    assert config == FUSION_R18
    network = config.build().eval()
    network.load_state_dict(state)
    return network.to(device)


@pytest.fixture(scope="module")
def points(reference, device):
    return torch.from_numpy(reference["in.points"]).to(device)


@pytest.fixture(scope="module")
def voxels(network, points):
    lidar = network.lidar
    offsets = torch.tensor([0, len(points)], device=points.device)
    return voxelize(points, offsets, lidar.grid, lidar.config.max_points, lidar.config.voxels)


@pytest.fixture(scope="module")
def chain(reference, device, network, points):
    """All stage tensors of one forward pass, by the reference's names."""
    found = {}

    def watch(module, name, pick=lambda out: out):
        module.register_forward_hook(lambda _m, _i, out: found.__setitem__(name, pick(out)))

    camera, lidar, encoder = network.camera, network.lidar, network.encoder
    camera.backbone.register_forward_hook(
        lambda _m, _i, out: found.update({f"img_backbone.{i}": level for i, level in enumerate(out)})
    )
    watch(camera.neck, "img_neck")
    watch(camera.depth_net.stem, "img_view_transformer.lidar_input_net")
    watch(camera.depth_net, "img_view_transformer.depth_net")
    watch(lidar.stem, "pts_middle_encoder.conv_input")
    for i in range(4):
        last = lidar.down[i] if i < 3 else lidar.blocks[3][1]
        watch(last, f"pts_middle_encoder.encoder_layers.encoder_layer{i + 1}")
    encoder.register_forward_pre_hook(lambda _m, given: found.__setitem__("occ_fuser", given[0]))
    watch(encoder.levels[0], "pts_backbone.0")
    watch(encoder.levels[1], "pts_backbone.1")
    watch(network.head.conv, "occ_head.final_conv", torch.clone)
    depth = torch.zeros(6 * SIZE_PX[0] * SIZE_PX[1])
    depth[torch.from_numpy(reference["in.gt_depth.coo_index"]).long()] = torch.from_numpy(
        reference["in.gt_depth.coo_value"]
    )
    images = reference.image((6, 3, *SIZE_PX))[None].to(device)
    with torch.no_grad():
        probabilities, context = camera.lift(images, depth.view(1, 6, *SIZE_PX).to(device))
        found["img_view_transformer.1"] = probabilities[0]
        found["img_view_transformer.0"] = camera.splat(probabilities, context, cameras(reference).to(device), SIZE_PX)
        sparse = lidar(points, torch.tensor([0, len(points)], device=device))
        found["pts_middle_encoder"] = sparse.dense()
        bev = network.encode([found["img_view_transformer.0"], sparse])
        found["pts_neck.0"] = bev
        found["logits"] = network.head(bev)
    found["occ_head.final_conv"] = found["occ_head.final_conv"].relu()
    return found


STAGES = {
    **{f"img_backbone.{i}": 2e-5 for i in range(3)},
    "img_neck": 2e-5,
    "img_view_transformer.lidar_input_net": 1e-5,
    "img_view_transformer.depth_net": 2e-5,
    "img_view_transformer.1": 1e-6,
    "pts_middle_encoder": 2e-6,
    "pts_backbone.0": 1e-3,
    "pts_backbone.1": 1e-3,
    "pts_neck.0": 1e-3,
    "occ_head.final_conv": 1e-3,
}
"""Largest difference from two float32 computations of the stage; behind the image map, of the cells on its borders."""


@pytest.mark.parametrize("stage", STAGES)
def test_stage(reference, chain, close, stage):
    error = errors(reference, f"fusion.{stage}", chain[stage])
    close(f"fusion, {stage}", error, STAGES[stage])
    assert np.quantile(error, 0.998) <= close.factor * 1e-4


@pytest.mark.parametrize("stage", ["img_view_transformer.0", "occ_fuser"])
def test_stage_with_points_on_borders(reference, chain, close, stage):
    """A frustum point on the border of a cell may fall to either side."""
    error = errors(reference, f"fusion.{stage}", chain[stage])
    assert (error <= close.factor * 1e-4).mean() >= 0.998
    assert np.quantile(error, 0.999) <= close.factor * 9e-4


LEVELS = ["conv_input", *(f"encoder_layers.encoder_layer{i}" for i in (1, 2, 3, 4))]


@pytest.mark.parametrize("level", LEVELS)
def test_sparse_features(reference, chain, close, level):
    error = errors(
        reference, f"fusion.pts_middle_encoder.{level}.features_sorted", chain[f"pts_middle_encoder.{level}"]
    )
    close(f"fusion, {level}", error, 2e-5 if level == "conv_input" else 5e-6)


def test_prediction(reference, chain, close):
    check_prediction(reference, "fusion", chain["logits"], close)
    spread = float(chain["logits"][0].std((1, 2)).mean())
    assert spread == pytest.approx(float(reference["fusion.logits_spatial_std"]), rel=0.02)


def test_voxels(reference, voxels, close):
    """Exactly the published voxels, in their order."""
    index, counts = (reference[f"fusion.voxel_{name}.stride"] for name in ("coors_bzyx", "num_points"))
    assert voxels.index.shape == tuple(reference["fusion.voxel_coors_bzyx.shape"])
    np.testing.assert_array_equal(voxels.index.cpu().flatten()[::index], reference["fusion.voxel_coors_bzyx"])
    np.testing.assert_array_equal(voxels.counts.cpu()[::counts], reference["fusion.voxel_num_points"])
    close("fusion, voxel_mean", errors(reference, "fusion.voxel_mean", voxels.mean), 1e-5)
    assert len(voxels.mean) == int(reference["fusion.num_voxels"])
    assert int(voxels.counts.max()) == int(reference["fusion.max_points_in_a_voxel"])
    if reference.salt == "a":
        assert len(voxels.mean) == 23_674


def test_sites(reference, network, voxels):
    """Sites of every resolution, in ascending order."""
    sites, _ = sort_sites(voxels.index, network.lidar.shape, 1)
    counts = []
    for level, (kernel, stride, padding) in zip(LEVELS, [*downsampling(4)[:3], ((1, 1, 1), (1, 1, 1), (0, 0, 0))]):
        counts.append(len(sites))
        key = f"fusion.pts_middle_encoder.{level}"
        assert len(sites) == int(reference[f"{key}.num_sites"])
        sampled = sites.index.cpu().flatten()[:: int(reference[f"{key}.sites_bzyx_sorted.stride"])]
        np.testing.assert_array_equal(sampled, reference[f"{key}.sites_bzyx_sorted"])
        sites, _ = strided_table(sites, kernel, stride, padding)
    if reference.salt == "a":
        assert counts[1:] == [44_481, 43_239, 17_315]


def test_frustum(reference, network, device, close):
    rig = cameras(reference).to(device)
    unchanged = cameras(reference, torch.eye(4).double())
    T_key_cam = torch.linalg.inv(unchanged.T_cam_ego).float()
    np.testing.assert_allclose(T_key_cam, reference["fusion.sensor2keyego"], atol=1e-6)
    places = frustum_points(rig, frustum(SIZE_PX, (32, 88), network.camera.depths))
    close("fusion, frustum_ego_xyz", errors(reference, "fusion.frustum_ego_xyz", places), 1e-5)
    cells = network.camera.cells(rig, SIZE_PX, (32, 88))
    kept = int((cells < 200 * 200).sum())
    floored = network.camera.grid.contains(places).sum()
    assert abs(int(floored) - int(reference["fusion.frustum_points_kept_if_floor"])) <= 20
    assert abs(kept - int(reference["fusion.frustum_points_kept"])) <= 20  # points on borders
    if reference.salt == "a" and device.type == "cpu":
        assert kept == 1_201_945


def test_depth_images(reference):
    """The case's sparse depth images, which the chain is fed with, are complete."""
    values = reference["in.gt_depth.coo_value"]
    assert len(values) == int(reference["in.gt_depth.nnz"])
    assert values.sum(dtype=np.float64) == pytest.approx(float(reference["in.gt_depth.sum"]), rel=1e-6)


def test_tables_as_tensors(network, voxels, chain, close):
    """An exported encoder takes tables as plain tensors; it computes the same map."""
    tables = encoder_tables(voxels.index, network.lidar.shape, 1, 4).neighbours()
    with torch.no_grad():
        found = network.lidar.encode(voxels.mean, tables).dense()
    close("fusion, tables as tensors", (found - chain["pts_middle_encoder"]).abs(), 1e-5)

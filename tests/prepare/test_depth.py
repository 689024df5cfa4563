"""Depth sources beside stereo: a network of transformers, and the check of any source's scale."""

from __future__ import annotations

import logging
import re
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.small_world import execute, leftovers, linked
from voxway.core.camera import Cameras
from voxway.core.errors import InputError, MissingExtra
from voxway.data.files.images import read_image
from voxway.data.prepared.maps import map_path
from voxway.data.semantickitti.benchmark import SEMANTIC_KITTI
from voxway.data.semantickitti.config import SemanticKITTIConfig
from voxway.data.semantickitti.layout import SequenceFiles, read_scan
from voxway.prepare.depth import Geometry, StoredDepth, stereo_source
from voxway.prepare.depth_model import depth_foundation, load_depth_model
from voxway.prepare.depth_scale import CheckedDepth, lidar_ratio, road_ratio

SIZE = (93, 307)
HEIGHT_M = SEMANTIC_KITTI.ego_height_m
CAMERA = Cameras.from_projection(
    torch.tensor([[[100.0, 0, 50, 10], [0, 100, 30, 0], [0, 0, 1, 0]]]),
    torch.tensor([[[0.0, -1, 0, 0], [0, 0, -1, -0.1], [1, 0, 0, -0.3], [0, 0, 0, 1]]]),
    torch.tensor([[100, 100]]),
)
"""Looks along x, 0.1 m below the LiDAR."""


def road() -> np.ndarray:
    """Depth of a flat road as `CAMERA` sees it: at row v, (1.73 - 0.1) * 100 / (v - 30) metres."""
    rows = np.arange(100) - 30.0
    depth = np.where(rows > 0, (HEIGHT_M - 0.1) * 100 / np.maximum(rows, 1), 0)
    return np.tile(depth[:, None], (1, 100)).astype(np.float32)


def points_of(depth: np.ndarray, every: int = 3) -> torch.Tensor:
    """Points of every third pixel nearer than 50 m, one by one."""
    found = []
    for v in range(0, depth.shape[0], every):
        for u in range(0, depth.shape[1], every):
            d = float(depth[v, u])
            if 0 < d < 50:
                x, y = ((u - 50) * d - 10) / 100, (v - 30) * d / 100
                found.append([d + 0.3, -x, -(y + 0.1)])
    return torch.tensor(found)


@pytest.mark.parametrize("factor", [0.5, 1.0, 1.3])
def test_ratios_of_a_flat_road(factor: float) -> None:
    depth = road()
    assert lidar_ratio(depth * np.float32(factor), points_of(depth), CAMERA) == pytest.approx(factor, rel=1e-6)
    assert road_ratio(depth * np.float32(factor), CAMERA, HEIGHT_M) == pytest.approx(factor, rel=1e-6)


def test_no_ratio_where_little_is_known() -> None:
    depth = road()
    nothing = np.full_like(depth, np.nan)
    assert lidar_ratio(nothing, points_of(depth), CAMERA) is None and road_ratio(nothing, CAMERA, HEIGHT_M) is None
    assert lidar_ratio(depth, points_of(depth)[:49], CAMERA) is None
    assert lidar_ratio(depth, torch.zeros(0, 3), CAMERA) is None


def config(root: Path) -> SemanticKITTIConfig:
    return SemanticKITTIConfig(root=root, partial=True)


def scan_of(root: Path, sequence: str) -> torch.Tensor:
    return torch.from_numpy(read_scan(SequenceFiles(root, sequence).scan(0))[:, :3])


@pytest.fixture(scope="module")
def stereo(small_world: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of a depth that is right."""
    pytest.importorskip("cv2")
    folder = tmp_path_factory.mktemp("stereo")
    stereo_source(config(small_world), folder).depth("00/000000")
    return folder


def test_scale_is_checked_against_the_scan(small_world: Path, stereo: Path) -> None:
    stored = StoredDepth(config(small_world), stereo)
    right = stored.depth("00/000000")
    np.testing.assert_array_equal(CheckedDepth(stored, config(small_world)).depth("00/000000"), right)
    camera = Geometry(config(small_world)).cameras("00/000000", SIZE)
    ratio = lidar_ratio(right, scan_of(small_world, "00"), camera)
    assert ratio == pytest.approx(1, abs=0.1)
    assert road_ratio(right, camera, HEIGHT_M) == pytest.approx(1, abs=0.1)
    for factor in (0.5, 1.5):
        source = CheckedDepth(stored, config(small_world), factor)
        with pytest.raises(InputError) as error:
            source.depth("00/000000")
        said = re.fullmatch(
            r"depth of 00/000000: scale: expected metres, within 20% of the LiDAR scan, found (\S+) times that in the "
            r"median\. Take a network of metric depth outdoors, or correct a constant factor: --depth-scale (\S+)\.",
            str(error.value),
        )
        assert said and float(said[1]) == pytest.approx(ratio * factor, abs=0.006)
        assert float(said[2]) == pytest.approx(1 / ratio, rel=0.01)  # the factor that should have been given


def test_without_a_scan_the_road_is_a_hint(
    small_world: Path, stereo: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    root = linked(small_world, tmp_path / "root")
    shutil.rmtree(root / "sequences" / "00" / "velodyne")
    stored = StoredDepth(config(root), stereo)
    with caplog.at_level(logging.WARNING):
        CheckedDepth(stored, config(root)).depth("00/000000")
        assert not caplog.records
        doubled = CheckedDepth(stored, config(root), 2.0).depth("00/000000")
        CheckedDepth(stored, config(root), 2.0).depth("00/000000")
    np.testing.assert_array_equal(doubled, 2 * stored.depth("00/000000"))
    assert "within 20% of a flat road, found 1.9" in caplog.text or "found 2.0" in caplog.text


def test_command_refuses_depth_of_another_scale(
    small_world: Path, stereo: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    path = map_path(tmp_path / "depth", "00/000000")
    path.parent.mkdir(parents=True)
    np.save(path, np.load(map_path(stereo, "00/000000")) * np.float32(0.4))
    known = ("--root", small_world, "--keys", "00/000000", "--source", "stored", "--depth", tmp_path / "depth")
    assert execute("prepare", "pseudo", *known, "--out", tmp_path / "out") == 2
    assert "--depth-scale" in " ".join(capsys.readouterr().err.split()) and not leftovers(tmp_path)
    assert execute("prepare", "pseudo", *known, "--out", tmp_path / "out", "--depth-scale", "2.5") == 0
    assert (tmp_path / "out" / "00" / "voxels" / "000000.pseudo").exists()


def save_model(folder: Path, kind: str = "metric") -> None:
    """A tiny Depth Anything of random weights whose depth lies between 0 and 20 m."""
    transformers = pytest.importorskip("transformers")
    torch.manual_seed(0)
    backbone = transformers.Dinov2Config(
        hidden_size=16,
        num_hidden_layers=4,
        num_attention_heads=2,
        image_size=28,
        patch_size=14,
        out_indices=[1, 2, 3, 4],
        reshape_hidden_states=False,
        apply_layernorm=True,
    )
    config = transformers.DepthAnythingConfig(
        backbone_config=backbone,
        reassemble_hidden_size=16,
        neck_hidden_sizes=[8, 8, 8, 8],
        fusion_hidden_size=8,
        head_hidden_size=4,
        depth_estimation_type=kind,
        max_depth=20 if kind == "metric" else None,
    )
    transformers.DepthAnythingForDepthEstimation(config).save_pretrained(folder)
    size = {"height": 28, "width": 84}
    transformers.DPTImageProcessor(size=size, keep_aspect_ratio=True, ensure_multiple_of=14).save_pretrained(folder)


def test_a_network_on_disk_estimates_depth(small_world: Path, tmp_path: Path) -> None:
    save_model(tmp_path / "model")
    image = read_image(SequenceFiles(small_world, "00").image(2, 0))
    model = load_depth_model(depth_foundation(str(tmp_path / "model")))
    depth = model(image)
    assert depth.shape == SIZE and depth.dtype == np.float32 and (depth > 0).all() and (depth < 20).all()
    np.testing.assert_array_equal(depth, model(image))
    # Whatever random weights say, scaled to pass the check; the depth itself is kept as the network made it.
    ratio = lidar_ratio(depth, scan_of(small_world, "00"), Geometry(config(small_world)).cameras("00/000000", SIZE))
    assert ratio is not None
    command = ("prepare", "pseudo", "--root", small_world, "--keys", "00/000000", "--source", "transformers")
    more = ("--depth-model", tmp_path / "model", "--depth-scale", 1 / ratio, "--out", tmp_path / "out")
    assert execute(*command, *more) == 0
    np.testing.assert_array_equal(np.load(map_path(tmp_path / "out" / "depth" / "transformers", "00/000000")), depth)
    assert (tmp_path / "out" / "00" / "voxels" / "000000.pseudo").exists()


def test_networks_without_a_unit_or_of_another_kind(tmp_path: Path) -> None:
    save_model(tmp_path / "relative", "relative")
    with pytest.raises(InputError, match="expected metric depth, found relative depth, without a unit"):
        load_depth_model(depth_foundation(str(tmp_path / "relative")))
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "config.json").write_text('{"model_type": "bert"}')
    with pytest.raises(InputError, match="other: depth model: expected a depth estimation network"):
        load_depth_model(depth_foundation(str(tmp_path / "other")))


def test_nothing_is_fetched_unless_asked_for(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="Name a model's folder, or hf:owner/name to fetch it"):
        depth_foundation("owner/name")


def test_says_which_extra_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "transformers", None)
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(MissingExtra, match=r"pip install 'voxway\[foundation\]'"):
        depth_foundation(str(tmp_path))


@pytest.mark.real
@pytest.mark.parametrize("sequence", ["00", "08"])
def test_stereo_depth_of_real_frames_is_in_metres(sequence: str, data_root: Path, tmp_path: Path) -> None:
    """The road is nearly flat there, so both references agree."""
    pytest.importorskip("cv2")
    root = data_root / "semantickitti"
    data, key = config(root), f"{sequence}/000000"
    depth = CheckedDepth(stereo_source(data, tmp_path), data).depth(key)
    camera = Geometry(data).cameras(key, (depth.shape[0], depth.shape[1]))
    assert lidar_ratio(depth, scan_of(root, sequence), camera) == pytest.approx(1, abs=0.03)
    assert road_ratio(depth, camera, HEIGHT_M) == pytest.approx(1, abs=0.06)

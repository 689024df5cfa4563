"""Pseudo points: worked by hand, from files, and the whole way from stereo to proposals that a reader reads."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.small_world import execute, leftovers, linked
from voxway.core.errors import InputError
from voxway.core.grid import VoxelGrid
from voxway.data.job import Job, JobOptions
from voxway.data.prepared.flags import PseudoPoints
from voxway.data.prepared.maps import map_path
from voxway.data.semantickitti.benchmark import SEMANTIC_KITTI
from voxway.data.semantickitti.config import SemanticKITTIConfig
from voxway.data.semantickitti.layout import Calibration, SequenceFiles, read_calibration, read_voxel_flags
from voxway.engine.model_files import load_model
from voxway.prepare import depth as depth_sources
from voxway.prepare.depth import DepthSource, StoredDepth, stereo_source
from voxway.prepare.makers import job
from voxway.prepare.pseudo import SWEEPS, from_source, holding, pseudo_points
from voxway.prepare.runner import run

GRID = VoxelGrid(lower=(0.0, -0.4, -0.4), cell=(0.2, 0.2, 0.2), shape=(4, 4, 4))
CAMERA = Calibration(
    P2=np.array([[10.0, 0, 2, 1], [0, 10, 1, 0], [0, 0, 1, 0]]),
    P3=np.array([[10.0, 0, 2, -4], [0, 10, 1, 0], [0, 0, 1, 0]]),
    T_cam_velo=np.array([[0.0, -1, 0, 0], [0, 0, -1, -0.5], [1, 0, 0, -1.5], [0, 0, 0, 1]]),
)
"""Looks along x with 10 px focal length, principal point (2, 1), 0.1 m left of camera 0."""


def test_points_by_hand() -> None:
    depth = np.zeros((3, 5), np.float32)
    depth[1, 2] = 4  # on the optical axis
    depth[0, 4] = 2  # 2 px to the right, 1 px up
    # Camera: (-0.1, 0, 4) and (0.4 - 0.1, -0.2, 2); the LiDAR is 1.5 m behind camera 0 and 0.5 m above it.
    expected = [[3.5, -0.3, -0.3], [5.5, 0.1, -0.5]]
    np.testing.assert_allclose(pseudo_points(depth, CAMERA.P2, CAMERA.T_cam_velo), expected, atol=1e-6)


@pytest.mark.parametrize("unknown", [0.0, -1.0, np.nan, np.inf])
def test_unknown_depth_makes_no_points(unknown: float) -> None:
    assert pseudo_points(np.full((3, 5), unknown, np.float32), CAMERA.P2, CAMERA.T_cam_velo).shape == (0, 3)


def test_voxels_by_hand() -> None:
    points = torch.tensor([
        [0.1, -0.3, -0.1],  # voxel 0 0 1
        [0.15, -0.35, -0.15],  # the same
        [0.79, 0.39, 0.39],  # voxel 3 3 3
        [0.0, 0.1, 0.1],  # on the lower bound: outside, as published
        [0.8, 0.1, 0.1],  # on the upper bound
        [0.1, 0.1, 5.0],  # above
    ])  # fmt: skip
    expected = torch.zeros(4, 4, 4, dtype=torch.bool)
    expected[0, 0, 1] = expected[3, 3, 3] = True
    assert torch.equal(holding(points, GRID), expected)
    assert not holding(points[:0], GRID).any()


def config(root: Path, **changes: object) -> SemanticKITTIConfig:
    return SemanticKITTIConfig(root=root, partial=True, **{"needs": frozenset({"target"}), **changes})


def prepare(
    data: SemanticKITTIConfig,
    folder: Path,
    source: DepthSource,
    sweeps: int = SWEEPS,
    shard: tuple[int, int] = (0, 1),
) -> int:
    """Write pseudo points of a source; how many files were made."""
    kept, make = PseudoPoints(), from_source(data, source, sweeps).make
    work = Job(
        what="pseudo points",
        keys=data.build().keys,
        target=lambda key: kept.path(folder, key),
        make=lambda key, path: kept.write(path, make(key)),
    )
    return run(work, shard=shard, show=False)


@dataclass
class Spots:
    """A source whose frames hold one pixel each."""

    spots: Mapping[int, float]
    asked: list[int]

    def has(self, key: str) -> bool:
        return int(key[3:]) in self.spots

    def files(self, key: str) -> list[Path]:
        return []

    @property
    def settings(self) -> dict[str, str]:
        return {}

    def depth(self, key: str) -> np.ndarray:
        frame = int(key[3:])
        self.asked.append(frame)
        depth = np.zeros((93, 307), np.float32)
        depth[48, 150] = self.spots[frame]
        return depth


def test_sweeps_are_moved_into_the_key_frame(small_world: Path, tmp_path: Path) -> None:
    source = Spots({0: 20.0, 2: 22.0, 5: 10.0}, [])
    for sweeps in (1, 4, 10):
        prepare(config(small_world, keys=("00/000005",)), tmp_path / str(sweeps), source, sweeps)
    assert source.asked == [5, 2, 5, 0, 2, 5]
    flags = {n: read_voxel_flags(tmp_path / str(n) / "00" / "voxels" / "000005.pseudo") for n in (1, 4, 10)}
    assert [int(f.sum()) for f in flags.values()] == [1, 2, 3]
    assert (flags[1] <= flags[4]).all() and (flags[4] <= flags[10]).all()
    # By NumPy and the file's own camera-0 poses.
    files = SequenceFiles(small_world, "00")
    known = read_calibration(files.calibration)
    poses = np.loadtxt(files.poses).reshape(-1, 3, 4)
    P0, P5 = (np.vstack([poses[frame], [0, 0, 0, 1]]) for frame in (0, 5))
    (spot,) = pseudo_points(source.depth("00/000000"), known.P2, known.T_cam_velo)
    moved = np.linalg.inv(P5 @ known.T_cam_velo) @ P0 @ known.T_cam_velo @ [*spot, 1]
    assert flags[10][tuple(np.floor((moved[:3] - SEMANTIC_KITTI.grid.lower) / 0.2).astype(int))]


def test_fewer_frames_than_asked_for_are_told(
    small_world: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    prepare(config(small_world, keys=("00/000005",)), tmp_path / "a", Spots({0: 20.0, 2: 22.0, 5: 10.0}, []), 6)
    assert "00/000005: points of 3 frames of 6, nothing is there of 00/000001" in caplog.text
    caplog.clear()
    prepare(config(small_world, keys=("00/000005",)), tmp_path / "b", Spots(dict.fromkeys(range(6), 20.0), []), 10)
    assert caplog.text == ""


def test_stereo_depth_is_made_once(small_world: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("cv2")
    made = []
    match = depth_sources.stereo_depth

    def counted(*arguments: object) -> np.ndarray:
        made.append(1)
        return match(*arguments)

    monkeypatch.setattr(depth_sources, "stereo_depth", counted)
    source = stereo_source(config(small_world), tmp_path / "depth")
    assert prepare(config(small_world), tmp_path / "ten", source) == 2
    assert len(made) == 2  # the first key frame is the second's fifth sweep
    assert prepare(config(small_world), tmp_path / "ten", source) == 0
    stored = StoredDepth(config(small_world), tmp_path / "depth")
    assert prepare(config(small_world), tmp_path / "again", stored, shard=(1, 2)) == 1
    assert len(made) == 2
    kept = np.load(map_path(tmp_path / "depth", "00/000005"))
    assert kept.dtype == np.float32 and kept.shape == (93, 307)
    name = Path("00") / "voxels" / "000005.pseudo"
    assert (tmp_path / "ten" / name).read_bytes() == (tmp_path / "again" / name).read_bytes()


def test_stereo_points_lie_where_the_scan_says(small_world: Path, tmp_path: Path) -> None:
    """Near the car, most voxels with pseudo points have occupied truth near them; 1 m higher, few would."""
    pytest.importorskip("cv2")
    source = stereo_source(config(small_world), tmp_path / "depth")
    prepare(config(small_world), tmp_path / "out", source, sweeps=1)
    sample = config(small_world, needs=frozenset({"target", "pseudo"}), prepared={"pseudo": tmp_path / "out"}).build()[
        1
    ]
    assert sample.target is not None and sample.pseudo is not None
    solid = ((sample.target > 0) & (sample.target < 255))[None].float()
    near = torch.nn.functional.max_pool3d(solid, 5, 1, 2)[0] > 0
    share, share_raised = (
        near[:60][flags[:60] & (sample.target[:60] != 255)].float().mean()
        for flags in (sample.pseudo, sample.pseudo.roll(5, 2))
    )
    assert share > 0.65 and share_raised < 0.5 * share


@pytest.mark.parametrize(
    ("array", "said"),
    [
        (np.zeros((93, 307), np.uint8), "contents: expected metres"),
        (np.zeros((1, 93, 307), np.float32), "contents: expected metres"),
        (np.zeros((370, 1226), np.float32), "size: expected a picture around the principal point"),
    ],
)
def test_stored_depth_that_cannot_be_right(small_world: Path, tmp_path: Path, array: np.ndarray, said: str) -> None:
    path = map_path(tmp_path, "00/000000")
    path.parent.mkdir()
    np.save(path, array)
    with pytest.raises(InputError, match=rf"000000\.npy: {said}"):
        StoredDepth(config(small_world), tmp_path).depth("00/000000")
    with pytest.raises(InputError, match=r"000005\.npy: file: expected present"):
        StoredDepth(config(small_world), tmp_path).depth("00/000005")


def test_sweeps_need_poses(small_world: Path, tmp_path: Path) -> None:
    root = linked(small_world, tmp_path / "root")
    (root / "sequences" / "00" / "poses.txt").unlink()
    data, source = config(root), Spots({0: 10.0, 5: 10.0}, [])
    assert prepare(data, tmp_path / "one", source, sweeps=1) == 2
    with pytest.raises(InputError, match=r"poses\.txt"):
        prepare(data, tmp_path / "two", source)
    assert not leftovers(tmp_path)


@pytest.fixture(scope="module")
def trained(small_world: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder with pseudo points and with a proposal network after a few steps on them."""
    pytest.importorskip("cv2")
    folder = tmp_path_factory.mktemp("qpn")
    command = ("prepare", "pseudo", "--root", small_world, "--out", folder / "pseudo", "--split")
    assert execute(*command, "train") == execute(*command, "val") == 0
    where = f"data.prepared.pseudo={folder / 'pseudo'}"
    command = ("train", "qpn-world", "--root", small_world, "--out", folder / "run", "--steps", "2", "--device", "cpu")
    assert execute(*command, "--set", where) == 0
    return folder


def test_from_stereo_to_proposals(small_world: Path, trained: Path, tmp_path: Path) -> None:
    model = trained / "run" / "model"
    known = ("--pseudo", trained / "pseudo", "--out", tmp_path)
    for split in ("train", "val"):
        assert execute("prepare", "queries", "--root", small_world, "--split", split, "--model", model, *known) == 0
    needs = frozenset({"proposals", "pseudo"})
    sample = config(
        small_world, needs=needs, prepared={"proposals": tmp_path, "pseudo": trained / "pseudo"}, split="val"
    ).build()[0]
    assert sample.key == "08/000000" and sample.proposals is not None and sample.pseudo is not None
    network = load_model(model)
    with torch.no_grad():
        half, _, _ = network.decode(sample.pseudo[None])
        scores = network.heads[0](half)[0]
    assert torch.equal(sample.proposals, scores[1] > scores[0])
    data = config(small_world, prepared={"pseudo": trained / "pseudo"})
    assert run(job("proposals", data, tmp_path, JobOptions(source="network", model=model)), show=False) == 0


def test_training_makes_what_is_missing(small_world: Path, trained: Path, tmp_path: Path) -> None:
    command = ("train", "qpn-world", "--root", small_world, "--out", tmp_path / "run", "--steps", "1")
    assert execute(*command, "--cache", tmp_path, "--device", "cpu") == 0
    made = tmp_path / "pseudo" / "stereo" / "00" / "voxels" / "000005.pseudo"
    assert made.read_bytes() == (trained / "pseudo" / "00" / "voxels" / "000005.pseudo").read_bytes()
    assert map_path(tmp_path / "depth" / "stereo", "00/000005").exists()


def test_another_network_proposes_nothing(small_world: Path, small_run: Path, tmp_path: Path) -> None:
    data = config(small_world, prepared={"pseudo": tmp_path})
    with pytest.raises(InputError, match="Train a proposal network first"):
        job("proposals", data, tmp_path, JobOptions(source="network", model=small_run / "model"))


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("prepare pseudo --out {out} --source lidar", "one of stereo, stored, transformers"),
        ("prepare pseudo --out {out} --source stored", "the folder of stored depths"),
        ("prepare pseudo --out {out} --source transformers", "the folder of a depth network"),
        ("prepare pseudo --out {out} --source transformers --depth-model {out}", "a folder with config.json"),
        ("prepare pseudo --out {out} --depth-scale 0", "a positive number"),
        ("prepare pseudo --out {out} --sweeps 0", "at least 1"),
        ("prepare proposals --out {out} --source stored", "one of lidar, stereo, network"),
        ("prepare queries --out {out} --model {model}", "no --pseudo"),
        ("prepare queries --out {out} --model {model} --pseudo {out}", "for this split too"),
        ("eval {model} --device cpu", "semantickitti: 20 classes"),
        ("predict {model} --out {out} --device cpu", "semantickitti"),
        (
            "train qpn-world --out {out} --cache {out} --set train.evaluate_every=1",
            "0, as the method predicts occupancy",
        ),
    ],
)
def test_requests_that_do_not_fit(
    small_world: Path, trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture, line: str, said: str
) -> None:
    words = [word.format(out=tmp_path / "out", model=trained / "run" / "model") for word in line.split()]
    assert execute(*words[:2], "--root", small_world, *words[2:]) == 2
    answer = capsys.readouterr().err
    assert said in " ".join(answer.split()) and "Traceback" not in answer
    assert not leftovers(tmp_path)

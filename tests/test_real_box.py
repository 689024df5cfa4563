"""The box that comes with the package, on real streets that it has never seen: a road lies where the car drives, most
of space is free, and what it says is there overlaps with what is as well as when its weights were made."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from voxway.api.doubt import Kind
from voxway.api.load import load
from voxway.api.model import Model
from voxway.api.occupancy import Occupancy
from voxway.core.resample import resampled
from voxway.data.semantickitti.config import SemanticKITTIConfig
from voxway.data.street import STREET, from_street, in_street, rise_m
from voxway.engine.shipped import ABOUT, FOLDER

pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(not (FOLDER / "box" / ABOUT).exists(), reason="this installation brings no weights along"),
]
OPTICAL = np.array([[0.0, 0, 1, 0], [-1, 0, 0, 0], [0, -1, 0, 0], [0, 0, 0, 1]])
"""A camera's axes (right, down, ahead) in a frame of x ahead, y left, z up."""
LEAST: dict[Kind, float] = {"pictures": 0.18, "scan": 0.5, "both": 0.47}
"""IoU of what is there, on the worse of the two frames of KITTI; the class that voxels have most often gives 0.18."""
FLAT = [STREET.class_id(name) for name in ("road", "parking", "sidewalk", "other-ground", "terrain")]


@pytest.fixture(scope="module")
def box() -> Model:
    return load("box")


def road_share(occupancy: Occupancy) -> float:
    """Of the columns 6 to 14 m ahead, 2.4 m wide, how many hold ground at the height of the road."""
    x, y, z = (STREET.grid.index(torch.tensor([[6.2, -1.0, -0.3], [14.0, 1.0, 0.3]])).T).tolist()
    ahead = occupancy.classes[x[0] : x[1], y[0] : y[1] + 1, z[0] : z[1] + 1]
    return float(torch.isin(ahead, torch.tensor(FLAT, dtype=torch.uint8)).any(-1).float().mean())


def overlap(said: Occupancy, truth: Occupancy) -> float:
    """IoU of what is there, of the voxels whose truth is certain."""
    there, true = said.occupied & truth.known, truth.occupied & truth.known
    return float((there & true).sum() / (there | true).sum())


def filled_share(occupancy: Occupancy) -> float:
    """Of all voxels, how many are said to hold something."""
    return float(occupancy.occupied.float().mean())


@pytest.mark.parametrize("key", ["00/000000", "08/000000"])
@pytest.mark.parametrize("shown", ["pictures", "scan", "both"])
def test_kitti(box: Model, data_root: Path, key: str, shown: Kind) -> None:
    root = data_root / "semantickitti"
    needs = frozenset({"images", "points", "target"})
    samples = SemanticKITTIConfig(root=root, targets=root / "derived", keys=(key,), needs=needs).build()
    street = in_street(samples[0], "semantickitti")
    if shown == "pictures":
        street = replace(street, points=None)
    elif shown == "scan":
        street = replace(street, images=None, cameras=None)
    found = box.predict(street)
    assert road_share(found) > 0.7 and filled_share(found) < 0.3
    said = resampled(found, from_street("semantickitti"), rise_m("semantickitti"))
    assert overlap(said, samples.truth(key)) > LEAST[shown]


def test_kitti360(box: Model, data_root: Path) -> None:
    folder = data_root / "kitti360" / "drive_0000"
    told = json.loads((folder / "transforms.json").read_text())
    K = [[told["fl_x"], 0, told["cx"]], [0, told["fl_y"], told["cy"]], [0, 0, 1]]
    T_ego_cam = OPTICAL.copy()
    T_ego_cam[2, 3] = 1.55  # metres above the road
    found = box.predict(folder / "700_00.png", [K], [T_ego_cam])
    assert road_share(found) > 0.7 and filled_share(found) < 0.3


def test_waymo(box: Model, data_root: Path) -> None:
    (folder,) = (data_root / "waymo").iterdir()
    cameras = json.loads((folder / "frame.json").read_text())["cameras"].values()
    focal = [camera["intrinsic_fu_fv_cu_cv_k1_k2_p1_p2_k3"][:4] for camera in cameras]
    K = [[[fu, 0, cu], [0, fv, cv], [0, 0, 1]] for fu, fv, cu, cv in focal]
    poses = [np.array(camera["camera_to_vehicle"]) @ OPTICAL for camera in cameras]
    found = box.predict([folder / camera["image"] for camera in cameras], K, poses)
    assert road_share(found) > 0.7 and filled_share(found) < 0.3


def test_nuscenes(box: Model, data_root: Path) -> None:
    folder = data_root / "nuscenes" / "scene-0061_ca9a282c"
    cameras = json.loads((folder / "info.json").read_text())["sample"]["images"].values()
    pictures = [folder / camera["img_path"] for camera in cameras]
    found = box.predict(pictures, [one["cam2img"] for one in cameras], [one["cam2ego"] for one in cameras])
    assert road_share(found) > 0.7 and filled_share(found) < 0.3

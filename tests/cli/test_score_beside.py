"""Instances and speeds beside classes, from files of truth and prediction to a result: RayPQ and the flow score."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.small_world import execute
from voxway.api import stored
from voxway.api.stored import score_stored
from voxway.core.errors import InputError
from voxway.core.ray_result import RayResult
from voxway.data.nuscenes.benchmark import OCC3D_NUSCENES, OPENOCC_NUSCENES
from voxway.data.nuscenes.config import Occ3DNuScenesConfig, OpenOccConfig
from voxway.data.nuscenes.labels import occ3d_path
from voxway.metrics.rays.beside import Instances, RaysBeside, Speeds
from voxway.metrics.rays.directions import directions
from voxway.metrics.rays.flow import FlowCounts, count_flow
from voxway.metrics.rays.panoptic import count_panoptic
from voxway.metrics.rays.walk import cast

_CAR = OCC3D_NUSCENES.task.class_id("car")
TO_OPENOCC = np.array([255, *(OPENOCC_NUSCENES.task.class_id(name) for name in OCC3D_NUSCENES.classes[1:])], np.uint8)


def carried(classes: np.ndarray, car: int) -> dict[str, np.ndarray]:
    """Numbers and speeds: cars left and right of the vehicle are two."""
    x, y, _ = np.indices(classes.shape)
    number = np.where(classes == car, 1 + (y > 100), 0).astype(np.uint8)
    flow = np.where((classes == car)[..., None], np.stack([x / 100, -y / 200], -1), 0).astype(np.float16)
    return {"instances": number, "flow": flow}


@pytest.fixture(scope="module")
def root(small_ring: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Copies of the labels that say more, and predictions: panoptic/, openocc_v2/, guesses/, openocc_guesses/."""
    folder = tmp_path_factory.mktemp("beside")
    samples = Occ3DNuScenesConfig(root=small_ring, split="train", partial=True, needs=frozenset({"target"})).build()
    for key in samples.keys:
        frame = samples.reader.key_frame(key)  # ty: ignore
        truth = samples.truth(key).classes.numpy()
        truth[truth == 0] = 15
        truth[95:98, 90:93, 3:6] = truth[95:98, 110:113, 3:6] = _CAR  # ty: ignore
        guess = np.roll(truth, 1, 0)
        for name, car, ids in (("panoptic", _CAR, None), ("openocc_v2", int(TO_OPENOCC[_CAR]), TO_OPENOCC)):
            for where, volume in ((folder / name, truth), (folder / f"{name}_guesses", guess)):
                volume = volume if ids is None else ids[volume]
                path = occ3d_path(where, frame)
                path.parent.mkdir(parents=True)
                np.savez(
                    path, semantics=volume, mask_lidar=volume < 99, mask_camera=volume < 99, **carried(volume, car)
                )
    return folder


def occ3d(small_ring: Path, root: Path) -> Occ3DNuScenesConfig:
    return Occ3DNuScenesConfig(root=small_ring, split="train", partial=True, labels=root / "panoptic")


def openocc(small_ring: Path, root: Path) -> OpenOccConfig:
    return OpenOccConfig(root=small_ring, split="train", partial=True, labels=root / "openocc_v2")


def test_panoptic_quality_of_files(small_ring: Path, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stored, "_RANGE", 1)
    data = occ3d(small_ring, root)
    (perfect,) = score_stored(root / "panoptic", data, "panoptic", show=False)
    assert isinstance(perfect, RayResult)
    assert perfect.beside["RayPQ"] == 1 == perfect.rayiou and perfect.protocol.beside == "instances: RayPQ"
    (one,) = score_stored(root / "panoptic_guesses", data, "panoptic", show=False)
    (two,) = score_stored(root / "panoptic_guesses", data, "panoptic", show=False, processes=2)
    (rays,) = score_stored(root / "panoptic_guesses", data, "ray", show=False)
    assert isinstance(one, RayResult) and isinstance(two, RayResult) and isinstance(rays, RayResult)
    assert one.beside == two.beside and 0 < one.beside["RayPQ"] < 1
    assert one.rayiou == rays.rayiou and list(one.scores())[:5] == [*list(rays.scores())[:4], "RayPQ"]
    # By hand, of one frame.
    samples = replace(data, needs=frozenset({"target"})).build()
    samples.keys = samples.keys[:1]
    metric = stored.rays_beside(samples, Instances())
    (key,) = samples.keys
    truth, guess = (np.load(next(f.rglob(f"{key}/labels.npz"))) for f in (root / "panoptic", root / "panoptic_guesses"))
    metric.update(key, (truth["semantics"], guess["semantics"]), (truth["instances"], guess["instances"]))
    grid, rules = OCC3D_NUSCENES.grid, metric.rays.rules
    hits = cast([truth["semantics"], guess["semantics"]], metric.rays.places[key], directions(), grid, 17)
    arrays = [truth["instances"], guess["instances"]]
    expected = count_panoptic(hits, arrays, OCC3D_NUSCENES.task, rules.things, rules.thresholds_m)
    np.testing.assert_array_equal(metric.counts.tp, expected.tp)
    np.testing.assert_array_equal(metric.counts.iou_sum, expected.iou_sum)


@pytest.mark.parametrize("metric", ["flow", "flow-package"])
def test_speeds_of_files(small_ring: Path, root: Path, metric: str, tmp_path: Path, capsys) -> None:
    where = ("--root", small_ring, "--benchmark", "openocc-nuscenes", "--split", "train", "--partial")
    where = (*where, "--set", f"labels={root / 'openocc_v2'}", "--metric", metric)
    assert execute("score", root / "openocc_v2", *where, "--out", tmp_path / "perfect.json") == 0
    perfect = RayResult.load(tmp_path / "perfect.json")
    assert perfect.rayiou == 1 and perfect.notes["mAVE_in_m/s"] == 0 and perfect.beside == {"score with speeds": 1}
    assert "score with speeds" in capsys.readouterr().out
    assert execute("score", root / "openocc_v2_guesses", *where, "--out", tmp_path / "shifted.json") == 0
    shifted = RayResult.load(tmp_path / "shifted.json")
    # Cars are one voxel further ahead, and their speeds with them: 0.01 m/s.
    assert 0 < shifted.notes["mAVE_in_m/s"] < (0.03 if metric == "flow" else 1)
    assert "AVE_of_car" in shifted.notes and shifted.protocol.flow == Speeds(RULES[metric]).rule
    expected = 0.9 * shifted.rayiou + 0.1 * (1 - shifted.notes["mAVE_in_m/s"])
    assert shifted.beside["score with speeds"] == pytest.approx(expected)
    assert perfect.protocol.differences(shifted.protocol) == {}


RULES = {"flow": "true positives at 2 m", "flow-package": "package"}


def test_rows_of_numbers_hold_sums_that_are_not_whole(small_ring: Path, root: Path) -> None:
    samples = replace(openocc(small_ring, root), needs=frozenset({"target"})).build()
    metric = stored.rays_beside(samples, Speeds("true positives at 2 m"))
    metric.counts = FlowCounts(error_sum=np.linspace(0, 1, 17) / 3, count=np.arange(17))
    again = metric.fresh()
    again.add(metric.packed())
    again.add(metric.packed())
    np.testing.assert_array_equal(again.counts.error_sum, 2 * metric.counts.error_sum)
    np.testing.assert_array_equal(again.counts.count, 2 * metric.counts.count)
    assert isinstance(again, RaysBeside) and count_flow is not None


def test_what_is_not_there_is_named(small_ring: Path, root: Path, tmp_path: Path) -> None:
    data = occ3d(small_ring, root)
    with pytest.raises(InputError, match=r"labels\.npz: instances: expected an array 'instances'"):
        score_stored(small_ring / "gts", data, "panoptic", show=False)
    with pytest.raises(InputError, match=r"labels\.npz: instances: expected an array 'instances'"):
        score_stored(root / "panoptic", replace(data, labels=None), "panoptic", show=False)
    key = data.build().keys[0]
    np.save(tmp_path / f"{key}.npy", np.full(OCC3D_NUSCENES.grid.shape, 17, np.uint8))
    with pytest.raises(InputError, match="instances: expected an array beside the classes, found none"):
        score_stored(tmp_path, data, "panoptic", show=False)
    (tmp_path / f"{key}.npy").unlink()
    for array, message in (
        (np.zeros((2, 2, 2), int), r"instances: expected \(200, 200, 16\)"),
        (np.zeros(OCC3D_NUSCENES.grid.shape), "numbers of instances, 0..65535"),
    ):
        np.savez(tmp_path / f"{key}.npz", pred=np.full(OCC3D_NUSCENES.grid.shape, 17, np.uint8), instances=array)
        with pytest.raises(InputError, match=message):
            score_stored(tmp_path, data, "panoptic", show=False)


def test_other_datasets_hold_classes_alone(small_world: Path) -> None:
    from voxway.data.semantickitti.config import SemanticKITTIConfig

    samples = SemanticKITTIConfig(root=small_world, partial=True, needs=frozenset({"target"})).build()
    with pytest.raises(InputError, match="a dataset whose labels hold `instances` beside classes"):
        stored.rays_beside(samples, Instances())

"""Stored predictions of any origin, scored by voxels and along rays; on a tiny world with six cameras."""

from __future__ import annotations

import json
import pickle
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from tests.small_world import execute, leftovers, linked, rewrite
from voxway.api import stored
from voxway.api.stored import score_stored
from voxway.core.errors import InputError
from voxway.core.ray_result import RayResult
from voxway.core.result import Result
from voxway.core.results import load_result
from voxway.core.task import IGNORE
from voxway.data.files.stored import StoredPredictions
from voxway.data.nuscenes.benchmark import OCC3D_NUSCENES
from voxway.data.nuscenes.config import Occ3DNuScenesConfig
from voxway.data.semantickitti.config import SemanticKITTIConfig
from voxway.data.uniocc.config import UniOccConfig

SHAPE = OCC3D_NUSCENES.grid.shape
WHERE = ("--benchmark", "occ3d-nuscenes", "--split", "train", "--partial")


def config(root: Path, **changes: object) -> Occ3DNuScenesConfig:
    settings = {"split": "train", "partial": True, "needs": frozenset({"target"})} | changes
    return Occ3DNuScenesConfig(root=root, **settings)


@pytest.fixture(scope="module")
def truths(small_ring: Path) -> dict[str, np.ndarray]:
    samples = config(small_ring).build()
    return {key: samples.truth(key).classes.numpy() for key in samples.keys}


def shifted(volume: np.ndarray) -> np.ndarray:
    """A prediction that is wrong in places."""
    return np.roll(volume, 2, 0)


@pytest.fixture
def predictions(truths: dict[str, np.ndarray], tmp_path: Path) -> Path:
    folder = tmp_path / "predictions"
    folder.mkdir()
    for key, truth in truths.items():
        np.savez_compressed(folder / f"{key}.npz", pred=shifted(truth))
    return folder


def score(folder: Path, root: Path, metric: str = "ray", **more: object) -> Result | RayResult:
    return score_stored(folder, config(root), metric, show=False, **more)[0]


def numbers(result: Result | RayResult) -> list[list]:
    counts = (result.gt, result.pred, result.tp) if isinstance(result, RayResult) else (result.confusion,)
    return [array.tolist() for array in counts]


def test_rays_and_voxels_of_a_folder(predictions: Path, small_ring: Path, tmp_path: Path, capsys) -> None:
    for metric in ("miou", "ray"):
        out = tmp_path / f"{metric}.json"
        command = ("score", predictions, "--root", small_ring, *WHERE, "--metric", metric, "--out", out)
        assert execute(*command, "--name", "shifted", "--training-masks", "camera", "--inputs", "images") == 0
    said = capsys.readouterr().out
    assert "RayIoU@2 m" in said and "rays that never enter: " in said and "mIoU" in said
    voxels, rays = Result.load(tmp_path / "miou.json"), RayResult.load(tmp_path / "ray.json")
    assert 0 < rays.rayiou < 1 and 0 < voxels.miou < 1
    assert voxels.protocol.masks == ("camera",) and rays.protocol.masks == ()
    for protocol in (voxels.protocol, rays.protocol):
        assert (protocol.split, protocol.samples, protocol.inputs) == ("train world", 3, ("images",))
        assert protocol.training_masks == ("camera",)
    assert rays.notes["valid_rays"] == rays.gt.sum()
    assert execute("compare", tmp_path / "miou.json", tmp_path / "ray.json") == 0
    assert "A thick surface wins voxels and loses rays" in " ".join(capsys.readouterr().out.split())
    assert not leftovers(tmp_path) and not list(tmp_path.glob(".*.counts"))
    picture = tmp_path / "rays.png"
    command = ("score", predictions, "--root", small_ring, *WHERE, "--metric", "ray", "--picture", picture)
    assert execute(*command) == 0
    assert np.asarray(Image.open(picture)).std() > 10


def test_the_truth_scores_one(truths: dict[str, np.ndarray], small_ring: Path, tmp_path: Path) -> None:
    """Truth files themselves, in the release's layout, are predictions too."""
    assert score(small_ring / "gts", small_ring).rayiou == 1
    assert score(small_ring / "gts", small_ring, "miou").miou == 1


@pytest.mark.parametrize("layout", ["KEY.npy", "SCENE/KEY.npz", "SCENE/KEY/labels.npz", "SCENE/KEY/pred.npy"])
@pytest.mark.parametrize("array", ["pred", "arr_0", "semantics", "alone"])
def test_layouts_that_are_about(truths: dict[str, np.ndarray], tmp_path: Path, layout: str, array: str) -> None:
    (key, truth), *_ = truths.items()
    path = tmp_path / layout.replace("SCENE", "scene-0001").replace("KEY", key)
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".npy":
        np.save(path, truth.astype(np.int64))
    else:
        beside = {} if array == "alone" else {"other": np.zeros(3)}
        np.savez(path, **{array: truth}, **beside)
    np.save(tmp_path / "of_another_frame.npy", truth)
    found = StoredPredictions.find(tmp_path, [key], OCC3D_NUSCENES)
    assert found.others == 1
    np.testing.assert_array_equal(found.read(key), truth)
    assert found.read(key).dtype == np.uint8


def rows_of(volume: np.ndarray) -> np.ndarray:
    """x, y, z, class of the voxels that are not free, in no order."""
    index = np.argwhere(volume != OCC3D_NUSCENES.free)
    rows = np.column_stack([index, volume[tuple(index.T)]])
    return np.random.default_rng(0).permutation(rows)


def test_lists_of_voxels_are_predictions(truths: dict[str, np.ndarray], tmp_path: Path) -> None:
    (key, truth), *_ = truths.items()
    rows = rows_of(truth)
    twice = np.concatenate([[[*rows[0, :3], (rows[0, 3] + 1) % 17]], rows])
    forms = {
        "rows.npy": lambda path: np.save(path, twice),
        "floats.npy": lambda path: np.save(path, rows.astype(np.float32)),
        "pair.npz": lambda path: np.savez(path, occ_loc=rows[None, :, :3], sem_pred=rows[None, :, 3]),
        "rows.npz": lambda path: np.savez(path, pred=rows),
    }
    for name, write in forms.items():
        path = tmp_path / name / f"{key}{Path(name).suffix}"
        path.parent.mkdir()
        write(path)
        found = StoredPredictions.find(path.parent, [key], OCC3D_NUSCENES).read(key)
        np.testing.assert_array_equal(found, truth, err_msg=name)
    np.save(tmp_path / f"{key}.npy", np.zeros((0, 4), int))
    (tmp_path / "none").mkdir()
    (tmp_path / f"{key}.npy").rename(tmp_path / "none" / f"{key}.npy")
    assert (StoredPredictions.find(tmp_path / "none", [key], OCC3D_NUSCENES).read(key) == OCC3D_NUSCENES.free).all()


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (np.array([[0.5, 1, 2, 3]]), "whole numbers: places of voxels and classes"),
        (np.array([[0, 1, 16, 3]]), r"places x, y, z within \(200, 200, 16\) voxels"),
        (np.array([[3, 100, 120, 3]]), "they look like rows z, y, x, class"),
        (np.array([[0, 1, 2, 99]]), "class ids: expected 0..18, found 99 to 99"),
    ],
)
def test_lists_that_are_none(rows: np.ndarray, message: str, tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", rows)
    with pytest.raises(InputError, match=message):
        StoredPredictions.find(tmp_path, ["a"], OCC3D_NUSCENES).read("a")


@pytest.mark.parametrize("metric", ["ray", "miou"])
def test_any_number_of_processes_counts_the_same(
    predictions: Path, small_ring: Path, metric: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stored, "_RANGE", 1)
    one, two = (score(predictions, small_ring, metric, processes=count) for count in (1, 2))
    assert numbers(one) == numbers(two) and one.protocol == two.protocol and one.notes == two.notes


def test_predictions_under_their_names_on_the_server(small_world: Path, tmp_path: Path) -> None:
    data = SemanticKITTIConfig(root=small_world, split="val", partial=True, needs=frozenset({"target"}))
    samples = data.build()
    (key,) = samples.keys
    truth = samples.truth(key)
    known = torch.where(truth.classes == IGNORE, torch.tensor(0, dtype=torch.uint8), truth.classes)
    written = data.server().write(tmp_path, replace(truth, classes=known))
    assert written.suffix == ".label"
    result, *near = score_stored(tmp_path, data, "miou", show=False)
    assert result.iou == 1 and len(near) == 2
    assert (result.class_iou[np.isfinite(result.class_iou)] == 1).all()


def test_a_stopped_command_continues(
    predictions: Path, small_ring: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stored, "_RANGE", 1)
    whole, kept = score(predictions, small_ring), tmp_path / "counts"
    count, counted = stored._count, []

    def stops(samples, found, empty, keys):
        if len(counted) == 2:
            raise KeyboardInterrupt
        counted.append(keys)
        return count(samples, found, empty, keys)

    monkeypatch.setattr(stored, "_count", stops)
    with pytest.raises(KeyboardInterrupt):
        score(predictions, small_ring, kept=kept)
    assert len(json.loads(kept.read_text())["ranges"]) == 2
    counted.pop()
    again = score(predictions, small_ring, kept=kept)
    assert len(counted) == 2 and numbers(again) == numbers(whole) and not kept.exists()


def test_counts_of_other_predictions_are_not_taken_up(
    predictions: Path, small_ring: Path, truths: dict[str, np.ndarray], tmp_path: Path
) -> None:
    kept = tmp_path / "counts"
    kept.write_text(json.dumps({"of": "something else", "ranges": {"0": [1] * 10}}))
    assert numbers(score(predictions, small_ring, kept=kept)) == numbers(score(predictions, small_ring))


def test_eval_scores_rays_too(small_ring: Path, tmp_path: Path) -> None:
    out = tmp_path / "ray.json"
    where = ("--benchmark", "occ3d-nuscenes", "--root", small_ring, "--device", "cpu")
    assert execute("eval", "baseline", *where, "--metric", "ray", "--out", out) == 0
    result = load_result(out)
    assert isinstance(result, RayResult) and result.name == "most frequent" and result.gt.sum() > 0


def test_only_some_frames_have_the_origins_of_whole_scenes(predictions: Path, small_ring: Path) -> None:
    samples = config(small_ring).build()
    scenes: dict[str, list[str]] = {}
    for key in samples.keys:
        scenes.setdefault(samples.reader.drive(key), []).append(key)
    pair = next(keys for keys in scenes.values() if len(keys) == 2)
    parts = (tuple(pair[:1]), tuple(pair))
    one, both = (score_stored(predictions, config(small_ring, keys=k), "ray", show=False)[0] for k in parts)
    assert one.protocol.pose_names == both.protocol.pose_names
    assert one.protocol.origin_count * 2 == both.protocol.origin_count == 4


def test_frames_without_a_prediction_are_named(predictions: Path, small_ring: Path, capsys) -> None:
    (first, *_) = sorted(predictions.iterdir())
    first.unlink()
    keys = config(small_ring).build().keys
    with pytest.raises(InputError, match=rf"frames: expected 3 predictions, found 1 missing: {first.stem}"):
        score_stored(predictions, config(small_ring, partial=False, keys=keys), "miou", show=False)
    assert score(predictions, small_ring).protocol.samples == 2


def test_a_list_that_shortens_the_poses_is_refused(predictions: Path, small_ring: Path, tmp_path: Path) -> None:
    root = linked(small_ring, tmp_path / "root")
    (root / "world.json").unlink()
    keys = config(root).build().keys
    with pytest.raises(InputError, match=r"frames that lend poses: expected all 28130 of split train.*found 3"):
        score_stored(predictions, config(root, partial=False, keys=keys), "ray", show=False)
    assert score_stored(predictions, config(root, partial=False, keys=keys), "miou", show=False)


def damaged(predictions: Path, **arrays: np.ndarray) -> Path:
    path = sorted(predictions.iterdir())[0]
    path.unlink()
    np.savez(path, **arrays)
    return path


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"pred": np.zeros((200, 200, 15), np.uint8)}, r"pred: expected \(200, 200, 16\) voxels"),
        ({"pred": np.zeros((16, 200, 200), np.uint8)}, r"pred: expected \(200, 200, 16\) voxels"),
        ({"pred": np.zeros(SHAPE, np.float32)}, "pred: expected class ids, whole numbers such as uint8, found float32"),
        ({"pred": np.full(SHAPE, 18, np.uint8)}, r"class ids: expected 0\.\.17, .*found \[18\]"),
        ({"pred": np.full(SHAPE, 255, np.uint8)}, r"found \[255\]"),
        ({"pred": np.full(SHAPE, -1, np.int64)}, r"found \[-1\]"),
        ({"pred": np.full(SHAPE, 256, np.int64)}, r"found \[256\]"),
        (
            {"a": np.zeros(3), "b": np.zeros(3)},
            "arrays: expected one of pred, .*, voxel_label, or one alone",
        ),
    ],
)
def test_bad_files_are_refused(predictions: Path, small_ring: Path, arrays: dict, message: str) -> None:
    path = damaged(predictions, **arrays)
    with pytest.raises(InputError, match=message) as caught:
        score(predictions, small_ring)
    assert str(path) == caught.value.file


def test_a_prediction_that_is_there_twice_is_refused(predictions: Path, small_ring: Path) -> None:
    first = sorted(predictions.iterdir())[0]
    (predictions / "scene-0001").mkdir()
    shutil.copy(first, predictions / "scene-0001")
    with pytest.raises(InputError, match=rf"frame {first.stem}: expected one prediction"):
        score(predictions, small_ring)


def test_no_predictions_at_all(tmp_path: Path, small_ring: Path) -> None:
    with pytest.raises(InputError, match=r"no \.npz or \.npy file"):
        score(tmp_path, small_ring)
    np.save(tmp_path / "a.npy", np.zeros(1))
    with pytest.raises(InputError, match=r"1 \.npz and \.npy files, none of them"):
        score(tmp_path, small_ring)
    with pytest.raises(InputError, match="found no folder"):
        score(tmp_path / "none", small_ring)


def test_a_missing_pose_is_named(predictions: Path, small_ring: Path, tmp_path: Path) -> None:
    root = linked(small_ring, tmp_path / "root")
    (path,) = root.glob("v1.0-*/ego_pose.json")
    rows = json.loads(path.read_text())
    for row in rows:
        row["translation"] = [float("nan")] * 3
    rewrite(path, json.dumps(rows))
    with pytest.raises(InputError, match=r"ego_pose\.json: row 0: translation"):
        score(predictions, root)


def test_a_pose_that_an_info_file_lacks_is_named(predictions: Path, small_ring: Path, tmp_path: Path) -> None:
    content = pickle.loads((small_ring / "bevdetv3-nuscenes_infos_train.pkl").read_bytes())
    del content["infos"][0]["lidar2ego_translation"]
    (tmp_path / "infos.pkl").write_bytes(pickle.dumps(content))
    data = config(small_ring, infos=tmp_path / "infos.pkl")
    with pytest.raises(InputError, match="lidar2ego_translation: expected present"):
        score_stored(predictions, data, "ray", show=False)


def test_benchmarks_without_such_a_score_say_so(tmp_path: Path) -> None:
    from tests.data import toy_uniocc

    data = UniOccConfig(root=toy_uniocc.write_toy(tmp_path / "root", {"scene_000": 1}), partial=True)
    with pytest.raises(InputError, match="a benchmark that defines a score along rays"):
        score_stored(tmp_path / "root", data, "ray", show=False)


def test_other_benchmarks_have_a_score_of_another_name(small_world: Path, tmp_path: Path, capsys) -> None:
    out = tmp_path / "rays.json"
    assert execute("eval", "baseline", "--root", small_world, "--metric", "ray", "--device", "cpu", "--out", out) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "RayIoU*@2 m" in said and "RayIoU@" not in said and "LiDAR of the frame, and of the drive's others" in said
    result = RayResult.load(out)
    assert result.protocol.score == "RayIoU*" and result.gt.sum() == result.notes["valid_rays"] > 1000
    assert result.gt[0] == 0, "rays that end free in the truth do not count"

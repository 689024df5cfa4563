"""Pseudo-labels by foundation networks, end to end with tiny ones of random weights, on worlds of both layouts."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from tests.oracles.paint import merged as merged_by_pixel
from tests.prepare.tiny_models import save_detector, save_mask_model, save_segmenter
from tests.small_world import execute, leftovers
from voxway.core.camera import Cameras
from voxway.core.errors import InputError
from voxway.core.files import read_json
from voxway.core.sample import Sample
from voxway.data.config import DataConfig
from voxway.data.job import JobOptions
from voxway.data.nuscenes.config import Occ3DNuScenesConfig
from voxway.data.prepared.class_maps import PseudoLabels
from voxway.data.prepared.class_table import read_class_table, resource
from voxway.data.registry import dataset
from voxway.data.semantickitti.benchmark import SEMANTIC_KITTI
from voxway.data.semantickitti.config import SemanticKITTIConfig
from voxway.data.waymo.config import Occ3DWaymoConfig
from voxway.prepare import makers
from voxway.prepare.box_masks import BoxMasks
from voxway.prepare.foundation import Foundation
from voxway.prepare.phrases import Phrases
from voxway.prepare.pixel_classes import PixelClasses
from voxway.prepare.pseudo_labels import PRIMARY, Auxiliary, Labeller
from voxway.prepare.runner import run

pytest.importorskip("transformers")
ROOT = Path(__file__).parents[2]
STREET = ("vegetation", "road", "truck", "terrain", "car", "wall", "sky")
"""Classes of the segmenter; something may be painted over most of them."""


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("models")
    return {
        "segmenter": save_segmenter(folder / "segmenter", names=STREET),
        "detector": save_detector(folder / "detector"),
        "mask_model": save_mask_model(folder / "masks"),
    }


def flags(models: dict[str, Path]) -> list[object]:
    return [word for name, folder in models.items() for word in (f"--{name.replace('_', '-')}", folder)]


def options(models: dict[str, Path], **more: object) -> JobOptions:
    folders = {name: str(folder) for name, folder in models.items()}
    return JobOptions(source="models", **folders, **more)  # ty: ignore[invalid-argument-type]


def make(data: DataConfig, folder: Path, chosen: JobOptions) -> int:
    return run(makers.job("pseudo_labels", data, folder, chosen), show=False)


def table_file(name: str) -> Path:
    where = dataset(name).class_table
    assert where is not None
    return resource(where)


def own_table(folder: Path, name: str = "semantickitti", **changes: object) -> Path:
    path = folder / "table.json"
    path.write_text(json.dumps({**read_json(table_file(name)), **changes}))
    return path


@pytest.fixture(params=["semantickitti", "occ3d-nuscenes"])
def benchmark_data(request: pytest.FixtureRequest) -> tuple[str, DataConfig]:
    if request.param == "semantickitti":
        root = request.getfixturevalue("small_world")
        return request.param, SemanticKITTIConfig(root=root, partial=True, needs=frozenset({"pseudo_labels"}))
    root = request.getfixturevalue("small_ring")
    return request.param, Occ3DNuScenesConfig(root=root, partial=True, needs=frozenset({"pseudo_labels"}))


def test_end_to_end(
    benchmark_data: tuple[str, DataConfig], models: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    """Every pixel is what a loop over pixels makes of what the three networks say, in files that training reads."""
    name, data = benchmark_data
    raw = data.raw("images").build()
    command = ("prepare", "pseudo-labels", "--root", data.root, "--benchmark", name, "--source", "models")
    for out in ("a", "b"):
        assert execute(*command, *flags(models), "--out", tmp_path / out) == 0
    assert f"{len(raw)} files made" in capsys.readouterr().out and not leftovers(tmp_path)
    first, second = (
        {path.relative_to(tmp_path / out): path.read_bytes() for path in sorted((tmp_path / out).rglob("*.png"))}
        for out in ("a", "b")
    )
    assert first == second and len(first) == 2 * len(raw) * (raw.cameras or 0) + 1
    table = read_class_table(table_file(name), raw.task)
    network = {
        kind: Foundation(model=str(models[kind]), what=kind, purpose="tests")
        for kind in ("segmenter", "detector", "mask_model")
    }
    segmenter = PixelClasses(network["segmenter"])
    words, classes = zip(*table.phrases(raw.task))
    finder, masks = Phrases(network["detector"], words, 0.35, 0.25), BoxMasks(network["mask_model"])
    as_recorded = data.raw("pseudo_labels")
    read, primaries = (
        as_recorded.with_prepared("pseudo_labels", folder).build()
        for folder in (tmp_path / "a", tmp_path / "a" / PRIMARY)
    )
    key, seen = raw.keys[0], set()
    sample = raw[key]
    ids, probability = segmenter(sample.images)  # ty: ignore[invalid-argument-type]
    primary = table.labels(segmenter.names, raw.task, "")[ids.numpy()]
    np.testing.assert_array_equal(primaries[key].pseudo_labels, primary)  # ty: ignore[invalid-argument-type]
    for camera, boxes in enumerate(finder(sample.images)):  # ty: ignore[invalid-argument-type]
        cut = masks(sample.images[camera], boxes.corners).numpy()  # ty: ignore[not-subscriptable]
        own = [classes[phrase] for phrase in boxes.phrases.tolist()]
        over = table.over(raw.task)
        expected = merged_by_pixel(
            primary[camera], probability[camera].numpy(), cut, own, boxes.scores.tolist(), over, 0.5
        )
        np.testing.assert_array_equal(read[key].pseudo_labels[camera], expected)  # ty: ignore[not-subscriptable]
        seen |= {
            "painted" if (expected != primary[camera])[expected != 255].any() else "",
            "doubtful" if (expected == 255).any() else "",
            "kept" if (expected == primary[camera])[expected != 255].any() else "",
        }
    assert {"painted", "doubtful", "kept"} <= seen
    assert execute(*command, *flags(models), "--out", tmp_path / "a") == 0
    assert "0 files made" in capsys.readouterr().out
    record = read_json(tmp_path / "a" / "made" / "pseudo_labels.json")["settings"]
    assert record["masks"] == {"network": ["Sam2Model"], "sha256": network["mask_model"].fingerprint}
    assert record["prompt"] == finder.prompt and record["thresholds"] == [0.5, 0.35, 0.25]
    assert (tmp_path / "a" / "table.json").read_bytes() == table_file(name).read_bytes()
    assert record["table"]["version"] == 1 and len(record["table"]["sha256"]) == 64


def test_every_hundredth_frame_is_drawn(
    small_world: Path, models: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Image, primary and merged map side by side, of the first frame and then of every hundredth (here: second)."""
    data = SemanticKITTIConfig(root=small_world, partial=True, drives=("00", "08"))
    monkeypatch.setattr(makers, "PICTURED", 2)
    assert make(data, tmp_path, options(models)) == 3
    drawn = sorted(path.relative_to(tmp_path / "pictures").as_posix() for path in tmp_path.glob("pictures/*/*"))
    assert drawn == ["00/000000.png", "08/000000.png"]
    picture = Image.open(tmp_path / "pictures" / "00" / "000000.png")
    assert picture.width == 1800 and picture.height > 150


def test_thresholds_and_the_primary_map_alone(small_world: Path, models: dict[str, Path], tmp_path: Path) -> None:
    data = SemanticKITTIConfig(root=small_world, partial=True, keys=("00/000000",))
    kind, task = PseudoLabels(), data.raw("images").build().task

    def maps(name: str, chosen: dict[str, Path], **changes: object) -> tuple[torch.Tensor, torch.Tensor]:
        (tmp_path / name).mkdir()
        table = own_table(tmp_path / name, **changes)
        assert make(data, tmp_path / name, options(chosen, table=table)) == 1
        folders = (tmp_path / name / PRIMARY, tmp_path / name)
        primary, merged = (kind.read(kind.path(folder, "00/000000"), task, None) for folder in folders)
        return primary, merged

    primary, merged = maps("usual", models)
    alone = {"segmenter": models["segmenter"]}
    own, sure = maps("alone", alone)
    assert torch.equal(own, primary) and ((sure == own) | (sure == 255)).all() and (sure == 255).any()
    assert torch.equal(maps("no box", models, least_box_score=1.0)[1], sure)
    assert torch.equal(maps("no phrase", models, least_phrase_score=1.0)[1], sure)
    assert torch.equal(maps("no doubt", alone, least_probability=0.0)[1], primary)
    assert (maps("all doubt", alone, least_probability=1.0)[1] == 255).all()
    assert not torch.equal(merged, sure)
    classes = read_json(table_file("semantickitti"))["classes"]
    rows = {"classes": {name: {**row, "prompts": [], "over": []} for name, row in classes.items()}}
    assert torch.equal(maps("no prompts", models, **rows)[1], sure)


def test_cameras_of_unlike_size(models: dict[str, Path]) -> None:
    """Each is seen alone, at its own size; beyond it nothing is said."""
    task = SEMANTIC_KITTI.task
    table = read_class_table(table_file("semantickitti"), task)
    network = {n: Foundation(model=str(folder), what=n, purpose="tests") for n, folder in models.items()}
    segmenter, phrases = PixelClasses(network["segmenter"]), table.phrases(task)
    finder = Phrases(network["detector"], [phrase for phrase, _ in phrases], 0.35, 0.25)
    auxiliary = Auxiliary(finder, BoxMasks(network["mask_model"]), tuple(i for _, i in phrases))
    labeller = Labeller(segmenter, table.labels(segmenter.names, task, ""), table, task, auxiliary)
    images = torch.randint(0, 256, (3, 3, 61, 150), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))

    def moment(cameras: Sequence[int]) -> Sample:
        sizes = torch.tensor([(61, 150), (40, 150), (61, 150)])[[*cameras]]
        one = torch.eye(3).expand(len(sizes), 3, 3)
        rig = Cameras(K=one, T_cam_ego=torch.eye(4).expand(len(sizes), 4, 4), T_image=one, size_px=sizes)
        chosen = images[[*cameras], :, : int(sizes[:, 0].max())]
        return Sample(key="a", grid=task.grid, images=chosen, cameras=rig)

    together = labeller(moment((0, 1, 2)))
    for camera in range(3):
        alone = labeller(moment((camera,)))
        for one, all_of_them in zip(alone, together):
            height = one.shape[1]
            assert (one[0] == all_of_them[camera, :height]).mean() > 0.99
            assert (all_of_them[camera, height:] == 255).all()


KILLED = """
import os, signal, sys
from tests.prepare import test_pseudo_labels as own
from voxway.data.prepared.class_maps import PseudoLabels
write, written = PseudoLabels.write, []

def killed(self, path, value):
    written.append(path)
    if len(written) == 4:  # the merged map of the second frame: its primary one is there
        os.kill(os.getpid(), signal.SIGKILL)
    write(self, path, value)

PseudoLabels.write = killed
root, out, *models = map(own.Path, sys.argv[1:])
data = own.SemanticKITTIConfig(root=root, partial=True, drives=("00", "08"))
own.make(data, out, own.options(dict(zip(("segmenter", "detector", "mask_model"), models))))
"""


def test_a_killed_job_resumes(small_world: Path, models: dict[str, Path], tmp_path: Path) -> None:
    data = SemanticKITTIConfig(root=small_world, partial=True, drives=("00", "08"))
    paths = [os.pathsep.join([str(ROOT), str(ROOT / "src")])]
    command = [sys.executable, "-c", KILLED, small_world, tmp_path / "killed", *models.values()]
    process = subprocess.run(command, cwd=ROOT, env={**os.environ, "PYTHONPATH": paths[0]}, timeout=300)
    assert process.returncode == -signal.SIGKILL
    assert make(data, tmp_path / "killed", options(models)) == 2
    assert make(data, tmp_path / "whole", options(models)) == 3
    for folder in ("", PRIMARY):
        for key in ("00/000000", "00/000005", "08/000000"):
            found, expected = (tmp_path / name / folder / f"{key}.png" for name in ("killed", "whole"))
            assert found.read_bytes() == expected.read_bytes()


def test_other_networks_and_tables_are_other_settings(
    small_world: Path, models: dict[str, Path], tmp_path: Path
) -> None:
    data, out = SemanticKITTIConfig(root=small_world, partial=True, keys=("00/000000",)), tmp_path / "out"
    assert make(data, out, options(models)) == 1
    moved = {name: Path(shutil.copytree(folder, tmp_path / name)) for name, folder in models.items()}
    assert make(data, out, options(moved)) == 0, "networks may be moved"
    with pytest.raises(InputError, match="made as now, found table"):
        make(data, out, options(models, table=own_table(tmp_path, least_probability=0.4)))
    save_segmenter(moved["segmenter"], names=("road", "car", "sky"))
    with pytest.raises(InputError, match="made as now, found segmenter"):
        make(data, out, options(moved))


def test_what_is_missing_or_does_not_fit(small_world: Path, models: dict[str, Path], tmp_path: Path) -> None:
    data, out = SemanticKITTIConfig(root=small_world, partial=True, keys=("00/000000",)), tmp_path / "out"
    with pytest.raises(InputError, match=r"expected what to make them from: models, world.* --source models"):
        make(data, out, JobOptions())
    with pytest.raises(InputError, match="--segmenter: expected the folder of a network"):
        make(data, out, options({}))
    for lacking, option in (("mask_model", "--mask-model"), ("detector", "--detector")):
        with pytest.raises(InputError, match=f"{option}: expected the folder of a network"):
            make(data, out, options({name: folder for name, folder in models.items() if name != lacking}))
    with pytest.raises(InputError, match=r"segmenter: expected a folder with config\.json, found none"):
        make(data, out, options({"segmenter": tmp_path / "nowhere"}))
    with pytest.raises(InputError, match="expected a network of universal segmentation"):
        make(data, out, options({**models, "segmenter": models["detector"]}))
    with pytest.raises(InputError, match="classes: expected classes that the table knows"):
        make(data, out, options({"segmenter": save_segmenter(tmp_path / "pets", names=("cat", "dog"))}))
    with pytest.raises(InputError, match=r"nowhere\.json: file: expected present, found absent"):
        make(data, out, options(models, table=tmp_path / "nowhere.json"))
    with pytest.raises(InputError, match="expected float32 on the CPU"):
        make(data, out, options(models, precision="float16"))
    with pytest.raises(InputError, match=r"dataset occ3d-waymo: class table: .* Write one as docs/data.md says"):
        makers.job("pseudo_labels", Occ3DWaymoConfig(root=tmp_path), out, options(models))
    assert not out.exists()


def test_segmenters_without_names_of_classes(small_world: Path, tmp_path: Path) -> None:
    """As many classes as MSeg has and no names: MSeg's ids."""
    data = SemanticKITTIConfig(root=small_world, partial=True, keys=("00/000000",))
    folder = save_segmenter(tmp_path / "mseg", names=None, count=194)
    assert make(data, tmp_path / "out", options({"segmenter": folder})) == 1
    with pytest.raises(InputError, match="or the 194 of MSeg universal without names, found 150 others"):
        make(data, tmp_path / "other", options({"segmenter": save_segmenter(tmp_path / "b", names=None, count=150)}))


def test_says_which_extra_is_missing(
    small_world: Path, models: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "transformers", None)
    data = SemanticKITTIConfig(root=small_world, partial=True, keys=("00/000000",))
    with pytest.raises(ImportError, match=r"pip install 'voxway\[foundation\]'"):
        make(data, tmp_path / "out", options(models))

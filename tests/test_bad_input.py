"""Whatever is wrong with what comes from outside: one clear error, exit code 2, no traceback, nothing half-written."""

from __future__ import annotations

import errno
import json
import os
import pickle
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import voxway.cli
from tests.small_world import SETTINGS, execute, leftovers, linked, rewrite
from voxway.core.config import to_json
from voxway.core.errors import InputError, UserError
from voxway.core.files import read_json
from voxway.core.sample import Sample, collate
from voxway.data.registry import benchmark
from voxway.data.semantickitti.benchmark import SEMANTIC_KITTI
from voxway.data.semantickitti.config import SemanticKITTIConfig
from voxway.methods.registry import config_type

TRAIN = ("train", "monoocc-world", "--root", "{root}", "--out", "{tmp}/run", "--device", "cpu", "--set", *SETTINGS)
PREDICT = ("predict", "{model}", "--root", "{root}", "--out", "{tmp}/out", "--device", "cpu")
EVAL = ("eval", "{model}", "--root", "{root}", "--cache", "{tmp}", "--out", "{tmp}/result.json", "--device", "cpu")
VIEW = ("view", "--root", "{root}", "--split", "train", "--out", "{tmp}/out")
LIDAR = ("prepare", "proposals", "--root", "{root}", "--out", "{tmp}/out")
TRUTH = ("prepare", "truth", "--root", "{root}", "--out", "{tmp}/out", "--sequences", "00")
TARGETS = ("prepare", "targets", "--root", "{root}", "--out", "{tmp}/out")
CONVERT = ("convert", "monoocc", "{tmp}/published.pth", "--out", "{tmp}/out")
COMPARE = ("compare", "{tmp}/result.json")


@dataclass(frozen=True)
class Places:
    """What a case may damage: copies of the small world and of a trained network, and an empty folder."""

    root: Path
    model: Path
    tmp: Path

    @property
    def drive(self) -> Path:
        """Training sequence of the world."""
        return self.root / "sequences" / "00"


@pytest.fixture
def places(small_world: Path, small_run: Path, tmp_path: Path) -> Places:
    """Copies to damage."""
    tmp = tmp_path / "tmp"
    tmp.mkdir()
    return Places(linked(small_world, tmp_path / "root"), linked(small_run / "model", tmp_path / "model"), tmp)


@dataclass(frozen=True)
class Case:
    """One bad input: how it comes about, the command that meets it, and what the error must name."""

    name: str
    command: Sequence[str]
    file: str
    field: str
    damage: Callable[[Places], object] = lambda places: None


def edit(path: Path, change: Callable[[bytes], bytes]) -> Path:
    return rewrite(path, change(path.read_bytes()))


def edit_array(path: Path, kind: str, change: Callable[[np.ndarray], object]) -> Path:
    values = np.frombuffer(path.read_bytes(), kind).copy()
    change(values)
    return rewrite(path, values.tobytes())


def edit_lines(path: Path, change: Callable[[str], str | None]) -> Path:
    lines = [change(line) for line in path.read_text().splitlines()]
    return rewrite(path, "".join(f"{line}\n" for line in lines if line is not None))


def edit_json(path: Path, change: Callable[[dict], object]) -> Path:
    content = json.loads(path.read_text())
    change(content)
    return rewrite(path, json.dumps(content))


def put(values: np.ndarray, place: int, value: float) -> None:
    values[place] = value


def scaled_tr(line: str) -> str:
    name, _, numbers = line.partition(":")
    return line if name != "Tr" else f"Tr: {' '.join(str(2 * float(n)) for n in numbers.split())}"


class Bomb:
    """Unpickled, it would write a file."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple:
        return (Path.write_text, (self.mark, "ran"))


def result(places: Places, **protocol: object) -> Path:
    base = {"benchmark": "semantickitti", "split": "val", "samples": 1, "masks": [], "inputs": []}
    content = {
        "name": "",
        "notes": {},
        "task": to_json(SEMANTIC_KITTI.task),
        "protocol": base | protocol,
        "confusion": np.zeros((20, 20), int).tolist(),
    }
    return rewrite(places.tmp / "result.json", json.dumps(content))


def below_a_file(places: Places) -> None:
    """Folders to write to are files: the same for root as for anybody."""
    rewrite(places.tmp / "file", "in the way")


FILE = "{tmp}/file/out"

DATA = [
    Case(
        "truncated scan", LIDAR, "velodyne/000005.bin", "size",
        lambda p: edit(p.drive / "velodyne" / "000005.bin", lambda data: data[:-5]),
    ),
    Case("empty scan", LIDAR, "velodyne/000000.bin", "size", lambda p: rewrite(p.drive / "velodyne/000000.bin", b"")),
    Case(
        "missing scan", LIDAR, "velodyne/000000.bin", "file", lambda p: (p.drive / "velodyne/000000.bin").unlink(),
    ),
    Case(
        "NaN in a scan", LIDAR, "velodyne/000000.bin", "points",
        lambda p: edit_array(p.drive / "velodyne" / "000000.bin", "<f4", lambda v: put(v, 17, np.nan)),
    ),
    Case(
        "point labels of another scan", TRUTH, "labels/000000.label", "size",
        lambda p: edit(p.drive / "labels" / "000000.label", lambda data: data[:-4]),
    ),
    Case(
        "point label outside the map", TRAIN, "labels/000005.label", "label ids",
        lambda p: edit_array(p.drive / "labels" / "000005.label", "<u4", lambda v: put(v, 3, 77)),
    ),
    Case(
        "voxel label outside the map", TARGETS, "voxels/000000.label", "label ids",
        lambda p: edit_array(p.drive / "voxels" / "000000.label", "<u2", lambda v: put(v, 9, 1234)),
    ),
    Case(
        "voxels of another grid", TARGETS, "voxels/000000.invalid", "size",
        lambda p: edit(p.drive / "voxels" / "000000.invalid", lambda data: data[: len(data) // 2]),
    ),
    Case(
        "no Tr", VIEW, "calib.txt", "Tr",
        lambda p: edit_lines(p.drive / "calib.txt", lambda line: None if line.startswith("Tr") else line),
    ),
    Case("Tr not orthogonal", VIEW, "calib.txt", "Tr", lambda p: edit_lines(p.drive / "calib.txt", scaled_tr)),
    Case("calib.txt is no text", VIEW, "calib.txt", "contents", lambda p: rewrite(p.drive / "calib.txt", b"\xff\xfe")),
    Case("calib.txt is a folder", VIEW, "calib.txt", "file", lambda p: folder_for(p.drive / "calib.txt")),
    Case(
        "NaN pose", TRUTH, "poses.txt", "line 1",
        lambda p: edit_lines(p.drive / "poses.txt", lambda line: " ".join(["nan", *line.split()[1:]])),
    ),
    Case("short poses.txt", TRUTH, "poses.txt", "line 1", lambda p: rewrite(p.drive / "poses.txt", "1 0 0\n")),
    Case(
        "picture of another size", VIEW, "image_2/000000.png", "size",
        lambda p: picture(p.drive / "image_2" / "000000.png", (370, 1226)),
    ),
    Case(
        "truncated picture", VIEW, "image_2/000000.png", "picture",
        lambda p: edit(p.drive / "image_2" / "000000.png", lambda data: data[: len(data) // 2]),
    ),
    Case(
        "no right picture", (*LIDAR, "--source", "stereo"), "image_3/000000.png", "file",
        lambda p: (p.drive / "image_3" / "000000.png").unlink(),
    ),
    Case(
        "truncated proposals", (*TRAIN, "--proposals", "{tmp}/queries"), "000000.query", "size",
        lambda p: [rewrite(p.tmp / "queries/00/queries" / f"00000{n}.query", b"short") for n in (0, 5)],
    ),
    Case("empty sequence", (*TRUTH[:-1], "03"), "sequences/03/velodyne", "sequence",
         lambda p: (p.root / "sequences" / "03" / "velodyne").mkdir(parents=True)),
    Case("no such root", ("eval", "baseline", "--root", "{tmp}/nowhere"), "nowhere/sequences", "frames"),
    Case("root is a file", ("eval", "baseline", "--root", "{tmp}/file"), "file/sequences", "frames", below_a_file),
    Case("sequences missing", ("predict", "{model}", "--root", "{root}", "--out", "{tmp}/out", "--split", "test"),
         "root/sequences", "frames"),
    Case("missing frame", (*PREDICT, "--keys", "08/000500"), "000500", "file"),
    Case("key of another form", (*PREDICT, "--keys", "8/5"), "sample key", "key"),
]  # fmt: skip

FILES = [
    Case("network folder absent", EVAL, "config.json", "file", lambda p: (p.model / "config.json").unlink()),
    Case("network folder is a file", ("eval", "{tmp}/file", "--root", "{root}"), "file", "contents",
         below_a_file),
    Case("description is no JSON", EVAL, "config.json", "contents", lambda p: rewrite(p.model / "config.json", "{")),
    Case("description is a list", EVAL, "config.json", "fields", lambda p: rewrite(p.model / "config.json", "[1]")),
    Case("description of an unknown method", EVAL, "config.json", "method",
         lambda p: edit_json(p.model / "config.json", lambda c: c.update(method="monooc"))),
    Case("description with an unknown setting", EVAL, "config.json", "name",
         lambda p: edit_json(p.model / "config.json", lambda c: c["config"].update(widht=3))),
    Case("description that fits nothing", EVAL, "config.json", "MonoOccConfig",
         lambda p: edit_json(p.model / "config.json", lambda c: c["config"].update(width=17))),
    Case("weights of another configuration", EVAL, "model.safetensors", "parameters",
         lambda p: edit_json(p.model / "config.json", lambda c: c["config"].update(width=32))),
    Case("network of more cameras", EVAL, "batch", "cameras", lambda p: more_cameras(p.model)),
    Case("truncated weights", PREDICT, "model.safetensors", "contents",
         lambda p: edit(p.model / "model.safetensors", lambda data: data[:-100])),
    Case("weights absent", EVAL, "model.safetensors", "file", lambda p: (p.model / "model.safetensors").unlink()),
    Case("checkpoint absent", CONVERT, "published.pth", "file"),
    Case("checkpoint is a folder", CONVERT, "published.pth", "file", lambda p: (p.tmp / "published.pth").mkdir()),
    Case("garbage checkpoint", CONVERT, "published.pth", "contents",
         lambda p: rewrite(p.tmp / "published.pth", bytes(range(256)) * 9)),
    Case("empty checkpoint", CONVERT, "published.pth", "contents", lambda p: rewrite(p.tmp / "published.pth", b"")),
    Case("checkpoint with code", CONVERT, "published.pth", "contents",
         lambda p: rewrite(p.tmp / "published.pth", pickle.dumps({"state_dict": Bomb(p.tmp / "ran")}))),
    Case("checkpoint of something else", CONVERT, "published.pth", "names", lambda p: save_torch(p.tmp)),
    Case("checkpoint without names", CONVERT, "published.pth", "contents", lambda p: save_torch(p.tmp, {1: "x"})),
    Case("result absent", COMPARE, "result.json", "file"),
    Case("result is a folder", COMPARE, "result.json", "file", lambda p: (p.tmp / "result.json").mkdir()),
    Case("result is no result", COMPARE, "result.json", "contents", lambda p: rewrite(p.tmp / "result.json", "[]")),
    Case("result of an unknown benchmark", COMPARE, "result.json", "contents",
         lambda p: result(p, benchmark="semantickiti")),
    Case("result with an unknown protocol field", COMPARE, "result.json", "contents", lambda p: result(p, emma=True)),
    Case("submission absent", ("submit", "{tmp}/none", "--root", "{root}", "--split", "val", "--partial"), "none",
         "file"),
    Case("submission that is no zip", ("submit", "{tmp}/file", "--root", "{root}", "--split", "val", "--partial"),
         "file", "contents", below_a_file),
]  # fmt: skip

NAMES = [
    Case("unknown command", ("trian",), "command", "name"),
    Case("unknown recipe", ("train", "monoocc-word", "--root", "{root}", "--out", "{tmp}/run"), "recipe", "name"),
    Case("recipe to measure unknown", ("bench", "monooc-s"), "recipe", "name"),
    Case("unknown setting", (*TRAIN, "train.stepz=1"), "setting train.stepz", "name"),
    Case("setting of another type", (*TRAIN, "train.steps=many"), "setting train.steps", "value"),
    Case("setting out of range", (*TRAIN, "train.steps=0"), "train.steps", "value"),
    Case("settings that do not fit each other", (*TRAIN, "method.width=17"), "method.width", "value"),
    Case("setting of a group", (*TRAIN, "method=small"), "setting method", "method"),
    Case("setting without a value", (*TRAIN, "train.steps"), "--set", "train.steps"),
    Case("steps out of range", (*TRAIN, "--steps", "0"), "train.steps", "value"),
    Case("unknown source of proposals", (*EVAL, "--proposals", "lydar"), "--proposals", "value"),
    Case("unknown device", (*EVAL[:-1], "gpu"), "--device", "value"),
    Case("unknown protocol field", (*COMPARE, "--allow", "emma"), "protocol field", "name", result),
    Case("shard beyond the last", (*LIDAR, "--shard", "8/8"), "--shard", "value"),
    Case("no frames of a world", ("world", "--out", "{tmp}/w", "--val", "0"), "world", "--train"),
    Case("no steps of a demo", ("demo", "--out", "{tmp}/d", "--train", "0"), "world", "--train"),
    Case("steps of a demo out of range", ("demo", "--out", "{tmp}/d", "--steps", "0"), "train.steps", "value"),
    Case("unknown kind of prepared file", ("prepare", "proposal", "--root", "{root}", "--out", "{tmp}"), "job", "name"),
    Case("unknown source of prepared files", (*LIDAR, "--source", "steroe"),
         "source of proposals", "name"),
    Case("nothing to measure", ("bench", "--runs", "0"), "bench", "--runs"),
]  # fmt: skip

OUTPUTS = [
    Case("predictions below a file", (*PREDICT[:4], "--out", FILE), "file/out", "writing", below_a_file),
    Case("run below a file", (*TRAIN[:4], "--out", FILE), "file/out", "writing", below_a_file),
    Case("result below a file", (*EVAL, "--out", FILE), "file/out", "writing", below_a_file),
    Case("proposals below a file", (*LIDAR[:4], "--out", FILE), "file/out", "writing", below_a_file),
    Case("world below a file", ("world", "--out", FILE, "--train", "1", "--val", "1"), "file/out", "writing",
         below_a_file),
    Case("page below a file", (*VIEW, "--out", FILE), "file/out", "writing", below_a_file),
    Case("world of another configuration", ("world", "--out", "{root}"), "world.json", "sequences"),
    Case("run of another configuration", TRAIN, "run.json", "train",
         lambda p: rewrite(p.tmp / "run" / "run.json", '{"train": {}}')),
]  # fmt: skip


def folder_for(path: Path) -> None:
    path.unlink()
    path.mkdir()


def picture(path: Path, size: tuple[int, int]) -> None:
    path.unlink()
    Image.fromarray(np.zeros((*size, 3), np.uint8)).save(path)


def more_cameras(model: Path) -> None:
    """Weights and description of a network that looks at two frames."""
    from safetensors.torch import load_file, save_file

    edit_json(model / "config.json", lambda c: c["config"].update(cameras=2))
    tensors = load_file(model / "model.safetensors")
    for name in list(tensors):
        if name.endswith("camera_embedding"):
            tensors[name] = tensors[name].repeat(2, 1)
    (model / "model.safetensors").unlink()
    save_file(tensors, model / "model.safetensors")


def save_torch(folder: Path, content: dict | None = None) -> None:
    import torch

    torch.save(content or {"model": {"layer.weight": torch.zeros(2)}}, folder / "published.pth")


@pytest.mark.parametrize("case", [*DATA, *FILES, *NAMES, *OUTPUTS], ids=lambda case: case.name.replace(" ", "-"))
def test_bad_input(case: Case, places: Places, capsys: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    case.damage(places)
    errors: list[UserError] = []
    explain = voxway.cli._explain
    monkeypatch.setattr(voxway.cli, "_explain", lambda error: (errors.append(error), explain(error)))
    code = run(case.command, places)
    said = capsys.readouterr().err
    assert code == 2
    assert "Traceback" not in said
    (error,) = errors
    for part in (error.file, error.field, error.expected, error.found, error.remedy):
        assert part.strip()
    assert case.file in error.file
    assert case.field in error.field
    assert [f"  {name:<9} " in said for name in ("file", "field", "expected", "found", "remedy")] == [True] * 5
    assert leftovers(places.tmp) == [] == leftovers(places.root)
    assert not (places.tmp / "ran").exists()


def run(command: Sequence[str], places: Places) -> int:
    return execute(*(word.format(root=places.root, model=places.model, tmp=places.tmp) for word in command))


CHOICES = [
    ("check-data", "--root", "{root}", "--needs", "imagse"),
    ("check-data", "--root", "{root}", "--split", "vla"),
    ("prepare", "proposals", "--root", "{root}", "--out", "{tmp}", "--sweeps", "few"),
    ("convert", "monooc", "file", "--out", "{tmp}"),
    ("train", "monoocc-world", "--rot", "{root}", "--out", "{tmp}"),
    ("world", "--out", "{tmp}", "--train", "many"),
    ("train", "monoocc-world"),
]


@pytest.mark.parametrize("command", CHOICES, ids=lambda command: " ".join(command[:2]))
def test_wrong_options(command: Sequence[str], places: Places, capsys: pytest.CaptureFixture) -> None:
    assert run(command, places) == 2
    said = capsys.readouterr().err
    assert "Traceback" not in said
    assert "--help" in said


@pytest.mark.parametrize(
    ("name", "command", "file"),
    [
        ("predict", (*PREDICT, "--cache", "{root}"), "out/sequences/08/predictions/000000.label"),
        ("eval", EVAL, "result.json"),
        ("train", TRAIN, "run/run.json"),
        ("prepare", LIDAR, "out/made/proposals/00/000000.json"),
        ("view", VIEW, "out/page.html"),
        ("world", ("world", "--out", "{tmp}/world", "--train", "1", "--val", "1"), "world/world.json"),
    ],
    ids=lambda value: value if isinstance(value, str) and "/" not in value else "",
)
def test_full_disk(
    name: str,
    command: Sequence[str],
    file: str,
    places: Places,
    capsys: pytest.CaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for split in ("train", "val"):
        queries = ("prepare", "proposals", "--root", "{root}", "--split", split, "--out", "{root}/proposals/lidar")
        assert run(queries, places) == 0
    linked(places.root / "proposals", places.tmp / "proposals")
    before = sorted(places.tmp.rglob("*"))

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    assert run(command, places) == 2
    said = capsys.readouterr().err
    assert f"{places.tmp}/{file}" in said and "No space left on device" in said and "Traceback" not in said
    assert [path for path in sorted(places.tmp.rglob("*")) if path not in before and path.is_file()] == []


def test_full_disk_while_training(places: Places, capsys: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch):
    """The last checkpoint before stays usable: the same command continues once there is space."""
    fsync, calls = os.fsync, []

    def filling(handle: int) -> None:
        calls.append(handle)
        if len(calls) == stop:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        fsync(handle)

    command = [*TRAIN, "train.steps=2", "train.checkpoint_every=1"]
    # Two proposals with a record each and one of both, run.json, log.jsonl, and four files per checkpoint: in the
    # middle of the second one.
    stop = 5 + 2 + 4 + 2
    monkeypatch.setattr(os, "fsync", filling)
    assert run([*command], places) == 2
    assert "No space left on device" in capsys.readouterr().err
    assert [path.name for path in (places.tmp / "run" / "checkpoints").glob("step-*")] == ["step-00000001"]
    assert leftovers(places.tmp) == []
    assert run(command, places) == 0
    assert "continuing from step 1 of 2" in capsys.readouterr().err or (places.tmp / "run" / "model").exists()


GRID = SEMANTIC_KITTI.grid
LIBRARY = {
    "grids in a batch": lambda: collate([Sample(key="a", grid=GRID), Sample(key="b", grid=GRID.coarsen(2))]),
    "no samples in a batch": lambda: collate([]),
    "unknown benchmark": lambda: benchmark("semantickiti"),
    "unknown class": lambda: SEMANTIC_KITTI.task.class_id("rode"),
    "unknown method": lambda: config_type("monooc"),
    "unknown need": lambda: SemanticKITTIConfig(root=Path("x"), needs=frozenset({"imagse"})).build(),
    "proposals without a folder": lambda: SemanticKITTIConfig(root=Path("x"), needs=frozenset({"proposals"})).build(),
    "unreadable JSON": lambda: read_json("/dev/null/x.json"),
}


@pytest.mark.parametrize("name", LIBRARY)
def test_bad_input_in_python(name: str) -> None:
    with pytest.raises(InputError) as caught:
        LIBRARY[name]()
    error = caught.value
    for part in (error.file, error.field, error.expected, error.found, error.remedy):
        assert part.strip()

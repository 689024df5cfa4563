"""What README and docs tell people to run does run: on a small world, with networks as small as it gets."""

from __future__ import annotations

import json
import re
import shlex
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.docs.pages import PAGES as EVERY_PAGE
from tests.prepare.tiny_models import save_detector, save_mask_model, save_segmenter
from tests.small_world import SETTINGS, execute, linked, settings_for
from voxway.core.config import override_all
from voxway.data.nuscenes.config import Occ3DNuScenesConfig
from voxway.data.semantickitti.config import SemanticKITTIConfig
from voxway.methods.monoocc.names import to_published
from voxway.recipes import recipe
from voxway.recipes.networks.monoocc import MONOOCC_S, PUBLISHED
from voxway.recipes.recipe import Recipe

ROOT = Path(__file__).parents[1]
PAGES = (
    "README.md",
    "CONTRIBUTING.md",
    "docs/data.md",
    "docs/evaluate.md",
    "docs/export.md",
    "docs/few-labels.md",
    "docs/gallery.md",
    "docs/index.md",
    "docs/teachers.md",
    "docs/training.md",
)
"""Pages that are run from top to bottom: first their commands, then their snippets."""

ELSEWHERE = (
    "docs/box.md",
    "docs/drives.md",
    "docs/extend.md",
    "docs/formats.md",
    "docs/labels-from-lidar.md",
    "docs/python.md",
    "docs/recordings.md",
    "docs/rig.md",
    "docs/world.md",
)
"""Pages that are run by tests of their own."""

BY_MAKE = {
    "make demo": "demo",
    "make test": "test",
    "make test-slow": "test-slow",
    "make venv": "venv",
    "pip install '.[world,stereo,export,tensorboard]'": "venv",
}
"""Commands that CI runs itself, and the make target that does."""

STANDS_FOR = {
    r"^train monoocc-(s|world) ": "train monoocc-world ",
    r"^world --out ring .*": "world --out ring --layout nuscenes --train 1 --val 1 --sequences 1 --processes 1",
    r"^world --out pairs .*": "world --out pairs --layout kitti360 --train 1 --val 1 --sequences 1 --processes 1",
    r"^world --out seen .*": "world --out seen --train 2 --val 1 --sequences 1 --processes 1 --semantics",
    r"^world --out (?!ring|pairs|seen).*": "world --out world2 --train 1 --val 1 --processes 1",
    r"^(check-data .*--root KITTI.*)": r"\1 --partial",
    r"^(submit .*--split test.*)": r"\1 --partial",
    r"^(train monoocc-overfit .*)": r"\1 --keys 00/000000 00/000005",
    # The small world has scans behind its last picture, of which there are no frames.
    r"^(prepare truth .*)": r"\1 --keys 00/000000 00/000005",
}
"""What is put in place of a command's words, because the small world is smaller than what people have."""


def commands(page: str) -> list[str]:
    """Lines of a page's `sh` blocks."""
    blocks = re.findall(r"^```sh\n(.*?)^```", (ROOT / page).read_text(), re.M | re.S)
    return [line for block in blocks for line in block.splitlines() if line.strip()]


@pytest.fixture
def home(small_world: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with all that the pages speak of: KITTI, two cars, a world, a published checkpoint."""
    for name in ("KITTI", "my_car", "labelled_car", "world"):
        linked(small_world, tmp_path / name)
    for sequence in ("00", "08"):
        shutil.rmtree(tmp_path / "labelled_car" / "sequences" / sequence / "voxels")
        for name in ("voxels", "labels", "image_3"):
            path = tmp_path / "my_car" / "sequences" / sequence / name
            shutil.rmtree(path)
    published = to_published(MONOOCC_S, MONOOCC_S.build().state_dict(), PUBLISHED)
    torch.save({"state_dict": published}, tmp_path / "MonoOcc-S.pth")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def rewritten(line: str) -> list[str]:
    """The command in the small world's words, without the launcher of processes."""
    line = re.sub(r"^torchrun --nproc-per-node \d+ -m ", "", line)
    assert line.startswith("voxway "), line
    line = line.removeprefix("voxway ")
    for pattern, words in STANDS_FOR.items():
        line = re.sub(pattern, words, line)
    words = shlex.split(line)
    if words[0] == "train":
        words += ["--set"] if "--set" not in words else []
        words += settings_for(words[1])
        words[2:2] = ["--steps", "1"] if "--steps" not in words else []
    if "--recipe" in words and words[0] == "prepare":
        words += ["--set", *settings_for(words[words.index("--recipe") + 1])]
    if words[0] in ("train", "eval", "predict"):
        words += ["--device", "cpu"] if words[0] != "train" else []
    return words


def snippets(page: str) -> list[str]:
    """A page's `python` blocks."""
    return re.findall(r"^```python\n(.*?)^```", (ROOT / page).read_text(), re.M | re.S)


@pytest.mark.parametrize("page", PAGES)
def test_the_page_runs(page: str, home: Path, request: pytest.FixtureRequest) -> None:
    if any("--segmenter" in line for line in commands(page)):
        pytest.importorskip("transformers")
        save_segmenter(home / "models" / "mask2former")
        save_detector(home / "models" / "grounding-dino")
        save_mask_model(home / "models" / "sam2.1")
    for line in commands(page):
        if line not in BY_MAKE:
            assert execute(*rewritten(line)) == 0, line
    prepare_for_snippets(page, home, request)
    run_snippets(page)
    if page == "README.md":
        assert (home / "page.html").exists() and (home / "ring.html").exists()
    if page == "docs/training.md":
        assert (home / "runs" / "staged" / "model").is_dir()
    if page == "docs/data.md":
        assert (home / "nuscenes" / "infos_val.pkl").exists()


def prepare_for_snippets(page: str, home: Path, request: pytest.FixtureRequest) -> None:
    """What a page's snippets read and no command of it wrote."""
    if page == "docs/data.md":
        linked(request.getfixturevalue("small_ring"), home / "nuscenes")
    if page == "docs/export.md":
        session = pytest.importorskip("onnxruntime").InferenceSession("camera.onnx", providers=["CPUExecutionProvider"])
        kinds = {"tensor(uint8)": np.uint8, "tensor(float)": np.float32}
        np.savez(home / "frame.npz", **{i.name: np.zeros(i.shape, kinds[i.type]) for i in session.get_inputs()})


def run_snippets(page: str) -> None:
    """A page's snippets, one after the other, in small."""
    names: dict[str, object] = {"small_recipe": small_recipe}
    for snippet in snippets(page):
        for words, small in SMALL.items():
            snippet = snippet.replace(words, small)
        exec(compile(snippet, page, "exec"), names)


def small_recipe() -> Recipe:
    """The recipe that pages train, with a network as small as it gets and a single step."""
    chosen = recipe("monoocc-world", Path("world"))
    assert isinstance(chosen, Recipe)
    return override_all(chosen, {"train.steps": "1", **dict(setting.split("=") for setting in SETTINGS)})


def test_the_python_page_runs(home: Path) -> None:
    for line in commands("README.md"):
        if re.search(r"--out (runs/w|ring|runs/fusion|runs/student)\b", line) and "KITTI" not in line:
            assert execute(*rewritten(line)) == 0, line
    write_rig(home / "ring", home / "cameras.json")
    run_snippets("docs/python.md")
    for name in ("page.html", "ring.html", "occupancy.npz", "picture.png", "overlay.png", "again.html"):
        assert (home / name).exists(), name


SMALL = {
    'voxway.recipe("monoocc-world", Path("world"))': "small_recipe()",
    "steps=4000": "steps=1",
    "sorted(VALIDATION)": 'sorted(VALIDATION & {"scene-0003"})',
    "[[353.5, 0.0, 300.9], [0.0, 353.5, 91.5]": "[[177.0, 0.0, 150.5], [0.0, 177.0, 45.5]",
}
"""Words of pages and what stands for them: a network as small as it gets, the small worlds' pictures and scenes."""


def write_rig(root: Path, path: Path) -> None:
    """The cameras of a ring's frame, as a person may hold them."""
    data = Occ3DNuScenesConfig(root=root, split="val", partial=True, needs=frozenset({"images"}))
    frame = data.reader().key_frame(data.reader().keys[0])
    cameras = [
        {"file": str(root / camera.path), "K": camera.K.tolist(), "T_ego_cam": camera.T_ego_cam.tolist()}
        for camera in frame.cameras.values()
    ]
    path.write_text(json.dumps(cameras))


def test_the_formats_page_runs(home: Path) -> None:
    for module in ("mcap_protobuf", "rerun"):
        pytest.importorskip(module)
    (table,) = re.findall(r"^```json\n(.*?)^```", (ROOT / "docs/formats.md").read_text(), re.M | re.S)
    (home / "mine.json").write_text(table)
    for line in commands("docs/formats.md"):
        assert execute(*rewritten(line)) == 0, line
    run_snippets("docs/formats.md")
    for name in ("kept.npz", "points.ply", "cubes.cubes.ply", "map.yaml", "map.pgm", "moment.mcap", "moment.rrd"):
        assert (home / name).exists(), name
    assert (home / "drives" / "08.mcap").exists() and (home / "out/sequences/08/predictions/000000.label").exists()
    assert {path.name for path in (home / "out/all").iterdir()} >= {"npz", "ply", "costmap", "mcap", "rrd", "sequences"}


def test_the_rig_page_runs(home: Path) -> None:
    pytest.importorskip("cv2")
    (rig,) = re.findall(r"^```json\n(.*?)^```", (ROOT / "docs/rig.md").read_text(), re.M | re.S)
    for words, small in SMALL_RIG.items():
        assert words in rig
        rig = rig.replace(words, small)
    (home / "rig.json").write_text(rig)
    for line in commands("docs/rig.md"):
        assert execute(*rewritten(line)) == 0, line
    assert len(list((home / "look").glob("rig_*.png"))) == 1
    for snippet in snippets("docs/rig.md"):
        exec(compile(snippet, "docs/rig.md", "exec"), {})
    assert (home / "page.html").exists()
    for folder in ("my_car", "right", "stereo"):
        assert (home / "out" / folder / "my_car" / "000000.npz").exists()


SMALL_RIG = {
    '"width_px": 613, "height_px": 185': '"width_px": 307, "height_px": 93',
    "[353.55, 353.55, 300.69, 91.31]": "[177.06, 177.73, 150.34, 45.65]",
}
"""Of the rig's page, the pictures' size and intrinsics, and those of the small world's."""


def test_no_page_is_left_out() -> None:
    runnable = {page for page in EVERY_PAGE if commands(page) or snippets(page)}
    assert runnable - {*PAGES, *ELSEWHERE} == set()


@pytest.mark.parametrize("page", PAGES)
def test_make_targets_exist(page: str) -> None:
    targets = re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(), re.M)
    for line in commands(page):
        if line in BY_MAKE:
            assert BY_MAKE[line] in targets


def test_table_of_folders_is_that_of_the_import_test() -> None:
    from tests.test_imports import EVERYTHING

    text = (ROOT / "README.md").read_text()
    named = {name for row in re.findall(r"^\| (`\w+`(?:, `\w+`)*) \|", text, re.M) for name in re.findall(r"\w+", row)}
    assert named >= EVERYTHING


@pytest.mark.parametrize("page", ["docs/drives.md", "docs/world.md"])
def test_python_snippets_run(page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for snippet in re.findall(r"^```python\n(.*?)^```", (ROOT / page).read_text(), re.M | re.S):
        small = snippet.replace("tail=5)", "tail=5), processes=1").replace("train=80, val=20", "1, 1, 1")
        exec(compile(small, page, "exec"), {})


def test_overfit_recipe_takes_either_kind_of_truth(home: Path) -> None:
    root = home / "KITTI"
    assert recipe("monoocc-overfit", root).data.targets is None
    data = SemanticKITTIConfig(root=root, needs=frozenset({"target"}), partial=True).build()
    (root / "derived").mkdir()
    for key in data.keys:
        np.savez(root / "derived" / f"{key.replace('/', '_')}.npz", target_certain=data[key].target.numpy())
    shutil.rmtree(root / "sequences" / "00" / "voxels")
    assert recipe("monoocc-overfit", root).data.targets == root / "derived"
    assert execute(*rewritten("voxway train monoocc-overfit --root KITTI --out run")) == 0

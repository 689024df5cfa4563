"""Imports point one way, rooms that must stay light do, and importing has no side effects."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import voxway

SOURCE = Path(voxway.__file__).parent

EVERYTHING = frozenset(path.name for path in SOURCE.iterdir() if (path / "__init__.py").exists())

ALLOWED = {
    "core": frozenset(),
    "ops": {"core"},
    "nn": {"core", "ops"},
    "losses": {"core", "ops"},
    "metrics": {"core", "ops"},
    "truth": {"core", "ops"},
    "data": {"core", "ops", "truth"},
    "world": {"core", "ops", "data", "truth"},
    "methods": {"core", "ops", "nn", "losses"},
    "engine": {"core", "ops", "nn", "losses", "metrics", "methods"},
    "measure": {"core", "ops", "methods", "engine"},
    "prepare": {"core", "ops", "truth", "data", "methods", "engine", "view"},
    "recipes": {"core", "data", "methods", "engine"},
    "export": {"core", "metrics", "methods"},
    "view": {"core", "metrics"},
    "formats": {"core", "view"},
    "api": EVERYTHING - {"api", "cli"},
    "cli": EVERYTHING - {"cli"},
}
"""Room -> rooms that it may import; a room may always import itself."""

LIGHT = ("core", "ops", "truth", "data", "metrics", "world")
"""Rooms that work without the packages of the networks."""


def imported(path: Path) -> Iterator[tuple[int, str]]:
    """Line and dotted name of every import of ours in a file, wherever it stands."""
    package = ("voxway", *path.relative_to(SOURCE).parent.parts)
    for node in ast.walk(ast.parse(path.read_text(), str(path))):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            start = ".".join((*package[: len(package) - node.level + 1], *filter(None, [node.module])))
            module = start if node.level else node.module or ""
            # `from voxway.core import grid` may name a module: with the name appended, both readings are covered.
            yield from ((node.lineno, f"{module}.{alias.name}") for alias in node.names)


def forbidden(path: Path) -> list[str]:
    """Import edges of a file that the plan does not have."""
    place = path.relative_to(SOURCE).parts
    room = "cli" if place == ("__main__.py",) else place[0] if len(place) > 1 else ""
    found = []
    for line, name in imported(path):
        parts = name.split(".")
        if parts[0] != "voxway" or len(parts) < 2 or parts[1] not in EVERYTHING:
            continue
        target = parts[1]
        wrong = target != room and target not in ALLOWED.get(room, EVERYTHING - {"cli"})
        if target == "methods" and room not in ("recipes", "methods"):
            wrong |= names_a_method(parts)  # of methods all know the contract and the registry, and no more
        if target == room == "methods" and len(place) > 1:
            wrong = names_a_method(parts) and parts[2] != Path(place[1]).stem
        if wrong:
            found.append(f"{'/'.join(place)}:{line}: {room or 'voxway'} must not import {name}")
    return found


COMMON_TO_METHODS = ("contract", "registry", "shared")


def names_a_method(parts: list[str]) -> bool:
    """Whether a dotted name reaches into a method's module or folder below voxway.methods."""
    folder = SOURCE / "methods"
    module = len(parts) > 2 and ((folder / f"{parts[2]}.py").exists() or (folder / parts[2]).is_dir())
    return module and parts[2] not in COMMON_TO_METHODS


def test_every_room_is_in_the_plan() -> None:
    assert ALLOWED.keys() == EVERYTHING


@pytest.mark.parametrize("room", ["", *sorted(EVERYTHING)])
def test_imports_point_one_way(room: str) -> None:
    files = SOURCE.glob("*.py") if room == "" else (SOURCE / room).rglob("*.py")
    assert [edge for path in sorted(files) for edge in forbidden(path)] == []


def test_the_walk_sees_all_kinds_of_imports(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("core", "methods/monoocc", "methods/shared"):
        (tmp_path / name).mkdir(parents=True)
    for name in ("effocc", "contract", "registry"):
        (tmp_path / "methods" / f"{name}.py").touch()
    monkeypatch.setitem(globals(), "SOURCE", tmp_path)
    bad = tmp_path / "core" / "bad.py"
    bad.write_text(
        "import voxway.ops\nfrom voxway import nn\nfrom ..data import x\nfrom . import grid\n"
        "def f():\n    from voxway.cli.main import main\nif True:\n    import voxway.engine.train as t\n"
    )
    assert [edge.split("import ")[1] for edge in forbidden(bad)] == [
        "voxway.ops",
        "voxway.nn",
        "voxway.data.x",
        "voxway.cli.main.main",
        "voxway.engine.train",
    ]
    method = tmp_path / "methods" / "monoocc" / "network.py"
    method.write_text(
        "from voxway.methods.effocc import A\nfrom voxway.methods.monoocc.b import B\nimport voxway.data\n"
        "from voxway.methods.shared.batches import C\nfrom voxway.methods.contract import D\n"
    )
    assert len(forbidden(method)) == 2
    (tmp_path / "engine").mkdir()
    engine = tmp_path / "engine" / "train.py"
    engine.write_text(
        "from voxway.methods.contract import M\n"
        "from voxway.methods.effocc import A\nfrom voxway.methods import effocc\n"
    )
    assert len(forbidden(engine)) == 2


def run(script: str) -> str:
    """Standard output of a fresh interpreter; fails with its traceback."""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


WALK = """
import importlib, pkgutil, sys
sys.modules.update(dict.fromkeys(BLOCKED))  # None there makes every import of that name fail
package = importlib.import_module(ROOM)
on_gpus = ('.triton_attention', '.triton_scan', '.triton_scan_kernels')  # and only with Triton
for module in pkgutil.walk_packages(package.__path__, package.__name__ + '.'):
    if not module.name.endswith(('__main__', *on_gpus)):
        importlib.import_module(module.name)
"""


@pytest.mark.parametrize("room", LIGHT)
def test_light_rooms_import_without_timm_and_torchvision(room: str) -> None:
    run(f"ROOM, BLOCKED = 'voxway.{room}', ['timm', 'torchvision', 'tyro']\n{WALK}")


def test_everything_imports_without_the_extras() -> None:
    extras = ["embreex", "cv2", "tensorboard", "scipy", "onnx", "onnxruntime", "rerun", "ray", "transformers"]
    extras += ["mcap", "mcap_protobuf", "foxglove_schemas_protobuf", "google.protobuf", "rosbags", "kiss_icp"]
    run(f"ROOM, BLOCKED = 'voxway', {extras}\n{WALK}")


def test_importing_voxway_is_light() -> None:
    heavy = "{'torch', 'numpy', 'PIL', 'timm', 'tyro', 'jaxtyping'}"
    assert run(f"import sys, voxway\nprint(sorted({heavy} & set(sys.modules)))") == "[]"


WATCH = """
import os, random, threading
import numpy, rich.progress, timm, torch, torch._dynamo, tyro  # whatever these do at import is not ours
random.seed(1), numpy.random.seed(1), torch.manual_seed(1)
def state():
    return {
        "random": random.getstate(),
        "numpy": numpy.random.get_state()[1].tolist(),
        "torch": torch.get_rng_state().tolist(),
        "threads": (torch.get_num_threads(), threading.active_count()),
        "settings": (torch.get_default_dtype(), torch.is_grad_enabled(), torch.get_float32_matmul_precision()),
        "environment": dict(os.environ),
        "cuda": torch.cuda.is_initialized(),
        "folder": os.getcwd(),
    }
before = state()
"""


def test_importing_has_no_side_effects() -> None:
    compare = "after = state()\nprint([name for name in before if before[name] != after[name]])"
    assert run(f"{WATCH}\nROOM, BLOCKED = 'voxway', []\n{WALK}\n{compare}") == "[]"


WORLD_ROOMS = ("shapes", "street", "sensors", "layouts", "segmenter", "generate")
"""Rooms of the world; each may import those before it."""


def world_edges() -> Iterator[tuple[tuple[str, ...], tuple[str, ...]]]:
    """Every import of the world by the world: where it stands, and what it names, both below `voxway/world`."""
    for path in sorted((SOURCE / "world").rglob("*.py")):
        for _, name in imported(path):
            if name.startswith("voxway.world."):
                yield path.relative_to(SOURCE / "world").with_suffix("").parts, tuple(name.split(".")[2:])


def test_rooms_of_the_world_point_one_way() -> None:
    folders = {path.stem for path in (SOURCE / "world").iterdir() if path.stem not in ("__init__", "__pycache__")}
    assert folders == set(WORLD_ROOMS)
    layouts = {path.name for path in (SOURCE / "world" / "layouts").iterdir() if (path / "__init__.py").exists()}
    wrong = []
    for place, target in world_edges():
        if place == ("__init__",):
            continue
        if WORLD_ROOMS.index(target[0]) > WORLD_ROOMS.index(place[0]):
            wrong.append((place, target))
        # Between layouts, and from what they share to one of them, there is nothing either.
        if target[0] == "layouts" and target[1] in layouts and (len(place) < 2 or place[1] != target[1]):
            wrong.append((place, target))
    assert wrong == []


def test_layouts_of_worlds_are_named_in_their_folders_only() -> None:
    from voxway.world.layouts import LAYOUTS

    folder = SOURCE / "world" / "layouts"
    assert LAYOUTS.keys() == {path.name for path in folder.iterdir() if (path / "__init__.py").exists()}
    found = []
    for name in LAYOUTS:
        trees = [ast.parse((folder / name / file).read_text()) for file in ("plan.py", "config.py")]
        types = {node.name for tree in trees for node in tree.body if isinstance(node, ast.ClassDef)}
        assert types
        for path in SOURCE.rglob("*.py"):
            if (folder / name) in path.parents or path == folder / "__init__.py":
                continue
            nodes = ast.walk(ast.parse(path.read_text()))
            words = {getattr(node, key, None) for node in nodes for key in ("id", "attr", "name")}
            found += [(str(path), word) for word in types & words]
            found += [(str(path), word) for _, word in imported(path) if f"layouts.{name}" in word]
    assert found == []


DATASET_WORDS = {
    "semantickitti": ("semantickitti",),
    "nuscenes": ("nuscenes", "occ3d", "openoccupancy", "surroundocc"),
    "waymo": ("waymo", "occ3d"),
    "kitti360": ("kitti360",),
    "uniocc": ("uniocc",),
}
"""Folder of a dataset, in data or among the layouts of worlds -> words by which it and what it holds are known."""

MAY_NAME_DATASETS = ("data/registry.py", "world/layouts/__init__.py", "recipes/", "truth/")
"""Lists of what there is, whole runs, and rules of truth, which are called after the benchmark that defined them."""
METHOD_WORDS = {
    "box": ("boxconfig", "boxnetwork", "methods.box"),
    "monoocc": ("monoocc",),
    "effocc": ("effocc", "flashocc"),
    "qpn": ("qpn",),
    "vlscene": ("vlscene", "lseg"),
    "occle": ("occle",),
}
"""Folder of a method -> words by which it and its networks are known."""
LIKE_A_NAME = "universalsegmentation"
"""A kind of network of another library, in which a method's name stands by chance."""
MAY_NAME_METHODS = ("methods/registry.py", "recipes/")


def line_of(node: ast.AST) -> int:
    return getattr(node, "lineno", 0)


def said(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Line and text of every identifier, imported name and string constant. Docstrings are none of these, nor are
    texts of several lines, which are for people to read."""
    for node in ast.walk(tree):
        for key in ("id", "attr", "name", "arg", "asname", "module"):
            if isinstance(text := getattr(node, key, None), str):
                yield line_of(node), text
    docstrings = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        text = node.value if isinstance(node, ast.Constant) and id(node) not in docstrings else None
        if isinstance(text, str) and "\n" not in text.strip():
            yield line_of(node), text


def named(path: Path, source: Path, words: dict[str, tuple[str, ...]], free: tuple[str, ...]) -> list[str]:
    """Where a file names something that it may not know: words of another folder than its own."""
    place = path.relative_to(source)
    if place.as_posix().startswith(free):
        return []
    own = next((words[part] for part in place.parts[:-1] if part in words), ())
    strange = {word for several in words.values() for word in several} - set(own)
    found = []
    for line, text in sorted(said(ast.parse(path.read_text(), str(path)))):
        if text.startswith("voxway.truth."):  # rules, called after the benchmark that defined them
            continue
        plain = text.lower().replace("_", "").replace("-", "").replace(LIKE_A_NAME, "")
        found += [f"{place}:{line}: {word} in {text!r}" for word in strange if word in plain]
    return found


def datasets_named(path: Path, source: Path) -> list[str]:
    """Where a file names a dataset that it may not know."""
    return named(path, source, DATASET_WORDS, MAY_NAME_DATASETS)


@pytest.mark.parametrize("room", ["", *sorted(EVERYTHING)])
def test_datasets_are_named_in_their_folders_only(room: str) -> None:
    """No dataset's name or configuration outside data/<it>, world/layouts/<it>, recipes, lists and truth."""
    files = SOURCE.glob("*.py") if room == "" else (SOURCE / room).rglob("*.py")
    assert [name for path in sorted(files) for name in datasets_named(path, SOURCE)] == []


@pytest.mark.parametrize("room", ["", *sorted(EVERYTHING)])
def test_methods_are_named_in_their_folders_only(room: str) -> None:
    """No method's name outside methods/<it>, recipes and the registry."""
    files = SOURCE.glob("*.py") if room == "" else (SOURCE / room).rglob("*.py")
    found = [name for path in sorted(files) for name in named(path, SOURCE, METHOD_WORDS, MAY_NAME_METHODS)]
    assert found == []


def test_the_walk_sees_all_ways_to_name_a_dataset(tmp_path: Path) -> None:
    (tmp_path / "data" / "waymo").mkdir(parents=True)
    bad = tmp_path / "data" / "samples.py"
    bad.write_text(
        '"""Of Waymo, whose docstring may say so."""\n'
        "from voxway.data.waymo.config import Config as C\nimport voxway.data.nuscenes\n"
        "def f(waymo, x=None):\n    '''And so may KITTI-360.'''\n    return g(occ3d=x.SEMANTIC_KITTI)\n"
        "class NuScenesThing:\n    field: int = 3\n    '''nuScenes.'''\n"
        "text = f'sscbench-kitti360 {f}'  # and OpenOccupancy in a comment\n"
    )
    lines = [name.split(":")[1] for name in datasets_named(bad, tmp_path)]
    assert sorted(map(int, lines)) == [2, 3, 4, 6, 6, 7, 10]
    own = tmp_path / "data" / "waymo" / "config.py"
    own.write_text("class Occ3DWaymoConfig:\n    pass\nother = 'nuscenes'\n")
    assert [name.split(":")[1] for name in datasets_named(own, tmp_path)] == ["3"]


def at_import(tree: ast.Module) -> Iterator[ast.stmt]:
    """Statements that run when a module is imported, those of annotations alone left out."""
    for node in tree.body:
        if isinstance(node, ast.If) and ast.unparse(node.test) != "TYPE_CHECKING":
            yield from node.body + node.orelse
        elif isinstance(node, ast.Import | ast.ImportFrom):
            yield node


def test_there_is_no_cycle() -> None:
    """Among modules, and in data among folders: what a configuration builds, it imports when it builds it."""
    modules = {
        ".".join(("voxway", *path.relative_to(SOURCE).with_suffix("").parts)).removesuffix(".__init__"): path
        for path in SOURCE.rglob("*.py")
    }
    edges: dict[str, set[str]] = {}
    for name, path in modules.items():
        lines = {node.lineno for node in at_import(ast.parse(path.read_text()))}
        named = {target for line, target in imported(path) if line in lines}
        named = {target if target in modules else target.rpartition(".")[0] for target in named}
        edges[name] = {target for target in named if target in modules} - {name}

    folders: dict[str, set[str]] = {}
    inside = {name: targets for name, targets in edges.items() if name.startswith("voxway.data.")}
    for name, targets in inside.items():
        for target in targets:
            if not target.startswith("voxway.data."):
                continue
            place, other = (m.split(".")[2:-1] or m.split(".")[2:] for m in (name, target))
            if place != other:
                folders.setdefault(".".join(place), set()).add(".".join(other))
    assert cycle(edges) == []
    assert cycle(folders) == []
    steps = {target for name, targets in inside.items() if ".steps." in name for target in targets}
    assert all(".steps" in t or not t.startswith("voxway.data") for t in steps), "steps know of nothing but each other"


def cycle(edges: dict[str, set[str]]) -> list[str]:
    """Names along a cycle; empty where there is none."""
    done: set[str] = set()

    def walk(name: str, path: list[str]) -> list[str]:
        if name in path:
            return [*path[path.index(name) :], name]
        if name in done:
            return []
        for target in sorted(edges.get(name, ())):
            if found := walk(target, [*path, name]):
                return found
        done.add(name)
        return []

    return next((found for name in sorted(edges) if (found := walk(name, []))), [])

"""Options and fixtures shared by all tests: real frames, reference tensors, device, shape checking."""

from __future__ import annotations

import json
import os
import runpy
import signal
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from jaxtyping import config, install_import_hook

if find_spec("beartype") is not None:  # absent on machines that only run networks
    install_import_hook("voxway", "beartype.beartype")

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # A shell that starts us in the background makes us ignore Ctrl-C; processes that tests start would inherit that.
    signal.signal(signal.SIGINT, signal.default_int_handler)

ROOT = Path(__file__).parent.parent
SHARED = ROOT.parent / "shared"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--data", default=os.environ.get("VOXWAY_DATA"), help="folder of real frames (or VOXWAY_DATA)")
    parser.addoption("--reference", default=None, help="folder of one method's reference tensors and manifests")
    parser.addoption("--salt", default="a", help="which case of the reference tensors")
    parser.addoption("--device", default="cpu", help="where parity with the reference tensors is checked")
    parser.addoption("--records", default=None, help="file for outcomes and compared tensors, a line of JSON each")


def record(config: pytest.Config, **facts: object) -> None:
    """Append a line to the file of ``--records``, if there is one."""
    place = config.getoption("--records")
    if place is not None:
        with Path(place).open("a") as stream:
            stream.write(json.dumps(facts) + "\n")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo) -> Generator[None, Any, Any]:
    """Record how a test, or the preparation of one, ended."""
    report = yield
    if report.when == "call" or (report.when == "setup" and not report.passed):
        message = ""
        if not report.passed and call.excinfo is not None:
            message = " ".join(str(call.excinfo.value).split())[:200]
        record(item.config, test=report.nodeid, outcome=report.outcome, message=message)
    return report


@pytest.fixture(scope="session")
def device(request: pytest.FixtureRequest) -> torch.device:
    """The device of ``--device``; products there have all the digits of float32."""
    torch.set_float32_matmul_precision("highest")
    torch.backends.cudnn.allow_tf32 = False
    return torch.device(request.config.getoption("--device"))


@pytest.fixture(scope="session")
def data_root(request: pytest.FixtureRequest) -> Path:
    """Folder with real frames of licensed datasets."""
    given = request.config.getoption("--data")
    root = Path(given) if given else SHARED / "data"
    if not root.is_dir():
        if given:
            pytest.fail(f"--data: {root} is not a folder")
        pytest.skip("no real frames here; name their folder with --data or VOXWAY_DATA")
    return root


@dataclass(frozen=True)
class Reference:
    """Tensors and manifests of one published method, and the generator of its weights."""

    arrays: dict[str, np.ndarray]
    salt: str
    folder: Path
    seeded_tensor: Callable[[str, tuple[int, ...], str], np.ndarray]
    seeded_image: Callable[[tuple[int, ...], str], np.ndarray]
    generator: Callable[[str, str], np.random.Generator]

    def __getitem__(self, key: str) -> np.ndarray:
        return self.arrays[key]

    def keys(self, prefix: str) -> list[str]:
        """Keys that start with `prefix`."""
        return [key for key in self.arrays if key.startswith(prefix)]

    def manifest(self, name: str = "manifest.json") -> dict[str, tuple[int, ...]]:
        """Published parameter names with their shapes."""
        path = self.folder / name
        if not path.exists():
            path = SHARED / "reference" / self.folder.name / name
        return {key: tuple(shape) for key, shape in json.loads(path.read_text()).items()}

    def state(self, shapes: dict[str, tuple[int, ...]]) -> dict[str, torch.Tensor]:
        """Weights for published names."""
        return {n: torch.from_numpy(np.array(self.seeded_tensor(n, s, self.salt))) for n, s in shapes.items()}

    def normal(self, name: str, shape: tuple[int, ...]) -> torch.Tensor:
        """Standard normal numbers of the case's salt, by name."""
        return torch.from_numpy(self.generator(self.salt, name).standard_normal(shape).astype(np.float32))

    def image(self, shape: tuple[int, ...], suffix: str = "") -> torch.Tensor:
        """A smooth image of the case's salt plus `suffix`."""
        return torch.from_numpy(self.seeded_image(shape, self.salt + suffix))


@pytest.fixture
def annotations_unchecked() -> Iterator[None]:
    """As in production, where what code itself checks is all there is."""
    config.update("jaxtyping_disable", True)
    yield
    config.update("jaxtyping_disable", False)


@pytest.fixture(scope="session")
def small_world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Root of a synthetic world of three key frames; tests must not change it."""
    pytest.importorskip("embreex")
    from tests.small_world import WORLD
    from voxway.world import generate

    return generate(tmp_path_factory.mktemp("small") / "world", WORLD, processes=1, progress=False)


@pytest.fixture(scope="session")
def small_ring(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Root of a tiny world with six cameras: three training frames of two scenes, one held out; not to be changed."""
    pytest.importorskip("embreex")
    from voxway.world import generate
    from voxway.world.layouts.nuscenes import NuScenesWorldConfig

    config = NuScenesWorldConfig(
        seed=5,
        scenes={"scene-0003": 1, "scene-0001": 2, "scene-0002": 1},
        width_px=160,
        columns=120,
        sweeps_per_key=2,
        truth_sweeps=4,
        truth_stride=2,
        tail=4,
    )
    return generate(tmp_path_factory.mktemp("ring") / "world", config, processes=1, progress=False)


@pytest.fixture(scope="session")
def small_run(small_world: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of a run of two steps on it; tests must not change it."""
    from tests.small_world import train

    folder = tmp_path_factory.mktemp("small_run") / "run"
    assert train(small_world, folder, "--steps", "2") == 0
    return folder


@pytest.fixture(scope="session")
def reference(request: pytest.FixtureRequest) -> Reference:
    """Reference tensors of MonoOcc, or those of `--reference DIR --salt S`."""
    return load_reference(request.config, "monoocc")


def load_reference(config: pytest.Config, method: str, part: str = "") -> Reference:
    """Reference tensors of `method` (`part` names one of its further files).

    Skips where the default folder is absent or `--reference` names another method's; fails where a named one is absent.
    """
    given, salt = config.getoption("--reference"), config.getoption("--salt")
    folder = Path(given) if given else SHARED / "reference" / method
    if (folder / method).is_dir():
        folder = folder / method
    elif given and _whose(folder) not in (method, None):
        pytest.skip(f"--reference names the tensors of {_whose(folder)}")
    names = (f"case_{salt}_{part}.npz", f"{part}_{salt}.npz") if part else (f"case_{salt}.npz",)
    path = next((folder / name for name in names if (folder / name).exists()), folder / names[0])
    if not path.exists():
        if given or os.environ.get("CI"):
            pytest.fail(f"reference tensors {path} are absent")
        pytest.skip("no reference tensors here; name their folder with --reference")
    generator = next(
        place / "seeded.py" for place in (folder, folder.parent, SHARED / "reference") if (place / "seeded.py").exists()
    )
    seeded = runpy.run_path(str(generator))
    return Reference(dict(np.load(path)), salt, folder, seeded["seeded_tensor"], seeded["seeded_image"], seeded["_rng"])


def _whose(folder: Path) -> str | None:
    """The method that a folder of reference tensors belongs to, if its names tell; rays have no weights to name."""
    if folder.name == "rayiou":
        return folder.name
    path = folder / "manifest.json"
    names = path.read_text() if path.exists() else ""
    marks = {"vlscene": '"sparse_unet.', "monoocc": '"pts_bbox_head.', "effocc": '"occ_head.', "occle": '"enc4x.'}
    return next((method for method, mark in marks.items() if mark in names), None)

"""A dataset of one's own and a kind of prepared file of one's own, registered from outside the package."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.utils.data import DataLoader

from voxway.core.benchmark import Benchmark, Split
from voxway.core.camera import Cameras
from voxway.core.errors import InputError
from voxway.core.grid import VoxelGrid
from voxway.core.occupancy import Occupancy
from voxway.core.sample import Sample, collate
from voxway.core.task import IGNORE, Task
from voxway.data import registry
from voxway.data.config import DataConfig
from voxway.data.entry import Dataset
from voxway.data.prepared import registry as prepared
from voxway.data.prepared.lies_on import LiesOn
from voxway.data.reader import Reader
from voxway.data.steps.augment import Augment

YARD = Benchmark(
    task=Task(
        name="yard",
        grid=VoxelGrid(lower=(-4.0, -4.0, -1.0), cell=(1.0, 1.0, 1.0), shape=(8, 8, 4)),
        classes=("fence", "free", "hen"),
        free=1,
        foreground=(2,),
    ),
    splits={"train": Split(sequences=("spring", "autumn"))},
)
FLIP_X = Augment(scale=(0.0, 0.0), flip=0.0, rotation_deg=(0.0, 0.0), flip_x=1.0, flip_y=0.0)


@dataclass(frozen=True, kw_only=True)
class YardConfig(DataConfig):
    """One camera, pictures and voxels as NumPy files; drives are seasons."""

    def reader(self) -> YardReader:
        return YardReader(self)


class YardReader:
    """``<root>/<season>/<n>.npz`` with `image` (h, w, 3), `points` and `voxels`."""

    benchmark = YARD
    provides = frozenset({"images", "points", "pose", "target"})
    mask_names = ("camera",)

    def __init__(self, config: YardConfig) -> None:
        self.root = Path(config.root)
        found = sorted(self.root.glob("*/*.npz"))
        self.split_keys = tuple(f"{path.parent.name}/{path.stem}" for path in found)
        self.keys = config.keys or tuple(
            key for key in self.split_keys if not config.drives or self.drive(key) in config.drives
        )

    def drive(self, key: str) -> str:
        return key.split("/")[0]

    def before(self, key: str, recordings: int) -> str:
        drive, _, number = key.partition("/")
        return f"{drive}/{max(int(number) - recordings, 0)}"

    def files(self, key: str, field: str) -> tuple[Path, ...]:
        return (self.root / f"{key}.npz",)

    def moment(self, key: str, fields: frozenset[str], random: np.random.Generator) -> Sample:
        with np.load(self.root / f"{key}.npz") as stored:
            image, points = stored["image"], stored["points"]
        K = torch.tensor([[[10.0, 0, 8], [0, 10, 6], [0, 0, 1]]])
        T_cam_ego = torch.tensor([[[0.0, -1, 0, 0], [0, 0, -1, 0], [1, 0, 0, 0], [0, 0, 0, 1]]])
        seen = bool(fields & {"images", "cameras"})
        return Sample(
            key=key,
            grid=YARD.grid,
            cameras=Cameras.pinhole(K, T_cam_ego, torch.tensor([image.shape[:2]])) if seen else None,
            images=torch.from_numpy(image).permute(2, 0, 1)[None] if "images" in fields else None,
            points=torch.from_numpy(points) if "points" in fields else None,
            pose=torch.eye(4).double() if "pose" in fields else None,
        )

    def truth(self, key: str) -> Occupancy:
        with np.load(self.root / f"{key}.npz") as stored:
            classes = torch.from_numpy(stored["voxels"])
        return Occupancy(task=YARD.task, classes=classes, masks={"camera": classes != 1}, key=key)


@dataclass(frozen=True)
class Evidence:
    """Counts per voxel, a user's own need: ``<folder>/<drive>-<frame>.npy``."""

    need: str = "counts"
    lies_on: LiesOn = "voxels"

    def path(self, folder: Path, key: str) -> Path:
        return Path(folder) / f"{key.replace('/', '-')}.npy"

    def read(self, path: Path, task: Task, cameras: Cameras | None) -> Tensor:
        if not path.exists():
            raise InputError(file=path, field="file", expected="present", found="absent", remedy="Count again.")
        return torch.from_numpy(np.load(path))

    def write(self, path: Path, value: np.ndarray) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        np.save(path, value)


@pytest.fixture(autouse=True)
def registered() -> Iterator[None]:
    """Nothing stays registered."""
    datasets, kinds = dict(registry.DATASETS._known), dict(prepared.FORMATS)
    yield
    for known, before in ((registry.DATASETS._known, datasets), (prepared.FORMATS, kinds)):
        known.clear()
        known.update(before)


@pytest.fixture
def yard(tmp_path: Path) -> YardConfig:
    rng = np.random.default_rng(0)
    for key in ("spring/0", "spring/1", "autumn/0"):
        path = tmp_path / "yard" / f"{key}.npz"
        path.parent.mkdir(parents=True, exist_ok=True)
        np.savez(
            path,
            image=rng.integers(0, 255, (12, 16, 3)).astype(np.uint8),
            points=rng.uniform((0.5, -3, -1), (4, 3, 1), (50, 3)).astype(np.float32),
            voxels=rng.integers(0, 3, YARD.grid.shape).astype(np.uint8),
        )
    return YardConfig(root=tmp_path / "yard")


def test_a_dataset_of_ones_own_is_listed_and_found(yard: YardConfig) -> None:
    assert "yard" not in registry.names()
    entry = Dataset(benchmark=YARD, config=YardConfig)
    registry.register("yard", entry)
    registry.register("yard", entry)
    assert "yard" in registry.names()
    assert registry.benchmark("yard") is YARD
    assert registry.config_type("yard") is YardConfig
    assert registry.config_name(yard) == "yard"
    with pytest.raises(InputError, match="dataset yard: check: expected a check, found none"):
        registry.checker("yard")
    with pytest.raises(InputError, match="Perhaps you meant 'yard'"):
        registry.dataset("yart")
    for taken in ("yard", "semantickitti"):
        with pytest.raises(InputError, match=f"dataset {taken}: name: expected one that no other dataset has"):
            registry.register(taken, replace(entry, check="elsewhere:check"))


def test_what_is_not_registered_says_how(yard: YardConfig) -> None:
    with pytest.raises(InputError, match=r"YardConfig: dataset: expected .*Register it first: voxway\.data\.registry"):
        registry.config_name(yard)


def test_its_parts_may_be_named_by_text() -> None:
    registry.register("yard", Dataset(benchmark=f"{__name__}:YARD", config=f"{__name__}:YardConfig"))
    assert registry.benchmark("yard") is YARD and registry.config_type("yard") is YardConfig


def test_its_samples_have_every_capability(yard: YardConfig) -> None:
    needs = frozenset({"images", "points", "depth", "target", "pose"})
    samples = replace(yard, needs=needs, image_px=(6, 8), earlier=(1,), augment=FLIP_X).build()
    assert isinstance(samples.reader, Reader)
    assert samples.keys == ("autumn/0", "spring/0", "spring/1") and samples.task is YARD.task
    plain, changed = samples["spring/1"], samples.augmented("spring/1", 0)
    assert plain.images is not None and plain.images.shape == (1, 3, 6, 8)
    assert plain.depth is not None and (plain.depth > 0).any() and plain.target is not None
    assert [earlier.key for earlier in plain.earlier] == ["spring/0"]
    assert changed.target is not None and torch.equal(changed.target, plain.target.flip(0))
    assert torch.equal(changed.masks["camera"], plain.masks["camera"].flip(0))
    assert changed.depth is not None and torch.equal(changed.depth, plain.depth)
    batches = list(DataLoader(samples, batch_size=3, collate_fn=collate))
    assert batches[0].images.shape == (3, 1, 3, 6, 8) and len(batches[0].earlier) == 1
    few = replace(yard, labelled=1).build()
    assert sorted(few[key].labelled for key in few.keys) in ([False, False, True], [False, True, True])
    with pytest.raises(InputError, match="YardConfig: semantics_2d: expected a folder of prepared files"):
        replace(yard, needs=frozenset({"semantics_2d"})).build()
    with pytest.raises(InputError, match="cameras: expected a dataset with a rectified stereo pair, found YardConfig"):
        yard.stereo()


def test_prepared_files_of_ones_own(yard: YardConfig, tmp_path: Path) -> None:
    needs = frozenset({"target", "counts"})
    with pytest.raises(InputError, match="need of yard"):
        replace(yard, needs=needs).build()
    with pytest.raises(InputError, match="need with prepared files"):
        replace(yard, prepared={"counts": tmp_path}).build()
    kind = Evidence()
    prepared.register(kind)
    prepared.register(kind)
    with pytest.raises(InputError, match="prepared file counts: name: expected one that no other kind"):
        prepared.register(Evidence(lies_on="nothing"))
    with pytest.raises(InputError, match=r"counts: expected a folder of prepared files.*voxway prepare counts"):
        replace(yard, needs=needs).build()
    config = replace(yard, needs=needs, augment=FLIP_X).with_prepared("counts", tmp_path / "made")
    counts = np.random.default_rng(0).integers(0, 9, (2, *YARD.grid.shape))
    kind.write(kind.path(tmp_path / "made", "spring/0"), counts)
    samples = config.build()
    np.testing.assert_array_equal(samples["spring/0"].extras["counts"], counts)
    np.testing.assert_array_equal(samples.augmented("spring/0", 1).extras["counts"], counts[:, ::-1])
    assert collate([samples["spring/0"]]).need("counts").shape == (1, 2, *YARD.grid.shape)
    with pytest.raises(InputError, match=r"spring-1\.npy: file: expected present, found absent"):
        samples["spring/1"]


@pytest.mark.parametrize("lies_on", ["pixels", "nothing"])
def test_prepared_extras_move_with_what_they_lie_on(yard: YardConfig, tmp_path: Path, lies_on: LiesOn) -> None:
    kind = Evidence(need="mine", lies_on=lies_on)
    prepared.register(kind)
    ids = np.arange(12 * 16, dtype=np.uint8).reshape(1, 12, 16)
    kind.write(kind.path(tmp_path, "spring/0"), ids)
    augment = replace(FLIP_X, flip=1.0)
    config = replace(yard, needs=frozenset({"images", "mine"}), prepared={"mine": tmp_path}, augment=augment)
    moved = config.build().augmented("spring/0", 0).extras["mine"]
    np.testing.assert_array_equal(moved, ids[:, :, ::-1] if lies_on == "pixels" else ids)


@pytest.mark.usefixtures("annotations_unchecked")
def test_a_kind_that_lacks_a_part_is_refused() -> None:
    class Bare:
        need = "bare"

        def read(self, path: Path, task: Task, cameras: Cameras | None) -> Tensor:
            return torch.zeros(1)

    with pytest.raises(InputError, match="Bare: parts: expected need, lies_on, path, read and write, found need, read"):
        prepared.register(Bare())
    assert "bare" not in prepared.FORMATS


def test_a_frame_that_may_not_supervise_has_no_truth(yard: YardConfig) -> None:
    samples = replace(yard, labelled=1).build()
    hidden = next(key for key in samples.keys if not samples.labels.supervises(key))
    truth = samples.truth(hidden)
    assert not truth.labelled and (truth.classes == IGNORE).all() and truth.key == hidden

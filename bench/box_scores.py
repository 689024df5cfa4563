"""How well networks of the street see where they have never been: held-out streets, shifted ones, real KITTI frames.

    python bench/box_scores.py runs/box/model --world WORLD --held-out WORLD --shifted SHIFTED --real KITTI --out scores

Scored by what a network is shown (pictures, scans, both), in rings of distance, with the calibration of its confidence,
beside the class that each voxel has most often in a world's training streets. On real frames, whose truth is certain
where it counts, predictions are said on SemanticKITTI's grid in its classes. Nothing here is used for training; choose
networks by the shifted streets. `--beside` scores a network of another task on the same real frames.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
from curves import drawn
from jaxtyping import Bool, Float, UInt8
from torch import Tensor

from voxway.api.load import load
from voxway.api.model import Model
from voxway.api.score import score
from voxway.core.benchmark import Benchmark
from voxway.core.files import Json, write_json
from voxway.core.grid import VoxelGrid
from voxway.core.occupancy import Occupancy
from voxway.core.progress import tracked
from voxway.core.resample import ClassTable, at_centres, resampled
from voxway.core.result import Protocol, Result
from voxway.core.sample import Sample
from voxway.core.task import IGNORE, Task
from voxway.data.config import DataConfig
from voxway.data.drives.config import DrivesConfig
from voxway.data.semantickitti.config import SemanticKITTIConfig
from voxway.data.street import STREET, from_street, in_street, rise_m
from voxway.engine.baseline import most_frequent_class
from voxway.metrics.calibration import Calibration
from voxway.metrics.confusion import Confusion
from voxway.prepare.ready import ready

RINGS_M = (0.0, 10.0, 20.0, 35.0, 100.0)
"""Distances over the ground at which a ring ends and the next begins."""
SCANNED = ("00/000000", "03/000000", "08/000000", "08/000005")
"""Real frames with a scan."""
KINDS: dict[str, Callable[[Sample], Sample]] = {
    "pictures": lambda one: replace(one, points=None),
    "scan": lambda one: replace(one, images=None, cameras=None, depth=None),
    "both": lambda one: one,
}


@dataclass
class Scores:
    """What is counted of one network, shown one kind of thing."""

    benchmark: Benchmark
    rings: dict[str, Confusion] = field(default_factory=dict)
    in_view: Confusion | None = None
    """Of what lies in the pictures' view, behind other things or not; None where nobody is shown any."""
    classes: Calibration = field(default_factory=Calibration)
    """Of the probability of the class that is said."""
    occupied: Calibration = field(default_factory=Calibration)
    """Of the probability of what is said of whether there is anything."""

    def update(
        self,
        truth: Occupancy,
        said: Occupancy,
        sure: Float[Tensor, "2 x y z"] | None,
        view: Bool[Tensor, "x y z"] | None = None,
    ) -> None:
        """Count a frame.

        Args:
            truth: with the masks that count.
            said: on the same grid.
            sure: probability of the class, and of whether there is anything; None: nobody says.
            view: what lies in the pictures' view; None: there are no pictures.
        """
        for mask in self.benchmark.masks:
            truth = truth.where(mask)
        guess = torch.where(said.known, said.classes, self.benchmark.task.free)
        away = _distance(self.benchmark.task.grid)
        for near, far in [(0.0, RINGS_M[-1]), *pairwise(RINGS_M)]:
            ring = self.rings.setdefault(f"{near:g}..{far:g} m", Confusion(len(self.benchmark.classes)))
            ring.update(truth.classes, guess, ((away >= near) & (away < far)).expand(guess.shape))
        if view is not None:
            self.in_view = self.in_view or Confusion(len(self.benchmark.classes))
            self.in_view.update(truth.classes, guess, view)
        if sure is not None:
            counted, free = truth.known & said.known, self.benchmark.task.free
            right = guess == truth.classes
            self.classes.update(sure[0][counted], right[counted])
            self.occupied.update(sure[1][counted], ((guess == free) == (truth.classes == free))[counted])

    def results(self) -> dict[str, Result]:
        """By ring; the first is the whole grid."""
        return {name: self._result(counts) for name, counts in self.rings.items()}

    def to_json(self) -> dict[str, Json]:
        """IoU and mIoU, 0..1, by ring; calibration errors and curves; IoU of the classes over the whole grid."""
        found = self.results()
        whole = next(iter(found.values()))
        sure: dict[str, Json] = {}
        if self.classes.voxels.any():
            for name, counted in (("class", self.classes), ("occupied", self.occupied)):
                sure[name] = {"error": counted.error, "curve": list(counted.curve)}
        view = None if self.in_view is None else self._result(self.in_view)
        return {
            "frames": next(iter(self.rings.values())).samples,
            "view": None if view is None else {"iou": view.iou, "miou": view.miou},
            "rings": {name: {"iou": one.iou, "miou": one.miou} for name, one in found.items()},
            "scores": {name: value for name, value in whole.scores().items() if value == value},
            "calibration": sure,
        }

    def _result(self, counts: Confusion) -> Result:
        marks = Protocol(
            benchmark=self.benchmark.name,
            split="",
            samples=counts.samples,
            masks=self.benchmark.masks,
            absent=self.benchmark.absent,
        )
        return Result(task=self.benchmark.task, protocol=marks, confusion=counts.counts)


def _distance(grid: VoxelGrid) -> Float[Tensor, "x y 1"]:
    return grid.centres()[:, :, :1, :2].norm(dim=-1)


@dataclass(frozen=True)
class Place:
    """Frames that networks are tried on."""

    data: DataConfig
    dataset: str
    """Whose grid and classes the truth has; `own`: the street's."""
    street: Task = STREET
    """What networks say: the street's classes, on its grid or part of it. Beyond that nothing is scored."""

    def frames(self, kind: str) -> Iterator[tuple[Sample, Occupancy, Benchmark]]:
        """Samples of the street as a kind of input shows them, with the truth; those that lack it are left out."""
        samples, inside = self.data.build(), self._inside()
        for key in tracked(samples.keys, kind, len(samples), show=True):
            one = samples[key]
            if kind != "pictures" and (one.points is None or not len(one.points)):
                continue
            street = one if self.dataset == "own" else in_street(one, self.dataset)
            truth = samples.truth(key)
            truth = replace(truth, classes=torch.where(inside, truth.classes, IGNORE))
            yield KINDS[kind](replace(street, grid=self.street.grid)), truth, samples.benchmark

    def said(self, street: Occupancy, sure: Tensor | None) -> tuple[Occupancy, Tensor | None]:
        """A prediction of the street, and probabilities, as the truth is said."""
        if self.dataset == "own":
            return street, sure
        table, rise = self._table(), rise_m(self.dataset)
        if sure is not None:
            sure = at_centres(sure, self.street.grid, table.target.grid, rise)[0]
        return resampled(street, table, rise), sure

    def view(self, sample: Sample) -> Bool[Tensor, "x y z"] | None:
        """Which of the truth's voxels lie before a camera of the sample, and in its picture; None without any."""
        if sample.cameras is None:
            return None
        centres = self.street.grid.centres()
        pixels, depth = sample.cameras.project(centres.reshape(-1, 3))
        view = sample.cameras.visible(pixels, depth).any(0).view(centres.shape[:3])
        if self.dataset == "own":
            return view
        return at_centres(view, self.street.grid, self._table().target.grid, rise_m(self.dataset))[0]

    def _table(self) -> ClassTable:
        return replace(from_street(self.dataset), source=self.street)

    def _inside(self) -> Bool[Tensor, "x y z"]:
        """Where the truth's grid lies in the street's."""
        nothing = torch.zeros(self.street.grid.shape, dtype=torch.uint8)
        return self.said(Occupancy(task=self.street, classes=nothing, key=""), None)[0].known


def judged(model: Model, sample: Sample) -> tuple[Occupancy, Float[Tensor, "2 x y z"]]:
    """What a network says, with the probability of the class, and that of whether there is anything."""
    found = model.predict(sample)
    likely = found.probabilities
    free = likely[STREET.free]
    nothing = found.classes == STREET.free
    return replace(found, logits=None), torch.stack([likely.amax(0), torch.where(nothing, free, 1 - free)])


def scored(place: Place, model: Model | UInt8[Tensor, "x y z"], kind: str, pictures: Path | None) -> Scores | None:
    """Scores of a network, or of the same volume for every frame; None where no frame has that kind of input."""
    scores: Scores | None = None
    for sample, truth, benchmark in place.frames(kind):
        scores = scores or Scores(benchmark)
        if isinstance(model, Tensor):
            street, sure = Occupancy(task=place.street, classes=model, key=sample.key), None
        else:
            street, sure = judged(model, sample)
        said, sure = place.said(street, sure)
        scores.update(truth, said, sure, place.view(sample))
        if pictures is not None:
            _draw(pictures / f"{sample.key.replace('/', '-')}-{kind}.png", street, said, truth)
    return scores


def _draw(path: Path, street: Occupancy, said: Occupancy, truth: Occupancy) -> None:
    from voxway.api.occupancy import Occupancy as Shown

    path.parent.mkdir(parents=True, exist_ok=True)
    seen = Shown.of(said)
    if isinstance(street, Shown) and street.images is not None:
        seen = replace(seen, images=street.images, cameras=street.cameras)
    seen.where(truth.known | ~said.known).picture(path, truth=truth)


def places(options: argparse.Namespace) -> dict[str, Place]:
    """What was named."""
    needs = frozenset({"images", "points", "target"})
    found = {}
    for name in ("held_out", "shifted"):
        root = getattr(options, name)
        if root is not None:
            data = DrivesConfig(root=root, split="val", needs=needs)
            found[name.replace("_", " ")] = Place(data, "own")
    if options.real is not None:
        keys = tuple(path.stem.replace("_", "/") for path in sorted((options.real / "derived").glob("*.npz")))
        common = {"root": options.real, "targets": options.real / "derived"}
        pictures = SemanticKITTIConfig(keys=keys, needs=frozenset({"images", "target"}), **common)
        found["real"] = Place(pictures, "semantickitti")
        found["real, scanned"] = Place(replace(pictures, keys=SCANNED, needs=needs), "semantickitti")
    return found


def table(found: dict[str, dict[str, dict[str, dict[str, Json]]]]) -> str:
    """All scores as Markdown: IoU and mIoU in percent, then IoU by ring and in view, then calibration errors."""
    rings = [f"{near:g}-{far:g} m" for near, far in pairwise(RINGS_M)]
    heads = [
        "where",
        "who",
        "shown",
        "frames",
        "IoU",
        "mIoU",
        *(f"IoU {ring}" for ring in rings),
        "IoU in view",
        "ECE class",
        "ECE any",
    ]
    rows = [f"| {' | '.join(heads)} |", f"| {' | '.join('---' for _ in heads)} |"]
    for place, by_name in found.items():
        for name, by_kind in by_name.items():
            for kind, scores in by_kind.items():
                whole, *parts = scores["rings"].values()
                sure = scores["calibration"]
                errors = [f"{100 * sure[one]['error']:.1f}" if sure else "" for one in ("class", "occupied")]
                cells = [place, name, kind, str(scores["frames"]), f"{100 * whole['iou']:.1f}"]
                cells += [f"{100 * whole['miou']:.1f}", *(f"{100 * part['iou']:.1f}" for part in parts)]
                cells += [f"{100 * scores['view']['iou']:.1f}" if scores["view"] else "", *errors]
                rows.append(f"| {' | '.join(cells)} |")
    return "\n".join(rows)


def reliability(by_place: dict[str, dict[str, dict[str, dict[str, Json]]]], name: str) -> str:
    """How often a network is right about whether there is anything, by how sure it is: a drawing (SVG)."""
    bins = Calibration().bins
    columns = range(bins // 2, bins)
    lines: dict[str, list[float | None]] = {"as it says": [100 * (number + 0.5) / bins for number in columns]}
    for place, by_name in by_place.items():
        for kind, scores in by_name.get(name, {}).items():
            if kind in ("pictures", "both"):
                right = {
                    round(one["from"] * bins): 100 * one["right"] for one in scores["calibration"]["occupied"]["curve"]
                }
                lines[f"{place}: {kind}"] = [right.get(number) for number in columns]
    names = [f"{100 * number / bins:.0f} to {100 * (number + 1) / bins:.0f}" for number in columns]
    return drawn(lines, names, across="sure of whether there is anything, %", up="right, %", dashed={"as it says"})


def main() -> None:
    """Score everything named, print the table, keep it with the curves."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("models", type=Path, nargs="*", help="folders of trained networks of the street")
    options.add_argument("--world", type=Path, help="whose training streets give the most frequent classes")
    options.add_argument("--held-out", type=Path, help="a world, for its split val")
    options.add_argument("--shifted", type=Path, help="a world in the shifted style, for its split val")
    options.add_argument("--real", type=Path, help="folder with KITTI's sequences and `derived`")
    options.add_argument("--ring", type=Path, help="a nuScenes key frame's info.json, to draw what is seen there")
    options.add_argument("--beside", type=Path, nargs="*", default=[], help="networks of SemanticKITTI's task")
    options.add_argument("--out", type=Path, required=True, help="folder for table, curves and pictures")
    options.add_argument("--pictures", action="store_true", help="draw every real frame")
    chosen = options.parse_args()
    who: dict[str, Model | Tensor] = {str(folder): load(folder) for folder in chosen.models}
    if chosen.world is not None:
        seen = DrivesConfig(root=chosen.world, needs=frozenset({"target"})).build()
        who["most frequent class"] = most_frequent_class(seen, STREET)
    found: dict[str, dict[str, dict[str, dict[str, Json]]]] = {}
    for place, frames in places(chosen).items():
        kinds = {"real": ("pictures",), "real, scanned": ("scan", "both")}.get(place, tuple(KINDS))
        for number, (name, model) in enumerate(who.items()):
            for kind in kinds if isinstance(model, Model) else kinds[:1]:
                look = chosen.out / "pictures" / str(number) if chosen.pictures and "real" in place else None
                scores = scored(frames, model, kind, look)
                if scores is not None:
                    shown = kind if isinstance(model, Model) else "nothing"
                    found.setdefault(place, {}).setdefault(name, {})[shown] = scores.to_json()
                    write_json(chosen.out / "scores.json", found)
    for number, folder in enumerate(chosen.models if chosen.ring is not None else ()):
        ring(load(folder), chosen.ring, chosen.out / "pictures" / str(number))
    print(table(found))
    (chosen.out / "scores.md").write_text(table(found) + "\n")
    for number, folder in enumerate(chosen.models):
        (chosen.out / f"reliability-{number}.svg").write_text(reliability(found, str(folder)))
    for folder in chosen.beside:
        print(beside(load(folder), chosen.real, chosen.out))


def ring(model: Model, info: Path, out: Path) -> None:
    """Draw what is seen at a nuScenes key frame, through six cameras and with its scan; nobody has labelled it."""
    frame = json.loads(info.read_text())["sample"]
    cameras, lidar = list(frame["images"].values()), frame["lidar_points"]
    scan = np.fromfile(info.parent / lidar["lidar_path"], np.float32).reshape(-1, 5)
    T_ego_lidar = np.array(lidar["lidar2ego"])
    points = scan[:, :3] @ T_ego_lidar[:3, :3].T + T_ego_lidar[:3, 3]
    paths = [info.parent / camera["img_path"] for camera in cameras]
    seen = {"intrinsics": [camera["cam2img"] for camera in cameras], "poses": [camera["cam2ego"] for camera in cameras]}
    out.mkdir(parents=True, exist_ok=True)
    for kind, shown in (("pictures", None), ("both", points.astype(np.float32))):
        found = model.predict(paths, **seen, points=shown, key=f"ring {kind}")
        found.picture(out / f"ring-{kind}.png")
        found.picture(out / f"ring-{kind}-above.png", camera="above")


def beside(model: Model, real: Path, cache: Path) -> str:
    """The score of a network of SemanticKITTI's task on the real frames, in a line."""
    keys = tuple(path.stem.replace("_", "/") for path in sorted((real / "derived").glob("*.npz")))
    keys = SCANNED if {"points", "proposals"} & model.needs else keys
    assert isinstance(model.data, SemanticKITTIConfig)
    data = replace(model.data, root=real, keys=keys, partial=False, targets=real / "derived", augment=None)
    data = ready(replace(data, needs=model.needs), model.sources, cache=cache / "prepared", show=False)
    result = score(model, data, name=model.name, show=False)[0]
    return f"{model.name}, {len(keys)} real frames: IoU {100 * result.iou:.1f}, mIoU {100 * result.miou:.1f}"


if __name__ == "__main__":
    main()

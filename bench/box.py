"""Trains the network of the box in minutes on one machine, on a world that it writes first, and scores it there.

    python bench/box.py --out /tmp/box --minutes 8                                      on a GPU, with all cores
    python bench/box.py --out /tmp/box --recordings 8 --held-out 4 --drives 4 --steps 6   to see that it works
    python bench/box.py --out /tmp/box --minutes 8 --variants recipe group              two at once, to choose from

For every variant a folder of a trained network appears in the folder named by `--out`, weights in float16, with the
run's log and the scores on held-out streets by held-out rigs. Weights are written anew every minute while it trains: a
command that is killed leaves the last ones behind. With `--steps` the same command continues a run that was stopped;
with `--minutes` it begins another, since the number of steps follows from how fast the machine is. Every stage of the
recipe has as many steps.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from voxway.api.load import load
from voxway.api.score import score_predictor, voxel_metric
from voxway.api.train import train
from voxway.core.cores import available_cores
from voxway.core.errors import UserError
from voxway.core.files import read_json, write_json
from voxway.core.processes import Workers
from voxway.core.version import __version__
from voxway.data.drives.config import DrivesConfig
from voxway.data.drives.layout import DriveFiles, drives_of_split
from voxway.data.own.rig_file import read_rig
from voxway.engine.distributed import Group
from voxway.engine.evaluate import network_predictor
from voxway.engine.memory import keep_freed_memory, use_huge_pages
from voxway.engine.model_files import CONFIG, WEIGHTS, load_tensors, save_tensors
from voxway.prepare.class_counts import counting
from voxway.prepare.runner import run as run_job
from voxway.recipes.box import box_world, box_world_small
from voxway.recipes.recipe import Recipe, StagedRecipe
from voxway.world import generate
from voxway.world.layouts.rigs import rigs_world

VARIANTS: dict[str, Callable[[Path], StagedRecipe]] = {
    "recipe": box_world,
    "group": lambda root: _changed(box_world(root), norm="group"),
    "small": box_world_small,
}
"""What is trained: the recipe, whose backbone keeps ImageNet's statistics; group norms with the scales that ImageNet's
had; and the smallest network, for trying this."""
_PLACES = 6
"""Cameras of the largest rig."""
_PROBE = 60
"""Steps from whose second half the speed is measured."""
_SHARE = 0.93
"""Of the time that is left, for steps: their speed varies."""
_SCORING_S, _DELIVERY_S = 50.0, 45.0
"""Kept for scores at the end; between two deliveries of weights."""


def main() -> None:
    """Write the world, train all variants side by side, say what came out."""
    use_huge_pages()
    chosen = _options()
    if chosen.only:
        keep_freed_memory()
        train_variant(chosen)
        return
    began, processes = time.time(), chosen.processes
    config = replace(
        rigs_world(chosen.recordings, chosen.held_out, chosen.drives, chosen.seed), width_px=480, columns=1080
    )
    root = generate(_world(chosen), config, processes=processes)
    written = time.time()
    with Workers(processes, Count(root, processes)) as workers:
        for _ in workers.finish({number: number for number in range(processes)}):
            pass
    print(f"world: {written - began:.0f} s, classes counted: {time.time() - written:.0f} s", flush=True)
    deadline = began + 60 * chosen.minutes
    same = [one for one in sys.argv[1:] if one != "--variants" and one not in chosen.variants]
    readers = (processes - 1) // len(chosen.variants) - 1
    said = ["--until", str(deadline), "--readers", str(max(readers, 1 if processes > 2 else 0))]
    running = [subprocess.Popen([sys.executable, __file__, *same, *said, "--only", one]) for one in chosen.variants]
    sys.exit(max(abs(process.wait()) for process in running))


@dataclass(frozen=True)
class Count:
    """Counts the classes of a share of the frames, so that training finds them counted."""

    root: Path
    shards: int

    def __call__(self, shard: int) -> None:
        samples = DrivesConfig(root=self.root, needs=frozenset({"target"})).build()
        run_job(
            counting(samples, self.root / "class_counts" / "all"), shard=(shard, self.shards), show=False, remake=True
        )


def train_variant(chosen: argparse.Namespace) -> None:
    """Train one variant until it is time, and score it."""
    device = "cuda" if chosen.device == "auto" and torch.cuda.is_available() else "cpu"
    device = device if chosen.device == "auto" else chosen.device
    torch.backends.cudnn.benchmark = True
    group, name, out = Group(device=torch.device(device)), chosen.only, chosen.out / chosen.only
    recipe = _recipe(chosen, together=device != "cpu")
    seconds = 0.0
    if chosen.steps:
        steps = chosen.steps
    else:
        seconds = sum(
            _speed(one, chosen.work / "probes" / f"{name}-{os.getpid()}-{stage}", group)
            for stage, one in recipe.stages.items()
        )
        left = chosen.until - time.time() - _SCORING_S
        steps = int(_SHARE * left / seconds)
        if steps < _PROBE:
            sys.exit(f"{name}: {left:.0f} s are left for steps of {seconds:.2f} s: give it more --minutes")
    print(f"{name}: {steps} steps of {chosen.batch} on {device}, {seconds:.3f} s for one of each stage", flush=True)
    stages = {stage: replace(one, train=replace(one.train, steps=steps)) for stage, one in recipe.stages.items()}
    folder, done = chosen.work / "runs" / f"{name}-{steps}", threading.Event()
    last = folder / f"stage-{len(stages)}-{list(stages)[-1]}"
    threading.Thread(target=_deliver_often, args=(last, out, done), daemon=True).start()
    late = threading.Timer(chosen.until - _SCORING_S - time.time(), os.kill, (os.getpid(), signal.SIGINT))
    late.daemon = True
    if not chosen.steps:
        late.start()
    began = time.time()
    with suppress(KeyboardInterrupt):
        called = "box-world-small" if name == "small" else "box-world"
        train(StagedRecipe(stages=stages), folder, called, group=group, show=sys.stderr.isatty())
    late.cancel()
    done.set()
    trained = time.time() - began
    reached = deliver(last, out)
    facts = {"variant": name, "device": _device_name(device), "seconds": trained, "steps": reached, "planned": steps}
    facts |= {"batch": chosen.batch, "world": read_json(_world(chosen) / "world.json", "")}
    write_json(out / "result.json", {**facts, "scores": scores(out, _world(chosen), group)})
    print(f"{name}: {reached} steps in {trained:.0f} s; {out}", flush=True)


def scores(model: Path, root: Path, group: Group) -> dict[str, dict[str, float]]:
    """IoU, mIoU and so on of a network on the held-out drives of a world, by what it is shown; shares, 0..1.

    Where LiDAR is shown, or left out beside it, only drives with a LiDAR count.
    """
    network = load(model, group.device).network
    drives = drives_of_split(root, "val")
    with_lidar = tuple(name for name in drives if read_rig(DriveFiles(root, name).rig).lidars)
    data = DrivesConfig(root=root, split="val", image_px=(256, 480), needs=frozenset({"images", "points", "target"}))
    kinds = {"all drives, images": replace(data, lidars=False)}
    if with_lidar:
        own = replace(data, drives=with_lidar)
        kinds |= {
            "images": replace(own, lidars=False),
            "points": replace(own, needs=own.needs - {"images"}),
            "both": own,
        }
    found = {}
    for kind, shown in kinds.items():
        result = score_predictor(
            network_predictor(network), shown, {}, metric=voxel_metric, group=group, show=sys.stderr.isatty()
        )[0]
        found[kind] = {name: value for name, value in result.scores().items() if value == value}
        print(f"{model.name}, {kind}: IoU {100 * result.iou:.1f}, mIoU {100 * result.miou:.1f}", flush=True)
    return found


def deliver(run: Path, out: Path) -> int:
    """Write a run's averaged weights as float16, from its newest checkpoint, with its description and log.

    Returns:
        steps that they have seen.
    """
    newest = max((run / "checkpoints").glob("step-*"))
    said = read_json(run / "run.json", "")
    facts = {key: value for key, value in said.items() if key not in ("train", "method")}
    steps = read_json(newest / "state.json", "")["step"]
    weights = load_tensors(newest / "average.safetensors")
    out.mkdir(parents=True, exist_ok=True)
    described = {**said["method"], "pretrained": False}
    write_json(
        out / CONFIG,
        {"voxway": __version__, "method": "box", "config": described, "facts": {**facts, "ema": True, "steps": steps}},
    )
    save_tensors(out / WEIGHTS, {n: t.half() if t.is_floating_point() else t for n, t in weights.items()})
    (out / "log.jsonl").write_bytes((run / "log.jsonl").read_bytes())
    return steps


def _deliver_often(run: Path, out: Path, done: threading.Event) -> None:
    while not done.wait(_DELIVERY_S):
        # A checkpoint that is not there yet, or is removed meanwhile: the next one will do.
        with suppress(UserError, OSError, ValueError, KeyError):
            deliver(run, out)


def _speed(recipe: Recipe, folder: Path, group: Group) -> float:
    """Seconds of a step, after those that compile, fill queues and wait for processes to start."""
    probe = replace(recipe.train, steps=_PROBE, log_every=10, checkpoint_every=_PROBE)
    train(replace(recipe, train=probe), folder, folder.name, group=group, show=False)
    lines = [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]
    late = [line["seconds"] for line in lines if line["step"] > _PROBE / 2]
    return sum(late) / len(late)


def _recipe(chosen: argparse.Namespace, together: bool) -> StagedRecipe:
    """The variant's stages for as much time as there is.

    Args:
        chosen: what was asked for.
        together: whether a batch passes through at once, room for the largest rig in every sample, which keeps a GPU
            busy; a processor looks at cameras that there are.
    """
    recipe = VARIANTS[chosen.only](_world(chosen))
    stages = {name: one for name, one in recipe.stages.items() if name in (chosen.stages or recipe.stages)}
    return StagedRecipe(
        stages={
            name: replace(
                one,
                data=replace(one.data, camera_places=_PLACES if together else None),
                train=replace(
                    one.train,
                    batch=chosen.batch,
                    micro_batch=chosen.batch if together else 1,
                    learning_rate=chosen.rate or one.train.learning_rate,
                    workers=chosen.readers,
                    checkpoint_every=100,
                    average_decay=0.998,
                    schedule=replace(one.train.schedule, warmup_steps=100),
                ),
                start=chosen.start if name == next(iter(stages)) else None,
            )
            for name, one in stages.items()
        }
    )


def _changed(recipe: StagedRecipe, **settings: object) -> StagedRecipe:
    stages = {name: replace(one, method=replace(one.method, **settings)) for name, one in recipe.stages.items()}
    return StagedRecipe(stages=stages)


def _world(chosen: argparse.Namespace) -> Path:
    return chosen.work / f"rigs-{chosen.recordings}-{chosen.held_out}-{chosen.drives}-{chosen.seed}"


def _device_name(device: str) -> str:
    name = torch.cuda.get_device_name() if device.startswith("cuda") else "CPU"
    return f"{name}, {available_cores()} cores, PyTorch {torch.__version__}"


def _options() -> argparse.Namespace:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--out", type=Path, required=True, help="folder of what is to be kept: weights, scores, logs")
    options.add_argument("--work", type=Path, default=Path("/tmp/voxway-box"), help="folder of worlds and runs")
    options.add_argument("--minutes", type=float, default=8.0, help="of the whole command; steps follow from them")
    options.add_argument("--steps", type=int, default=0, help="as many steps, however long they take")
    options.add_argument("--recordings", type=int, default=500, help="to train on")
    options.add_argument("--held-out", type=int, default=40, help="recordings to score")
    options.add_argument("--drives", type=int, default=125, help="streets and rigs; a quarter as many are held out")
    options.add_argument("--seed", type=int, default=0)
    options.add_argument("--variants", nargs="+", choices=list(VARIANTS), default=["recipe"])
    options.add_argument("--batch", type=int, default=8)
    options.add_argument("--rate", type=float, help="full learning rate; the recipe's if not given")
    options.add_argument("--stages", nargs="+", choices=("camera", "all"), help="of the recipe; all if not given")
    options.add_argument("--start", type=Path, help="folder of a trained network to begin with")
    options.add_argument("--device", default="auto")
    options.add_argument("--processes", type=int, default=available_cores())
    options.add_argument("--only", choices=list(VARIANTS), help=argparse.SUPPRESS)
    options.add_argument("--until", type=float, default=0.0, help=argparse.SUPPRESS)
    options.add_argument("--readers", type=int, default=0, help=argparse.SUPPRESS)
    return options.parse_args()


if __name__ == "__main__":
    main()

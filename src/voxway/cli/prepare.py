"""Make what training reads from raw data. Resumable: files that exist are kept. Divisible: --shard 0/8 ... 7/8; --ray.

  proposals   query files from LiDAR or a stereo pair
  truth       voxel files (.label .bin .invalid .occluded) from labelled scans and poses
  targets     SS/FFFFFF_1_k.npy at scales k = 1, 2, 4, 8 from voxel files
  pseudo      SS/voxels/FFFFFF.pseudo from depth, ten frames put together: what `voxway train qpn` learns from
  queries     query files from pseudo points by a network that `voxway train qpn` made
  occupancy   voxel labels from LiDAR scans and poses alone, of any rig: `voxway prepare occupancy --help`
  evidence    where LiDAR's rays pass and where they end, from scans alone: what supervises voxels without labels
  pseudo-labels  classes of pixels SS/FFFFFF.png: by foundation networks, the merged map with the primary one in
              primary/ (--source models), or of a synthetic world, with the errors that networks make (--source world)
  teacher     what a teacher says of every frame, for students: `voxway train --teacher OUT`. Voxel features of a
              trained network (--model), or what the teacher of a recipe says, such as LSeg's features (--recipe)

examples:
  voxway prepare proposals --root KITTI --source stereo --out queries
  voxway prepare truth --root my_scans --sequences 00 --out my_scans --shard 0/8
  voxway prepare targets --root KITTI --split train --out labels
  voxway prepare pseudo --root KITTI --split val --out pseudo --depth depth
  voxway prepare pseudo --root KITTI --source stored --depth msnet3d --out sequences_msnet3d_sweep10
  voxway prepare pseudo --root KITTI --source transformers --depth-model models/depth-anything-v2-metric --out pseudo
  voxway prepare queries --root KITTI --model runs/qpn/model --pseudo pseudo --out queries
  voxway prepare teacher --root KITTI --model runs/teacher/model --proposals queries --out features
  voxway prepare teacher --root KITTI --recipe vlscene --set teacher.weights=demo_e200.ckpt --out language --shard 0/8
  voxway prepare evidence --root KITTI --split train --sweeps 3 --out evidence
  voxway prepare evidence --root KITTI --split train --out evidence --ray 2
  voxway prepare pseudo-labels --root world --source world --out labels
  voxway prepare pseudo-labels --root KITTI --source models --segmenter models/mask2former --device cuda --out labels
  voxway prepare pseudo-labels --root KITTI --source models --segmenter m2f --detector dino --mask-model sam2 --out ids
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import tyro

from voxway.cli.options import (
    Benchmark,
    Device,
    Keys,
    Out,
    Proposals,
    Root,
    Sequences,
    Split,
    dataset_config,
)
from voxway.core.errors import InputError
from voxway.data.registry import DEFAULT

if TYPE_CHECKING:
    from voxway.data.job import Job, JobOptions

Folder = Annotated[Path | None, tyro.conf.arg(metavar="DIR")]


@dataclass(frozen=True, kw_only=True)
class Options:
    """Prepare data."""

    what: tyro.conf.Positional[str]
    """What to make; a wrong name is answered with the list."""
    root: Root
    benchmark: Benchmark = DEFAULT
    out: Out
    """Folder to write to; for truth, the folder that holds sequences/."""
    split: Split = "train"
    """Which split."""
    sequences: Sequences = ()
    keys: Keys = ()
    source: str | None = None
    """What proposals (lidar, stereo), pseudo points (stereo, stored, transformers; the first if none is named) or
    pseudo-labels (models, world) are made from."""
    sweeps: int | None = None
    """Frames put together; beyond one needs poses.txt. Proposals from LiDAR: 1 unless given; pseudo points: 10."""
    depth: Folder = None
    """Depths SS/FFFFFF.npy, float32 metres: read if stored, else kept (in OUT/depth/SOURCE)."""
    depth_model: str | None = None
    """For transformers: folder of a metric depth network, or hf:owner/name to fetch it from the Hugging Face hub."""
    depth_scale: float = 1.0
    """What depths of pseudo points are multiplied with."""
    segmenter: str | None = None
    """For pseudo-labels by models: folder of a network of universal segmentation (MaskFormer, Mask2Former, OneFormer),
    or hf:owner/name to fetch it."""
    detector: str | None = None
    """The same of one that finds what phrases say (Grounding DINO), for classes that the segmenter does not know."""
    mask_model: str | None = None
    """The same of one that cuts out what the detector's boxes hold (SAM 2)."""
    table: Folder = None
    """File that tells what classes and phrases of these networks become; the dataset's own unless given."""
    precision: Literal["float32", "bfloat16", "float16"] = "float32"
    """Of these networks' products; the shorter ones on GPUs alone."""
    model: Folder = None
    """For queries: folder of the trained proposal network; for teacher: of the teacher."""
    recipe: str | None = None
    """For teacher: the recipe whose teacher is asked, about the frames that the recipe trains on."""
    set: Annotated[tuple[str, ...], tyro.conf.arg(metavar="NAME=VALUE", help="Settings of that recipe.")] = ()
    proposals: Proposals = None
    pseudo: Folder = None
    """For queries: folder of the pseudo points."""
    scans: int = 70
    """Scans after the key scan that voxel truth is built from."""
    shard: str = "0/1"
    """i/N: do every N-th frame, beginning with the i-th."""
    ray: int | None = None
    """Let so many workers of Ray share the work (extra cluster), each with a GPU of its own if the device is cuda: on
    the cluster that RAY_ADDRESS names, else on this machine."""
    ray_cpus: int = 1
    """CPUs of each of these workers."""
    device: Device = "cpu"


def run(options: Options) -> None:
    """Make the files."""
    from voxway.engine.distributed import process_group
    from voxway.prepare.runner import parse_shard, run

    shard = parse_shard(options.shard)
    if options.sweeps is not None and options.sweeps < 1:
        raise InputError(
            file="prepare",
            field="--sweeps",
            expected="at least 1",
            found=options.sweeps,
            remedy="See `voxway prepare --help` for examples.",
        )
    if options.ray is not None:
        from voxway.prepare.cluster import run_on_ray, wants_gpu

        gpu = wants_gpu(options.device)
        build = partial(_job, options, _settings(options, "cuda" if gpu else "cpu"))
        made, remark = run_on_ray(build, workers=options.ray, cpus=options.ray_cpus, gpu=gpu, shard=shard)
    else:
        with process_group(options.device) as group:
            job = _job(options, _settings(options, str(group.device)))
            made = run(job, shard=shard)
        remark = job.remark()
    print(f"{made} files made in {options.out}")
    if remark:
        print(remark)


def _settings(options: Options, device: str) -> JobOptions:
    from voxway.data.job import JobOptions

    return JobOptions(
        source=options.source,
        sweeps=options.sweeps,
        scans=options.scans,
        depth=options.depth,
        depth_model=options.depth_model,
        depth_scale=options.depth_scale,
        model=options.model,
        segmenter=options.segmenter,
        detector=options.detector,
        mask_model=options.mask_model,
        table=options.table,
        precision=options.precision,
        device=device,
    )


def _job(options: Options, settings: JobOptions) -> Job:
    """What there is to make: files of the dataset's own layout, prepared files of any, or a teacher's features."""
    from voxway.core.errors import nearest
    from voxway.core.registry import loaded
    from voxway.data.registry import dataset
    from voxway.prepare import makers

    jobs = dataset(options.benchmark).jobs
    what = {"queries": "proposals", "pseudo-labels": "pseudo_labels"}.get(options.what, options.what)
    if options.what == "teacher":
        return _teacher(options, settings) if options.recipe is None else _said(options, settings)
    if what not in (*makers.MAKERS, *jobs):
        known = [need.replace("_", "-") for need in makers.MAKERS]
        raise nearest(options.what, [*known, *jobs, "occupancy", "queries", "teacher"], "prepare: job")
    # Makers say themselves what they read; a frame that lacks it is an error, as somebody waits for its file.
    needs = frozenset({"target"} if what == "targets" else ())
    data = dataset_config(options.benchmark, options.root, needs, options.split, options.keys, options.sequences)
    if what in jobs:
        return loaded(jobs[what])(data, options.out, settings)
    if options.pseudo is not None:
        data = data.with_prepared("pseudo", options.pseudo)
    if options.what == "queries":
        settings = replace(settings, source="network")
    elif options.what == "proposals" and settings.source is None:
        settings = replace(settings, source="lidar")
    return makers.job(what, data, options.out, settings)


def _teacher(options: Options, settings: JobOptions) -> Job:
    from voxway.api.data import select, with_origin
    from voxway.api.load import load
    from voxway.prepare.ready import ready
    from voxway.prepare.teacher import teacher_folder, teacher_job

    model = load(teacher_folder(settings))
    data = select(replace(model.data, root=options.root), options.split, options.keys, options.sequences)
    data, sources = with_origin(data, model.sources, "proposals", options.proposals)
    return teacher_job(ready(data, sources, options.out), options.out, settings)


def _said(options: Options, settings: JobOptions) -> Job:
    from voxway.api.data import select
    from voxway.cli.options import overridden
    from voxway.prepare.ready import ready
    from voxway.prepare.said import said_job
    from voxway.recipes import recipe
    from voxway.recipes.recipe import Recipe

    chosen = recipe(options.recipe or "", options.root)
    if not isinstance(chosen, Recipe) or chosen.teacher is None:
        raise InputError(
            file="prepare",
            field="--recipe",
            expected="a recipe with a teacher",
            found=options.recipe,
            remedy="Name another recipe, or a network with --model.",
        )
    chosen = overridden(chosen, options.set)
    assert chosen.teacher is not None
    teacher = chosen.teacher.build(settings.device)
    data = select(replace(chosen.data, needs=teacher.inputs), options.split, options.keys, options.sequences)
    return said_job(teacher, ready(data, chosen.sources, options.out), options.out, settings.device)

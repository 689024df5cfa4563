"""Make what training reads from raw data. Resumable: files that exist are kept. Divisible: --shard 0/8 ... 7/8.

  proposals   query files from LiDAR or a stereo pair
  truth       voxel files (.label .bin .invalid .occluded) from labelled scans and poses
  targets     SS/FFFFFF_1_k.npy at scales k = 1, 2, 4, 8 from voxel files
  pseudo      SS/voxels/FFFFFF.pseudo from depth, ten frames put together: what `voxway train qpn` learns from
  queries     query files from pseudo points by a network that `voxway train qpn` made
  teacher     voxel features of a trained network, for students: `voxway train --teacher OUT`

examples:
  voxway prepare proposals --root KITTI --source stereo --out queries
  voxway prepare truth --root my_scans --sequences 00 --out my_scans --shard 0/8
  voxway prepare targets --root KITTI --split train --out labels
  voxway prepare pseudo --root KITTI --split val --out pseudo --depth depth
  voxway prepare pseudo --root KITTI --source stored --depth msnet3d --out sequences_msnet3d_sweep10
  voxway prepare pseudo --root KITTI --source transformers --depth-model models/depth-anything-v2-metric --out pseudo
  voxway prepare queries --root KITTI --model runs/qpn/model --pseudo pseudo --out queries
  voxway prepare teacher --root KITTI --model runs/teacher/model --proposals queries --out features
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import tyro

from voxway.cli.options import Device, Keys, Out, Proposals, Root, Split, select, with_proposals
from voxway.core.errors import InputError

if TYPE_CHECKING:
    from voxway.data.semantickitti.reader import SemanticKITTIConfig
    from voxway.prepare.depth import DepthSource

Folder = Annotated[Path | None, tyro.conf.arg(metavar="DIR")]


@dataclass(frozen=True, kw_only=True)
class Options:
    """Prepare data."""

    what: tyro.conf.Positional[Literal["proposals", "truth", "targets", "pseudo", "queries", "teacher"]]
    """What to make."""
    root: Root
    out: Out
    """Folder to write to; for truth, the folder that holds sequences/."""
    split: Split = "train"
    """Which split."""
    sequences: tuple[str, ...] = ()
    """Sequences, instead of the split's."""
    keys: Keys = ()
    source: Literal["lidar", "stereo", "stored", "transformers"] | None = None
    """What proposals (lidar, stereo) or pseudo points (stereo, stored, transformers) are made from; the first if none
    is named."""
    sweeps: int | None = None
    """Frames put together; beyond one needs poses.txt. Proposals from LiDAR: 1 unless given; pseudo points: 10."""
    depth: Folder = None
    """Depths SS/FFFFFF.npy, float32 metres: read if stored, else kept (in OUT/depth, or OUT/depth_transformers)."""
    depth_model: str | None = None
    """For transformers: folder of a metric depth network, or hf:owner/name to fetch it from the Hugging Face hub."""
    depth_scale: float = 1.0
    """What depths of pseudo points are multiplied with."""
    model: Folder = None
    """For queries: folder of the trained proposal network; for teacher: of the teacher."""
    proposals: Proposals = None
    pseudo: Folder = None
    """For queries: folder of the pseudo points."""
    scans: int = 70
    """Scans after the key scan that voxel truth is built from."""
    shard: str = "0/1"
    """i/N: do every N-th frame, beginning with the i-th."""
    device: Device = "cpu"


def run(options: Options) -> None:
    """Make the files."""
    from voxway.data.semantickitti.reader import SemanticKITTIConfig
    from voxway.prepare.proposals import prepare_proposals
    from voxway.prepare.runner import parse_shard
    from voxway.prepare.voxels import prepare_targets, prepare_truth

    shard = parse_shard(options.shard)
    data = SemanticKITTIConfig(
        root=options.root,
        split=options.split,
        sequences=options.sequences,
        keys=options.keys,
        partial=True,
        needs=frozenset({"points"} if options.what != "targets" else {"target"}),
    )
    if options.sweeps is not None and options.sweeps < 1:
        raise _misfit("--sweeps", "at least 1", options.sweeps)
    if options.what == "proposals":
        source = options.source or "lidar"
        if source not in ("lidar", "stereo"):
            raise _misfit("--source", "lidar or stereo for proposals", source)
        made = prepare_proposals(data, options.out, source, sweeps=options.sweeps or 1, shard=shard)
    elif options.what == "truth":
        made = prepare_truth(data, options.out, scans=options.scans, shard=shard)
    elif options.what == "targets":
        made = prepare_targets(data, options.out, shard=shard)
    elif options.what == "pseudo":
        made = _pseudo(options, data, shard)
    elif options.what == "queries":
        made = _queries(options, data, shard)
    else:
        made = _teacher(options, shard)
    print(f"{made} files made in {options.out}")


def _pseudo(options: Options, data: SemanticKITTIConfig, shard: tuple[int, int]) -> int:
    from voxway.prepare.depth_scale import CheckedDepth
    from voxway.prepare.pseudo import SWEEPS, prepare_pseudo

    if not 0 < options.depth_scale < float("inf"):
        raise _misfit("--depth-scale", "a positive number", options.depth_scale)
    depth = CheckedDepth(_depth_source(options), options.root, options.depth_scale)
    return prepare_pseudo(data, options.out, depth, sweeps=options.sweeps or SWEEPS, shard=shard)


def _depth_source(options: Options) -> DepthSource:
    from voxway.prepare.depth import StereoDepth, StoredDepth
    from voxway.prepare.depth_model import ModelDepth, load_depth_model

    source = options.source or "stereo"
    if source == "stored" and options.depth is not None:
        return StoredDepth(options.root, options.depth)
    if source == "stereo":
        return StereoDepth(options.root, options.depth or options.out / "depth")
    if source == "transformers" and options.depth_model is not None:
        model = load_depth_model(options.depth_model, options.device)
        return ModelDepth(options.root, options.depth or options.out / "depth_transformers", model)
    if source == "stored":
        raise _misfit("--depth", "the folder of stored depths", "none")
    if source == "transformers":
        raise _misfit("--depth-model", "the folder of a depth network", "none")
    raise _misfit("--source", "stereo, stored or transformers for pseudo points", source)


def _queries(options: Options, data: SemanticKITTIConfig, shard: tuple[int, int]) -> int:
    from dataclasses import replace

    from voxway.engine.distributed import process_group
    from voxway.prepare.queries import prepare_queries

    if options.model is None or options.pseudo is None:
        found = " and ".join(f"no --{name}" for name in ("model", "pseudo") if getattr(options, name) is None)
        raise _misfit("--model, --pseudo", "folders of the network and of the pseudo points", found)
    data = replace(data, pseudo=options.pseudo)
    with process_group(options.device) as group:
        return prepare_queries(data, options.out, options.model, device=group.device, shard=shard)


def _teacher(options: Options, shard: tuple[int, int]) -> int:
    from voxway.engine.distributed import process_group
    from voxway.prepare.teacher import prepare_teacher
    from voxway.recipes.run import ready
    from voxway.recipes.score import load_trained

    if options.model is None:
        raise _misfit("--model", "the folder of the teacher", "none")
    with process_group(options.device) as group:
        trained = load_trained(options.model, options.root)
        data = select(trained.data, options.split, options.keys, options.sequences)
        data, source = with_proposals(data, trained.proposals, options.proposals)
        data = ready(data, source, options.out, group)
        return prepare_teacher(data, options.out, options.model, device=group.device, shard=shard)


def _misfit(field: str, expected: object, found: object) -> InputError:
    remedy = "See `voxway prepare --help` for examples."
    return InputError(file="prepare", field=field, expected=expected, found=found, remedy=remedy)

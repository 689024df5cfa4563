"""What a recipe consists of, and the steps that every run takes with it."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from torch import nn

from voxway.core.config import from_json, to_json
from voxway.core.errors import InputError
from voxway.core.result import Protocol, Result
from voxway.data.semantickitti.reader import SemanticKITTI, SemanticKITTIConfig
from voxway.engine.distributed import Group
from voxway.engine.evaluate import Predictor, evaluate, network_predictor
from voxway.engine.model_files import CONFIG, fingerprint, load_model, read_description
from voxway.engine.train import TrainConfig, train
from voxway.methods.qpn import QPNConfig
from voxway.metrics.semantickitti import SemanticKITTIMetric
from voxway.prepare.depth import StereoDepth
from voxway.prepare.proposals import Source, prepare_proposals
from voxway.prepare.pseudo import prepare_pseudo

logger = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """One complete run: what is trained, on what, how."""

    method: Any
    """Configuration of the method."""
    data: SemanticKITTIConfig
    """Training frames."""
    train: TrainConfig
    """Optimisation."""
    proposals: Source | None = None
    """What query proposals are made from if none are stored. None: they are stored."""


def run_recipe(
    chosen: Recipe,
    folder: Path,
    name: str,
    *,
    cache: Path | None = None,
    group: Group | None = None,
    show: bool = True,
) -> Path:
    """Prepare what is missing, train, and return the folder of the trained network.

    Args:
        chosen: what to run.
        folder: of the run.
        name: the recipe's name, for the records.
        cache: where proposals and pseudo points are kept; None keeps them beside the data.
        group: the processes that share the work.
        show: draw progress bars.

    Raises:
        InputError: a proposal network is to be scored like one that predicts classes.
    """
    group = group or Group()
    if chosen.train.evaluate_every and isinstance(chosen.method, QPNConfig):
        raise InputError(
            file=f"recipe {name}",
            field="train.evaluate_every",
            expected="0, as proposals are not scored by the benchmark",
            found=chosen.train.evaluate_every,
            remedy="Score the network that reads the proposals.",
        )
    data = ready(chosen.data, chosen.proposals, cache, group, show)
    about = {"recipe": name, "data": to_json(chosen.data), "proposals": chosen.proposals}
    validate = None
    if chosen.train.evaluate_every:
        held_out = replace(chosen.data, split="val")
        held_out = ready(held_out, chosen.proposals, cache, group, show)

        def score(network: nn.Module) -> Result:
            return score_predictor(network_predictor(network), held_out, chosen.proposals, group=group, show=show)[0]

        validate = score
    return train(
        chosen.train, chosen.method, data.build(), folder, group=group, validate=validate, about=about, show=show
    )


def ready(
    data: SemanticKITTIConfig,
    source: Source | None,
    cache: Path | None = None,
    group: Group | None = None,
    show: bool = True,
) -> SemanticKITTIConfig:
    """The data's configuration with proposals or pseudo points in place.

    Those that are not stored are made, pseudo points from stereo, and kept in `cache`.

    Raises:
        InputError: what they are made from is missing or damaged.
    """
    group, place = group or Group(), cache or Path(data.root)
    if "pseudo" in data.needs and data.pseudo is None:
        folder, depth = place / "pseudo" / "stereo", StereoDepth(data.root, place / "depth" / "stereo")
        prepare_pseudo(data, folder, depth, shard=(group.rank, group.size), show=show and group.leads)
        group.wait()
        data = replace(data, pseudo=folder)
    if "proposals" not in data.needs or data.proposals is not None:
        return data
    if source is None:
        raise InputError(
            file=data.root,
            field="proposals",
            expected="a folder of proposals, or where to make them from",
            found="neither",
            remedy="Pass --proposals lidar, --proposals stereo, or --proposals FOLDER.",
        )
    folder = place / "proposals" / source
    prepare_proposals(data, folder, source, shard=(group.rank, group.size), show=show and group.leads)
    group.wait()
    return replace(data, proposals=folder)


def score_predictor(
    predict: Predictor,
    data: SemanticKITTIConfig,
    source: Source | None,
    *,
    name: str = "",
    ema: bool = False,
    checkpoint: str = "",
    group: Group | None = None,
    show: bool = True,
) -> list[Result]:
    """Score a predictor by SemanticKITTI's protocol; the whole grid first, then the near ranges."""
    proposals = f"proposals:{source or data.proposals_tag}"
    inputs = [proposals if need == "proposals" else need for need in sorted(data.needs & {"images", "proposals"})]
    protocol = Protocol(
        benchmark="semantickitti",
        split=_split_name(data),
        samples=0,
        masks=(),
        inputs=tuple(inputs),
        frames=1 + len(data.earlier),
        ema=ema,
        checkpoint=checkpoint,
    )
    samples: SemanticKITTI = replace(data, needs=data.needs | {"target"}).build()
    return evaluate(predict, samples, SemanticKITTIMetric(), protocol, name=name, group=group, show=show)


def _split_name(data: SemanticKITTIConfig) -> str:
    """The split, and what else says which frames and whose truth were scored."""
    parts = [",".join(data.keys) or ",".join(data.sequences) or data.split]
    if data.targets is not None:
        parts.append(data.targets_field)
    if (Path(data.root) / "world.json").exists():
        parts.append("world")
    return " ".join(parts)


def trained_data(folder: Path, root: Path) -> tuple[SemanticKITTIConfig, Source | None]:
    """The data that a network was trained on, to be read from `root` now; for a converted network, the plain benchmark.

    Raises:
        InputError: the network's description is damaged, or it predicts proposals and no classes.
    """
    description = read_description(folder)
    if description["method"] == "qpn":
        raise InputError(
            file=folder / CONFIG,
            field="method",
            expected="a network that predicts classes",
            found="qpn, which predicts proposals",
            remedy="Use it with `voxway prepare queries`, and name its queries with --proposals.",
        )
    facts = description["facts"]
    if "data" not in facts:
        return SemanticKITTIConfig(root=root, needs=frozenset({"images", "proposals", "target"})), None
    data = from_json(SemanticKITTIConfig, facts["data"], folder / CONFIG)
    return replace(data, root=root), facts["proposals"]


def load_predictor(folder: Path, group: Group | None = None) -> tuple[Predictor, bool, str]:
    """A network's predictor, whether its weights are averaged, and their fingerprint."""
    network = load_model(folder, (group or Group()).device)
    return network_predictor(network), bool(read_description(folder)["facts"].get("ema")), fingerprint(folder)

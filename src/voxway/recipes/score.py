"""Scoring trained networks on the data that they were made for."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from voxway.core.config import from_json
from voxway.core.errors import InputError
from voxway.core.result import Protocol, Result
from voxway.data.semantickitti.reader import SemanticKITTI, SemanticKITTIConfig
from voxway.engine.distributed import Group
from voxway.engine.evaluate import Predictor, evaluate, network_predictor
from voxway.engine.model_files import CONFIG, fingerprint, load_model, read_description
from voxway.metrics.semantickitti import SemanticKITTIMetric
from voxway.prepare.proposals import Source


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

"""What is known about an exported file: shown, and kept beside it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field

from voxway.export.parity import Parity, Speed


@dataclass(frozen=True, kw_only=True)
class ExportReport:
    """What an exported file holds, and how it compares with its network."""

    file: str
    precision: str
    opset: int
    size_mb: float
    inputs: Mapping[str, str]
    """Type and shape by name."""
    outputs: Mapping[str, str]
    operators: Mapping[str, int]
    """How often each occurs; all are of the ONNX standard."""
    compared_on: str
    """Where the frames came from."""
    parity: Parity
    """Against the network in float32."""
    speed: Speed
    machine: str
    miou: Mapping[str, float] = field(default_factory=dict)
    """mIoU (0..1) on the compared frames, of the ``"network"`` and of the ``"file"``; empty without labels."""
    facts: Mapping[str, object] = field(default_factory=dict)
    """What else the graph says of itself (`voxway.methods.contract.Graph.facts`). ``"calibration"`` is ``"free"``,
    ``"fixed"``, or ``"none"`` of a network without cameras; with LiDAR, ``"voxels"`` says how points become voxels:
    ``lower`` and ``cell`` in metres and ``shape``, along x, y and z; points that a voxel averages, ``per_voxel``, and
    voxels of a frame, ``most``, the first ones of each."""
    rig: Mapping[str, object] | None = None
    """The cameras that a fixed calibration is made for."""

    def to_json(self) -> dict[str, object]:
        """The report as plain values; facts stand beside the other fields."""
        plain = asdict(self)
        return plain | plain.pop("facts")

    def __str__(self) -> str:
        parity, speed = self.parity, self.speed
        rows = [
            ("file", f"{self.file} ({self.size_mb:.1f} MB, {self.precision}, opset {self.opset})"),
            *((name, what) for name, what in self.facts.items() if isinstance(what, str)),
            *((f"input {name}", what) for name, what in self.inputs.items()),
            *((f"output {name}", what) for name, what in self.outputs.items()),
            ("operators", f"{sum(self.operators.values())} of {len(self.operators)} standard kinds"),
            ("", ", ".join(f"{name} {count}" for name, count in list(self.operators.items())[:8]) + ", ..."),
            ("compared on", f"{parity.frames} frames: {self.compared_on}"),
            ("same class", f"{100 * parity.agreement:.4f} % of voxels"),
            ("logits", f"differ by {parity.logits_difference:.2g} at most"),
        ]
        if self.miou:
            network, file = (100 * self.miou[name] for name in ("network", "file"))
            rows.append(("mIoU", f"network {network:.2f}, file {file:.2f} ({file - network:+.2f})"))
        rows.append((
            "seconds",
            f"network {speed.network_s:.3f}, onnxruntime {speed.onnxruntime_s:.3f} "
            f"(CPU, {speed.threads} threads, median of {speed.runs} runs in turn)",
        ))  # fmt: skip
        return "\n".join(f"{name:<26}{what}" for name, what in rows)

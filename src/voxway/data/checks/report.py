"""What a check of a dataset found."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

import numpy as np
from jaxtyping import Int64

from voxway.core.benchmark import Benchmark
from voxway.core.errors import InputError

if TYPE_CHECKING:
    from rich.table import Table

Severity = Literal["error", "warning", "note"]
_COLOURS = {"error": "red", "warning": "yellow", "note": "cyan"}


@dataclass(frozen=True)
class Finding:
    """One thing that a user should know.

    Attributes:
        severity: "error" stops a run or spoils its numbers, "warning" may, "note" only informs.
        file: file or folder concerned.
        what: what is wrong with it.
        remedy: what to do.
    """

    severity: Severity
    file: str
    what: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.severity}: {self.file}: {self.what}. {self.remedy}"


@dataclass(kw_only=True)
class Report:
    """Findings about one split of a dataset, and what its voxels hold.

    Attributes:
        benchmark: what was checked.
        split: which part of it.
        findings: in the order they were found.
        frames: annotated frames found.
        expected_frames: how many the split has; None where no count is published.
        read_frames: frames whose contents were read, not only listed.
        voxels: voxels per training id over those frames; the last entry counts 255.
    """

    benchmark: Benchmark
    split: str
    findings: list[Finding] = field(default_factory=list)
    frames: int = 0
    expected_frames: int | None = None
    read_frames: int = 0
    voxels: Int64[np.ndarray, "k1"] = field(default_factory=lambda: np.zeros(0, np.int64))

    def __post_init__(self) -> None:
        if not len(self.voxels):
            self.voxels = np.zeros(len(self.benchmark.classes) + 1, np.int64)

    @property
    def usable(self) -> bool:
        """Whether no error was found."""
        return not any(finding.severity == "error" for finding in self.findings)

    @property
    def ignored_share(self) -> float:
        """Share of voxels without truth, 0..1; NaN if none were read."""
        return float(self.voxels[-1] / self.voxels.sum()) if self.voxels.sum() else float("nan")

    def add(self, severity: Severity, file: object, what: str, remedy: str) -> None:
        """Note a finding, once."""
        finding = Finding(severity, str(file), what, remedy)
        if finding not in self.findings:
            self.findings.append(finding)

    def add_error(self, error: InputError, severity: Severity = "error") -> None:
        """Note what a reader refused."""
        self.add(severity, error.file, f"{error.field}: expected {error.expected}, found {error.found}", error.remedy)

    def count(self, target: np.ndarray) -> None:
        """Add the voxels of one target (training ids, 255 for no truth)."""
        counts = np.bincount(target.ravel(), minlength=256)
        self.voxels[:-1] += counts[: len(self.benchmark.classes)]
        self.voxels[-1] += counts[255]
        self.read_frames += 1

    def lines(self) -> list[str]:
        """The report as plain lines."""
        expected = "" if self.expected_frames is None else f" of {self.expected_frames}"
        lines = [f"{self.benchmark.name} {self.split}: {self.frames}{expected} annotated frames"]
        lines += [str(finding) for finding in self.findings]
        if self.read_frames:
            lines.append(f"voxels of {self.read_frames} frames: {100 * self.ignored_share:.1f} % without truth")
            known = max(int(self.voxels[:-1].sum()), 1)
            for name, count in zip(self.benchmark.classes, self.voxels[:-1]):
                lines.append(f"  {name:24s} {100 * int(count) / known:9.4f} % of known voxels")
        lines.append("ready to use" if self.usable else "not usable before the errors above are put right")
        return lines

    def table(self) -> Table:
        """The findings as a rich table."""
        return findings_table(f"{self.benchmark.name} {self.split}", self.findings)


def findings_table(title: str, findings: Sequence[Finding]) -> Table:
    """Findings as a rich table."""
    from rich.table import Table
    from rich.text import Text

    table = Table(title=title, show_lines=True)
    for column in ("severity", "file", "what", "what to do"):
        table.add_column(column, overflow="fold")
    for finding in findings:
        colour = _COLOURS[finding.severity]
        table.add_row(Text(finding.severity, colour), finding.file, finding.what, finding.remedy)
    return table

"""Which training frames have labels, and by what rule: kept by a run, and named by the results of its network."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from voxway.core.files import Json, write_json
from voxway.core.stamps import fingerprint_of


@dataclass(frozen=True, kw_only=True)
class LabelRule:
    """How it was decided whose labels supervise."""

    how: Literal["all", "evenly spread", "drawn", "listed", "selected"] = "all"
    """Spread by an exact share, drawn by a seed, listed by a person, or selected by a network."""
    share: str = "1"
    """Of how many: an exact fraction, as asked for (``"1/10"``) or as counted (``"70/700"``)."""
    unit: Literal["frames", "drives"] = "frames"
    """Of what."""
    seed: int | None = None
    """What they were drawn with."""

    def __str__(self) -> str:
        """In words, e.g. ``"1/10 of frames, evenly spread"``."""
        if self.how == "all":
            return "all"
        return f"{self.share} of {self.unit}, {self.how}{'' if self.seed is None else f' with seed {self.seed}'}"


@dataclass(frozen=True, kw_only=True)
class LabelList:
    """The frames of a run whose labels supervise.

    Attributes:
        rule: by which they were chosen.
        keys: the frames.
        of: how many frames the run has in all.
    """

    rule: LabelRule
    keys: tuple[str, ...]
    of: int

    @property
    def digest(self) -> str:
        """SHA-256 of the names of the frames, sorted, a line each."""
        return fingerprint_of(sorted(self.keys))

    @property
    def few(self) -> bool:
        """Whether there is a rule by which frames may lack labels."""
        return self.rule.how != "all"

    def facts(self) -> dict[str, Json]:
        """What is known of it but the names: rule in words, share and seed, frames with labels and in all, digest."""
        return {
            "rule": str(self.rule),
            "share": self.rule.share,
            "seed": self.rule.seed,
            "frames": len(self.keys),
            "of": self.of,
            "sha256": self.digest,
        }

    def save(self, path: Path) -> None:
        """Write facts and names as JSON, atomically; a run may be given the file as its list.

        Raises:
            OutputError: it cannot be written.
        """
        write_json(path, {**self.facts(), "keys": list(self.keys)})

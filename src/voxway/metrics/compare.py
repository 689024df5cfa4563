"""Results side by side, if and only if they were counted by the same rules."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

import numpy as np

from voxway.core.errors import InputError, nearest
from voxway.core.files import Json
from voxway.core.result import Protocol
from voxway.core.results import AnyResult

if TYPE_CHECKING:
    from rich.table import Table
    from rich.text import Text


@dataclass(frozen=True)
class Comparison:
    """Rows of scores under one protocol.

    Attributes:
        results: what is compared, in the order given.
        differing: protocol fields in which they were allowed to differ, with one value per result.
    """

    results: tuple[AnyResult, ...]
    differing: dict[str, tuple[object, ...]]

    def rows(self) -> list[dict[str, Json]]:
        """One flat record per result, scores in percent; NaN for a class in neither truth nor prediction."""
        return [self._row(number, result) for number, result in enumerate(self.results)]

    def _row(self, number: int, result: AnyResult) -> dict[str, Json]:
        return {
            "name": result.name or f"result {number + 1}",
            **{field: values[number] for field, values in self.differing.items()},
            **{name: 100 * float(score) for name, score in result.scores().items()},
        }

    def table(self) -> Table:
        """The rows as a rich table: a column per result, since classes are many; the best score of a row is bold."""
        from rich.table import Table

        rows = self.rows()
        protocol = self.results[0].protocol
        table = Table(title=f"{protocol.benchmark} {protocol.split}, %", caption=self.caption())
        table.add_column("")
        for row in rows:
            table.add_column(str(row["name"]), justify="right")
        for field in self.differing:
            table.add_row(field, *(said(field, row[field]) for row in rows))
        for score in self.score_names():
            table.add_row(score, *cells([float(row.get(score, "nan")) for row in rows]))
        return table

    def score_names(self) -> list[str]:
        """Those of all rows, in order; some results may have more than others."""
        return list(dict.fromkeys(name for result in self.results for name in result.scores()))

    def caption(self) -> str:
        """The protocol that the results share, in words."""
        return _describe(self.results[0].protocol, self.differing)


def compare(results: Sequence[AnyResult], allow: Collection[str] = ()) -> Comparison:
    """Put results side by side.

    Args:
        results: at least one.
        allow: protocol fields that may differ; they become rows of the table, so that nobody overlooks them.

    Raises:
        InputError: no results, an unknown field in `allow`, protocols that differ in another field, or results of
            voxels among results of rays (`voxway.metrics.both_kinds` keeps them apart).
    """
    known = [field.name for field in fields(results[0].protocol if results else Protocol)]
    for name in allow:
        if name not in known:
            raise nearest(name, known, "protocol field")
    if not results:
        raise InputError(
            file="results", field="count", expected="at least one", found="none", remedy="Name result files."
        )
    first = results[0]
    for number, result in enumerate(results[1:], 2):
        _require_kind(first, result)
        differences = {n: v for n, v in first.protocol.differences(result.protocol).items() if n not in allow}
        if differences:
            raise InputError(
                file=f"results {first.name or 'number 1'!r} and {result.name or f'number {number}'!r}",
                field=", ".join(differences),
                expected="the same protocol: " + ", ".join(f"{n} {a!r}" for n, (a, _) in differences.items()),
                found=", ".join(f"{n} {b!r}" for n, (_, b) in differences.items()),
                remedy="Evaluate both alike, or allow these fields to differ if that is what you want to show.",
            )
    values = {name: tuple(getattr(result.protocol, name) for result in results) for name in known if name in allow}
    return Comparison(tuple(results), {name: found for name, found in values.items() if len(set(found)) > 1})


def _require_kind(first: AnyResult, other: AnyResult) -> None:
    if type(first) is not type(other):
        raise InputError(
            file=f"results {first.name!r} and {other.name!r}",
            field="kind",
            expected="both of voxels, or both of rays",
            found="one of each",
            remedy="Put them side by side with `voxway compare`, which keeps their rows apart.",
        )


_WORDS: dict[str, Callable[[Any], str]] = {
    "samples": lambda count: f"{count} frame{'' if count == 1 else 's'}",
    "range_m": lambda metres: "the whole grid" if metres is None else f"up to {metres:g} m ahead",
    "masks": lambda names: f"inside mask {' and '.join(names)}" if names else "no mask",
    "absent": lambda how: f"classes that never occur {'count as zero' if how == 'zero' else 'are left out'}",
    "inputs": lambda names: f"seen: {', '.join(_input(name) for name in names) or 'nothing'}",
    "frames": lambda count: f"{count} frame{'' if count == 1 else 's'} per prediction",
    "training_masks": lambda names: f"taught inside mask {' and '.join(names)} only" if names else "taught everywhere",
    "labels": lambda rule: f"labels: {rule}",
    "ema": lambda averaged: f"weights {'' if averaged else 'not '}averaged",
}
"""How a protocol's fields are said, in the order in which they are."""


_RAY_WORDS: dict[str, Callable[[Any], str]] = {
    "rays": lambda rays: f"rays {rays}",
    "counted": lambda which: f"counted: {which}",
    "origin_count": lambda count: f"from {count} origins",
    "origins": lambda rule: rule,
    "thresholds_m": lambda metres: f"right within {', '.join(f'{one:g}' for one in metres)} m",
    "distance": lambda where: f"distance {where}",
    "precision": lambda how: how,
    "flow": lambda which: f"speeds: {which}",
}
"""How fields are said that rays add."""


def _describe(protocol: Protocol, differing: Collection[str]) -> str:
    known = {field.name for field in fields(protocol)}
    words = {name: say for name, say in (_WORDS | _RAY_WORDS).items() if name in known and name not in differing}
    return ", ".join(say(getattr(protocol, name)) for name, say in words.items())


def said(field: str, value: object) -> str:
    """A protocol's field in words."""
    words = _WORDS | _RAY_WORDS
    return words[field](value) if field in words else str(value)


def _input(name: str) -> str:
    what, _, source = name.partition(":")
    return f"{what} from {source}" if source else what


def cells(scores: Sequence[float]) -> list[Text | str]:
    """A row of scores in percent; of several the best is bold, and a stroke stands for what is not known."""
    values = np.array(scores, float)
    best = np.nanmax(values) if np.isfinite(values).any() and len(values) > 1 else np.inf
    return [_cell(value, best) for value in values]


def _cell(value: float, best: float) -> Text | str:
    from rich.text import Text

    if not np.isfinite(value):
        return "-"
    return Text(f"{value:.2f}", "bold" if value == best else "")

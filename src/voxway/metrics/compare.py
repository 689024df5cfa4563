"""Results side by side, if and only if they were counted by the same rules."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

import numpy as np

from voxway.core.errors import InputError, nearest
from voxway.core.files import Json
from voxway.core.result import Protocol, Result

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

    results: tuple[Result, ...]
    differing: dict[str, tuple[object, ...]]

    def rows(self) -> list[dict[str, Json]]:
        """One flat record per result, scores in percent; NaN for a class in neither truth nor prediction."""
        return [self._row(number, result) for number, result in enumerate(self.results)]

    def _row(self, number: int, result: Result) -> dict[str, Json]:
        task = result.task
        scores = {"IoU": result.iou, "mIoU": result.miou, "precision": result.precision, "recall": result.recall}
        classes = {task.classes[i]: result.class_iou[i] for i in task.evaluated}
        return {
            "name": result.name or f"result {number + 1}",
            **{field: values[number] for field, values in self.differing.items()},
            **{name: 100 * float(score) for name, score in {**scores, **classes}.items()},
        }

    def table(self) -> Table:
        """The rows as a rich table: a column per result, since classes are many; the best score of a row is bold."""
        from rich.table import Table

        rows = self.rows()
        protocol = self.results[0].protocol
        table = Table(title=f"{protocol.benchmark} {protocol.split}, %", caption=_describe(protocol, self.differing))
        table.add_column("")
        for row in rows:
            table.add_column(str(row["name"]), justify="right")
        for field in self.differing:
            table.add_row(field, *(_said(field, row[field]) for row in rows))
        for score in list(rows[0])[1 + len(self.differing) :]:
            values = np.array([row[score] for row in rows])
            best = np.nanmax(values) if np.isfinite(values).any() and len(values) > 1 else np.inf
            table.add_row(score, *(_cell(value, best) for value in values))
        return table


def compare(results: Sequence[Result], allow: Collection[str] = ()) -> Comparison:
    """Put results side by side.

    Args:
        results: at least one.
        allow: protocol fields that may differ; they become rows of the table, so that nobody overlooks them.

    Raises:
        InputError: no results, an unknown field in `allow`, or protocols that differ in another field.
    """
    known = [field.name for field in fields(Protocol)]
    for name in allow:
        if name not in known:
            raise nearest(name, known, "protocol field")
    if not results:
        raise InputError(
            file="results", field="count", expected="at least one", found="none", remedy="Name result files."
        )
    first = results[0]
    for number, result in enumerate(results[1:], 2):
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


def _describe(protocol: Protocol, differing: Collection[str]) -> str:
    return ", ".join(say(getattr(protocol, name)) for name, say in _WORDS.items() if name not in differing)


def _said(field: str, value: object) -> str:
    return _WORDS[field](value) if field in _WORDS else str(value)


def _input(name: str) -> str:
    what, _, source = name.partition(":")
    return f"{what} from {source}" if source else what


def _cell(value: float, best: float) -> Text | str:
    from rich.text import Text

    if not np.isfinite(value):
        return "-"
    return Text(f"{value:.2f}", "bold" if value == best else "")

"""Tables that tell how the classes of segmentation networks, and phrases, become classes of a task: data, not code.

A table is a JSON file. Each benchmark that has one ships it beside its constants; a person may name another.

::

    {"version": 1, "taxonomy": "MSeg universal", "taxonomy_size": 194,
     "classes": {"trunk": {"ids": [], "names": [], "prompts": ["tree trunk"], "over": ["vegetation", "unknown"]}, ...},
     "sky": {"ids": [142], "names": ["sky"]},
     "least_probability": 0.5, "least_box_score": 0.35, "least_phrase_score": 0.25}
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from jaxtyping import UInt8

from voxway.core.config import from_json
from voxway.core.errors import InputError, nearest
from voxway.core.files import read_json
from voxway.core.task import IGNORE, SKY, Task

UNKNOWN_NAME, SKY_NAME = "unknown", "sky"
"""What stands among class names for pixels without a class, and for the sky."""
_REMEDY = "Correct the table."


@dataclass(frozen=True, kw_only=True)
class ClassRow:
    """What becomes one class."""

    names: tuple[str, ...] = ()
    """Classes of segmentation networks, by name; case, hyphens and underscores do not matter."""
    ids: tuple[int, ...] = ()
    """The same by id in the table's taxonomy, for networks whose classes have no names."""
    prompts: tuple[str, ...] = ()
    """Phrases that a detector looks for."""
    over: tuple[str, ...] = ()
    """Classes of the primary map that what it finds may be painted over; ``"unknown"`` and ``"sky"`` too."""


@dataclass(frozen=True, kw_only=True)
class ClassTable:
    """Classes and phrases of networks, by the task's class that they become, with the thresholds.

    Raises:
        ValueError: a threshold is not between 0 and 1.
    """

    version: int
    """Of the table, for the record of what is made with it."""
    about: str = ""
    """For people: where it comes from."""
    taxonomy: str = ""
    """Whose ids `ClassRow.ids` are."""
    taxonomy_size: int = 0
    """How many classes that taxonomy has."""
    classes: Mapping[str, ClassRow] = field(default_factory=dict)
    """By class name of the task."""
    sky: ClassRow = field(default_factory=ClassRow)
    """What shows the sky."""
    least_probability: float = 0.5
    """A pixel whose class is less probable is unknown, unless a mask is painted there."""
    least_box_score: float = 0.35
    """What a detected box must score more than."""
    least_phrase_score: float = 0.25
    """What a word of the prompt must score more than for a box to be of its class."""

    def __post_init__(self) -> None:
        for name in ("least_probability", "least_box_score", "least_phrase_score"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name} lies between 0 and 1, got {getattr(self, name)}")

    @property
    def rows(self) -> Iterator[tuple[str, ClassRow]]:
        """Rows of classes and of the sky, with their names."""
        yield from self.classes.items()
        yield SKY_NAME, self.sky

    def phrases(self, task: Task) -> list[tuple[str, int]]:
        """Phrases to be looked for, and the id of the class that each stands for."""
        return [(phrase, task.class_id(name)) for name, row in self.classes.items() for phrase in row.prompts]

    def over(self, task: Task) -> dict[int, frozenset[int]]:
        """For every class with phrases the ids that it may be painted over."""
        return {
            task.class_id(name): frozenset(_label(other, task) for other in row.over)
            for name, row in self.classes.items()
            if row.prompts
        }

    def labels(self, named: Sequence[str], task: Task, source: object) -> UInt8[np.ndarray, "k"]:
        """What the classes of a network become: the task's ids, 254 for the sky, 255 for what the table leaves out.

        Args:
            named: names of the network's classes, by id; ``"LABEL_3"`` and the like are none.
            task: whose ids come out.
            source: the network, for the error.

        Raises:
            InputError: the table knows none of them.
        """
        by_name = {plain(name): _label(own, task) for own, row in self.rows for name in row.names}
        found = [by_name.get(plain(name), by_name.get(plain(name.split(",")[0]))) for name in named]
        if all(label is None for label in found):
            if len(named) != self.taxonomy_size or not all(re.fullmatch(r"LABEL_\d+", name) for name in named):
                raise self._strange(named, source)
            by_id = {i: _label(own, task) for own, row in self.rows for i in row.ids}
            found = [by_id.get(i) for i in range(len(named))]
        return np.array([IGNORE if label is None else label for label in found], np.uint8)

    def _strange(self, named: Sequence[str], source: object) -> InputError:
        ids = f", or the {self.taxonomy_size} of {self.taxonomy} without names" if self.taxonomy_size else ""
        known = [name for _, row in self.rows for name in row.names]
        return InputError(
            file=source,
            field="classes",
            expected=f"classes that the table knows, such as {', '.join(known[:4])}{ids}",
            found=f"{len(named)} others, such as {', '.join(named[:4])}",
            remedy="Name a table that has them (--table), or a network that was trained on streets.",
        )


def plain(name: str) -> str:
    """A class name with nothing but lower-case words: ``"Lane Marking - General"`` as ``"lane marking general"``."""
    return " ".join(re.findall(r"[a-z0-9]+", name.lower()))


def read_class_table(path: Path | str, task: Task) -> ClassTable:
    """Read and check a table.

    Raises:
        InputError: missing or damaged file, a class or field that there is not, an id or name in two classes, an id
            that is none of the taxonomy's, phrases that say not what they may be painted over, or no phrases.
    """
    table = from_json(ClassTable, read_json(path, "Name another table with --table."), path)
    for own, row in table.rows:
        _check_class(own, row, task, path)
        bad = [i for i in row.ids if not 0 <= i < table.taxonomy_size]
        if bad:
            expected = f"ids 0..{table.taxonomy_size - 1} of {table.taxonomy or 'the taxonomy'}"
            raise _wrong(path, f"ids of {own}", expected, bad[:5])
        _check_phrases(own, row, path)
    for kind in ("ids", "names", "prompts"):
        _check_once([(own, plain(str(one))) for own, row in table.rows for one in getattr(row, kind)], kind, path)
    return table


def resource(where: str | Path) -> Path:
    """The file that ``"package:file.json"`` names; a path as it is."""
    if isinstance(where, Path):
        return where
    package, _, name = where.partition(":")
    return Path(str(importlib.import_module(package).__file__)).parent / name


def _label(name: str, task: Task) -> int:
    special = {UNKNOWN_NAME: IGNORE, SKY_NAME: SKY}
    return special[name] if name in special else task.class_id(name)


def _check_class(own: str, row: ClassRow, task: Task, path: Path | str) -> None:
    usable = [task.classes[i] for i in task.occupied]
    for name in (*([] if own == SKY_NAME else [own]), *row.over):
        if name not in usable and not (name in row.over and name in (UNKNOWN_NAME, SKY_NAME)):
            raise nearest(name, usable, f"{path}: class of {task.name}")


def _check_phrases(own: str, row: ClassRow, path: Path | str) -> None:
    if bool(row.prompts) != bool(row.over):
        expected = "prompts with the classes that they may be painted over, or neither"
        raise _wrong(path, f"over of {own}", expected, "one without the other")
    if own == SKY_NAME and row.prompts:
        raise _wrong(path, "prompts of sky", "none: phrases stand for classes of the task", ", ".join(row.prompts))
    for phrase in row.prompts:
        if not plain(phrase) or set(phrase) & set(".?") or phrase != phrase.lower():
            raise _wrong(path, f"prompts of {own}", "phrases in lower case without . and ?", repr(phrase))


def _check_once(pairs: Sequence[tuple[str, str]], kind: str, path: Path | str) -> None:
    seen: dict[str, str] = {}
    for own, one in pairs:
        if one in seen:
            raise _wrong(path, kind, "each of them once", f"{one!r} for {seen[one]} and for {own}")
        seen[one] = own


def _wrong(path: Path | str, field: str, expected: object, found: object) -> InputError:
    return InputError(file=path, field=field, expected=expected, found=found, remedy=_REMEDY)

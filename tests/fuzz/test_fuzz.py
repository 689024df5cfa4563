"""A few mutations of every format on every run of the tests; and that the fuzzer sees what must not be."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.fuzz import __main__ as fuzz
from tests.fuzz.formats import FORMATS, Format
from voxway.core.errors import InputError

MUTATIONS = 24


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[bytes]]:
    """Sound files of every format."""
    folder = tmp_path_factory.mktemp("fuzz")
    return folder, list(fuzz.sound_files(folder).values())


@pytest.mark.usefixtures("annotations_unchecked")
@pytest.mark.parametrize("kind", FORMATS, ids=lambda kind: kind.name.replace(" ", "-"))
def test_damaged_files_are_refused_or_valid(kind: Format, sound: tuple[Path, list[bytes]]) -> None:
    folder, others = sound
    count = MUTATIONS if kind.cost < 20 else MUTATIONS // 4
    outcome = fuzz.run(kind, count, 11, folder / str(FORMATS.index(kind)), others)
    assert outcome.faults == []
    assert sum(outcome.counts.values()) == count


def reads(read: Callable[[Path], Any]) -> Format:
    """A format of a reader of the test's."""
    make = lambda folder: (folder / "a").write_bytes(bytes(range(64)))  # noqa: E731
    return Format(name="test", path="a", make=make, read=read, holds=lambda value: len(value) == 64)


def refuse(**parts: str) -> Callable[[Path], None]:
    """A reader that refuses in these parts."""

    def read(folder: Path) -> None:
        if (folder / "a").read_bytes() != bytes(range(64)):
            raise InputError(**{"file": "a", "field": "b", "expected": "c", "found": "d", "remedy": "e", **parts})

    return read


@pytest.mark.parametrize(
    ("read", "verdict", "what"),
    [
        (lambda folder: (folder / "a").read_bytes(), "valid", ""),
        (lambda folder: bytes(3), "fault", "not valid"),
        (lambda folder: {}["a"], "fault", "KeyError"),
        (lambda folder: time.sleep(3), "fault", "longer than"),
        (lambda folder: refuse(remedy=" ")(folder), "fault", "an empty part"),
        (refuse(), "refused", "b"),
    ],
)
def test_the_fuzzer_sees_what_must_not_be(
    read: Callable[[Path], Any], verdict: str, what: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fuzz, "LIMIT_S", 1)
    kind = reads(read)
    kind.make(tmp_path)
    if verdict == "refused" or what == "an empty part":
        (tmp_path / "a").write_bytes(b"damaged")
    with fuzz._time_limit():
        found = fuzz.judge(kind, tmp_path)
    assert (found[0], what in found[1]) == (verdict, True)


def test_mutations_can_be_repeated() -> None:
    kind = reads(lambda folder: None)
    sound = bytes(range(64))
    made = [fuzz.damaged(kind, sound, [b"other"], 3, number) for number in range(200)]
    assert made == [fuzz.damaged(kind, sound, [b"other"], 3, number) for number in range(200)]
    assert made != [fuzz.damaged(kind, sound, [b"other"], 4, number) for number in range(200)]
    assert len(set(made)) > 100 and b"other" in made

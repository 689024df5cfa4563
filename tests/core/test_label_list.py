"""A list of labelled frames: its words, its digest, and what is written."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from voxway.core.label_list import LabelList, LabelRule


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        (LabelRule(), "all"),
        (LabelRule(how="evenly spread", share="1/10"), "1/10 of frames, evenly spread"),
        (LabelRule(how="drawn", share="70/700", unit="drives", seed=42), "70/700 of drives, drawn with seed 42"),
        (LabelRule(how="listed", share="3/8"), "3/8 of frames, listed"),
    ],
)
def test_rules_in_words(rule: LabelRule, words: str) -> None:
    assert str(rule) == words


def test_the_digest_is_of_the_names_whatever_their_order() -> None:
    rule = LabelRule(how="listed", share="2/4")
    one, other = (LabelList(rule=rule, keys=keys, of=4) for keys in (("a/1", "a/0"), ("a/0", "a/1")))
    assert one.digest == other.digest == hashlib.sha256(b"a/0\na/1").hexdigest()
    assert one.digest != LabelList(rule=rule, keys=("a/0",), of=4).digest
    assert one.few and not LabelList(rule=LabelRule(), keys=("a/0",), of=1).few


def test_what_is_written(tmp_path: Path) -> None:
    rule = LabelRule(how="drawn", share="1/4", seed=3)
    LabelList(rule=rule, keys=("a/1",), of=4).save(tmp_path / "labels.json")
    content = json.loads((tmp_path / "labels.json").read_text())
    digest = hashlib.sha256(b"a/1").hexdigest()
    said = {"rule": "1/4 of frames, drawn with seed 3", "share": "1/4", "seed": 3, "frames": 1, "of": 4}
    assert content == {**said, "sha256": digest, "keys": ["a/1"]}

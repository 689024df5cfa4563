"""Lists of frames that people write: three forms, and what is wrong with them in words."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from tests.data.toys import kitti, write_kitti
from voxway.core.errors import InputError
from voxway.data.files.frame_list import read_frame_list

KNOWN = ("00/000000", "00/000005", "00/000010")


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("some.json", '["00/000005", "00/000000", "00/000005"]'),
        ("labels.json", '{"rule": "mine", "keys": ["00/000000", "00/000005"]}'),
        ("some.txt", "00/000005\n\n  00/000000\r\n"),
        ("some", "\ufeff00/000005\n00/000000"),
    ],
)
def test_forms(name: str, content: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text(content, newline="")
    assert read_frame_list(tmp_path / name, KNOWN) == {"00/000000", "00/000005"}


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.json", b"[]", "a.json: keys: expected at least one frame, found none"),
        ("a.txt", b"\n", "a.txt: keys: expected at least one frame, found none"),
        ("a.json", b'["00/000005", 7]', "a.json: keys: expected a list of keys"),
        ("a.json", b'{"frames": []}', "a.json: keys: expected a list of keys, found None"),
        ("a.json", b"[", "a.json: contents: expected JSON"),
        ("a.txt", b"\xff\xfe\x00\x01", "a.txt: contents: expected text"),
        ("a.txt", b"00/000000\n08/000000", r"a.txt: keys: expected annotated .*such as 00/000000, .*found 08/000000\."),
        ("a.json", b'["1", "2", "3", "4", "5"]', r"found 1, 2, 3 and 2 more\. Correct or remove"),
        ("a.json", b'{"keys": ["00/000000"], "sha256": "0"}', "a.json: sha256: expected that of its keys"),
    ],
)
def test_wrong_lists_are_refused(name: str, content: bytes, message: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=message):
        read_frame_list(tmp_path / name, KNOWN)


def test_an_absent_list_is_named(tmp_path: Path) -> None:
    for name in ("none.json", "none.txt"):
        with pytest.raises(
            InputError, match=f"{name}: file: expected present, found absent. Check the name of the list"
        ):
            read_frame_list(tmp_path / name, KNOWN)


def test_a_list_says_which_frames_of_a_dataset_supervise(tmp_path: Path) -> None:
    config = replace(kitti(write_kitti(tmp_path)).config, needs=frozenset({"target"}))
    keys = config.build().keys
    (tmp_path / "mine.json").write_text(json.dumps([keys[2], keys[0]]))
    found = replace(config, labelled_list=tmp_path / "mine.json").build()
    assert [found[key].labelled for key in keys] == [i in (0, 2) for i in range(len(keys))]
    assert found.labelled == tuple(i in (0, 2) for i in range(len(keys)))
    assert found.label_list.keys == (keys[0], keys[2])
    assert str(found.label_list.rule) == f"2/{len(keys)} of frames, listed"
    again = tmp_path / "labels.json"
    found.label_list.save(again)
    assert replace(config, labelled_list=again).build().label_list == found.label_list
    assert len(replace(config, labelled_list=again, only_labelled=True).build()) == 2
    assert all(replace(config, labelled_list=again).all_labelled().build().labelled)


def test_a_list_that_names_other_frames_is_refused(tmp_path: Path) -> None:
    config = kitti(write_kitti(tmp_path)).config
    (tmp_path / "mine.txt").write_text("00/000000\n08/000000\n")
    with pytest.raises(InputError, match=r"mine.txt: keys: expected annotated frames of split train"):
        replace(config, labelled_list=tmp_path / "mine.txt").build()
    with pytest.raises(ValueError, match=r"choose one, got labelled_share 1/2 and labelled_list"):
        replace(config, labelled_list=tmp_path / "mine.txt", labelled_share="1/2")

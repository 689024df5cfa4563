"""Digests of files, which large ones are gone through for only once."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest

from tests.opened import opened
from voxway.core import stamps


@pytest.mark.parametrize("large", [True, False])
def test_digests_are_those_of_the_contents(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, large: bool) -> None:
    monkeypatch.setattr(stamps, "_LARGE", 4 if large else 100)
    path = tmp_path / "a"
    for number, data in enumerate((b"first", b"other", b"third and longer")):
        path.write_bytes(data)
        os.utime(path, ns=(number, number))
        with opened() as counts:
            assert {stamps.digest(path) for _ in range(3)} == {hashlib.sha256(data).hexdigest()}
        assert counts[path] == (1 if large else 3)


def test_what_cannot_be_read_has_none(tmp_path: Path) -> None:
    assert stamps.digest(tmp_path / "absent") == stamps.digest(tmp_path) == ""

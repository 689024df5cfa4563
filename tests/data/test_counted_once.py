"""Frames and drives that are named twice count once, in every dataset."""

from __future__ import annotations

from pathlib import Path

import pytest

from voxway.data.registry import config_type, dataset, names


@pytest.mark.parametrize("name", [name for name in names() if dataset(name).config is not None])
def test_keys_and_drives_keep_their_order(name: str) -> None:
    config = config_type(name)(root=Path(), keys=("b", "a", "b", "a"), drives=("08", "00", "08"))
    alone = [config_type(name)(root=Path(), drives=(drive,)).drives for drive in ("08", "00")]
    assert (config.keys, config.drives) == (("b", "a"), (*alone[0], *alone[1]))

"""`voxway bench`: a row per network, with figures that follow from the network itself."""

from __future__ import annotations

import json

import pytest

from tests.small_world import execute
from voxway.recipes import FULL_SIZE, RECIPES


@pytest.mark.parametrize("training", [False, True])
def test_figures_of_a_network(tmp_path, capsys, training):
    out = tmp_path / "figures.json"
    flags = ("--runs", "1", "--warmup", "0", "--out", out, *(("--training",) if training else ()))
    assert execute("bench", "effocc-camera-world", *flags) == 0
    (row,) = json.loads(out.read_text())
    assert row["parameters"] == 1_811_764 and 5 < row["gflop"] < 10
    assert min(row["wall_s"], row["cpu_s"], row["peak_gb"]) > 0
    said = capsys.readouterr().out
    assert "1,811,764" in said and ("training step" if training else "forward") in said


def test_all_are_recipes():
    assert set(FULL_SIZE) <= set(RECIPES) and len(set(FULL_SIZE)) == len(FULL_SIZE)

"""Cost maps as map_server reads them, and what a person says in a table of costs."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

import voxway.formats
from tests.formats.toy import CAR, FREE, ROAD, TASK, TREE, TURN, moment, occupancy
from tests.oracles.cost_map import column_cost
from tests.oracles.map_server import load_map, load_pgm
from voxway.core.errors import InputError
from voxway.core.grid import VoxelGrid
from voxway.core.occupancy import Occupancy
from voxway.core.task import IGNORE, Task
from voxway.data.registry import benchmarks
from voxway.formats import CostTable, Moment, WriteOptions, cost_map, write_moment

UNKNOWN = -1


def written(folder: Path, one: Moment | None = None, **options: object) -> dict[tuple[float, float], int]:
    """The map that map_server would give of a moment."""
    write_moment("costmap", folder / "map.yaml", one or moment(), WriteOptions(**options))
    return load_map(folder / "map.yaml")


def table(folder: Path, **fields: object) -> Path:
    (folder / "costs.json").write_text(json.dumps(fields))
    return folder / "costs.json"


def ego_cells() -> dict[tuple[int, int], int]:
    """The toy's cells by index, by hand: road at y 0 and 1, a car on two cells, a crown above one."""
    cells = {(x, y): 0 if y < 2 else UNKNOWN for x in range(4) for y in range(3)}
    return cells | {(1, 1): 100, (2, 1): 100, (3, 0): 100}


def test_every_cell_says_what_stands_there(tmp_path: Path) -> None:
    found = written(tmp_path)
    expected = {(-1 + 0.5 * (x + 0.5), 2 + 0.5 * (y + 0.5)): cost for (x, y), cost in ego_cells().items()}
    assert found == expected
    pixels = load_pgm(tmp_path / "map.pgm")
    assert pixels.shape == (3, 4), "rows are y"
    assert pixels[0].tolist() == [127] * 4, "row 0 is the largest y"
    assert pixels[2].tolist() == [254, 254, 254, 0], "the crown stands at the largest x, smallest y"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["map.pgm", "map.yaml"]
    for name in ("b.pgm", "b.yaml"):
        write_moment("costmap", tmp_path / name, moment(), WriteOptions())
        assert load_map(tmp_path / "b.yaml") == expected


@pytest.mark.parametrize(
    ("band", "car", "tree"),
    [
        ((0.2, 0.75), 100, 0),  # the crown begins where the band ends
        ((0.2, 0.8), 100, 100),
        ((0.5, 2.5), 0, 100),  # the car ends where the band begins
        ((0.45, 2.5), 100, 100),
        ((5.0, 6.0), 0, 0),
    ],
)
def test_what_is_above_or_below_the_band_is_not_in_the_way(
    tmp_path: Path, band: tuple[float, float], car: int, tree: int
) -> None:
    found = written(tmp_path, costs=table(tmp_path, height_m=band))
    assert found[(-0.25, 2.75)] == car and found[(0.75, 2.25)] == tree


def test_raw_maps_hold_the_costs_of_the_table(tmp_path: Path) -> None:
    costs = table(tmp_path, mode="raw", costs={"road": 7, "car": 60})
    found = written(tmp_path, costs=costs)
    assert found[(-0.75, 2.25)] == 7 and found[(-0.25, 2.75)] == 60 and found[(0.75, 2.25)] == 100
    assert found[(-0.75, 3.25)] == UNKNOWN
    assert load_pgm(tmp_path / "map.pgm")[0, 0] == 255


def test_the_threshold_divides_free_from_occupied(tmp_path: Path) -> None:
    for threshold, expected in ((30, 100), (31, 0)):
        costs = table(tmp_path, occupied_from=threshold, costs={"car": 30})
        assert written(tmp_path, costs=costs)[(-0.25, 2.75)] == expected


def test_a_quarter_turn_lies_cell_on_cell(tmp_path: Path) -> None:
    found = written(tmp_path, frame="world")
    expected = {}
    for (x, y), cost in ego_cells().items():
        # TURN maps x ahead onto y, and y to the left onto -x.
        ahead, left = -1 + 0.5 * (x + 0.5), 2 + 0.5 * (y + 0.5)
        expected[(10 - left, 20 + ahead)] = cost
    assert found == expected


@pytest.mark.parametrize("yaw", [0.4, -2.3])
def test_a_turned_map_takes_the_cell_that_holds_its_centre(tmp_path: Path, yaw: float) -> None:
    pose = TURN.clone()
    pose[:2, :2] = torch.tensor([[math.cos(yaw), -math.sin(yaw)], [math.sin(yaw), math.cos(yaw)]])
    pose[:2, 3] = torch.tensor([3.1, -7.3])
    found = written(tmp_path, replace(moment(), occupancy=occupancy(pose=pose)), frame="world")
    cells, seen = ego_cells(), []
    for (x, y), said in found.items():
        assert all(math.isclose((value / 0.5) % 1, 0.5, abs_tol=1e-5) for value in (x, y)), "on the world's own cells"
        right, up = x - 3.1, y + 7.3
        ahead, left = right * math.cos(yaw) + up * math.sin(yaw), up * math.cos(yaw) - right * math.sin(yaw)
        index = math.floor((ahead + 1) / 0.5), math.floor((left - 2) / 0.5)
        assert said == cells.get(index, UNKNOWN)
        seen.append(said)
    assert seen.count(0) > 2 and seen.count(100) > 1, "the map holds the whole square"


def random_street(seed: int) -> Occupancy:
    """Hills of two ground classes with holes, things and unknowns at random heights."""
    grid = VoxelGrid(lower=(0.0, 0.0, -1.0), cell=(0.4, 0.4, 0.2), shape=(9, 7, 12))
    task = Task(name="hills", grid=grid, classes=("free", "car", "road", "terrain", "pole"), free=0)
    random = np.random.default_rng(seed)
    classes = random.choice([0, 0, 0, 0, 1, 4, IGNORE], grid.shape).astype(np.uint8)
    level = random.integers(0, 5, grid.shape[:2])
    kind = random.choice([2, 3], grid.shape[:2])
    layers = np.arange(grid.shape[2])
    classes = np.where((layers <= level[..., None]) & (layers >= level[..., None] - 1), kind[..., None], classes)
    classes[random.random(grid.shape[:2]) < 0.3] = np.where(np.arange(12) == 9, 4, 0)
    return Occupancy(task=task, classes=torch.from_numpy(classes.astype(np.uint8)))


@pytest.mark.parametrize("seed", range(4))
def test_columns_with_ground_cost_what_the_loops_say(seed: int) -> None:
    one = random_street(seed)
    usual = replace(CostTable.usual(one.task), height_m=(0.2, 1.1))
    found = cost_map(one, usual)
    assert found.costs.shape == one.task.grid.shape[:2] and found.cell_m == 0.4 and found.origin == (0.0, 0.0)
    compared = []
    for x, y in np.ndindex(found.costs.shape):
        expected = column_cost(one.classes[x, y].numpy(), one.task, usual)
        if expected is not None:
            assert found.costs[x, y] == expected
            compared.append(expected)
    assert len(compared) > 30 and len(set(compared)) > 2


def test_without_ground_heights_are_measured_from_the_ground_around() -> None:
    classes = torch.full((8, 8, 12), FREE, dtype=torch.uint8)
    classes[:4, :, 0], classes[4:, :, 4] = ROAD, ROAD
    for x in (1, 6):
        classes[x, 3] = FREE  # a hole in either, and a car over it
        classes[x, 3, 6] = CAR
    task = replace(TASK, grid=VoxelGrid((0.0, 0.0, 0.0), (1.0, 1.0, 1.0), (8, 8, 12)))
    one = Occupancy(task=task, classes=classes)
    usual = CostTable.usual(task)
    found = cost_map(one, replace(usual, height_m=(0.5, 3.0))).costs
    assert found[6, 3] == 100, "one metre above the ground around"
    assert found[1, 3] == UNKNOWN, "five metres above it: nothing in the way, nothing to stand on"
    nothing = Occupancy(task=task, classes=torch.where(classes == ROAD, FREE, classes))
    above_floor = cost_map(nothing, replace(usual, height_m=(5.5, 6.5))).costs
    assert (above_floor == 100).sum() == 2 and (above_floor == UNKNOWN).sum() == 62


def test_the_usual_table_knows_every_class_of_the_benchmarks(tmp_path: Path) -> None:
    known = json.loads((Path(voxway.formats.__file__).parent / "costs.json").read_text())["costs"]
    for benchmark in benchmarks().values():
        usual = CostTable.usual(benchmark.task)
        assert usual.costs.keys() == {benchmark.task.classes[i] for i in benchmark.task.occupied} <= known.keys()
        assert usual.ground and set(usual.ground) <= usual.costs.keys()
        assert CostTable.read(usual.save(tmp_path / "a.json"), benchmark.task) == usual
    assert CostTable.usual(replace(TASK, classes=("car", "free", "road", "kraken"))).costs["kraken"] == 100


@pytest.mark.parametrize(
    ("contents", "match"),
    [
        ('{"costs": {"rode": 3}}', r"costs\.json: class of toy: name: .*car, road, vegetation, found 'rode'.*'road'"),
        ('{"costs": {"free": 3}}', r"found 'free'"),
        ('{"ground": ["car", "raod"]}', "found 'raod'"),
        ('{"hight_m": [0, 1]}', r"costs\.json: field: name: .*Perhaps you meant 'height_m'"),
        ('{"costs": {"car": 300}}', "car: a cost is a whole number from 0 to 100, got 300"),
        ('{"costs": {"car": "much"}}', "costs"),
        ('{"occupied_from": 101}', "occupied_from"),
        ('{"height_m": [2, 1]}', "height_m: the lower end first"),
        ('{"height_m": 2}', r"expected tuple\[float, float\], found 2"),
        ('{"mode": "scale"}', "expected one of trinary, raw, found 'scale'"),
        ('{"costs": ["car"]}', "costs: expected costs by class name, found list"),
        ("[1]", "contents: expected an object, found list"),
        ("{", "contents: expected JSON"),
    ],
)  # fmt: skip
def test_tables_that_do_not_fit_are_refused(tmp_path: Path, contents: str, match: str) -> None:
    (tmp_path / "costs.json").write_text(contents)
    with pytest.raises(InputError, match=match) as caught:
        written(tmp_path, costs=tmp_path / "costs.json")
    assert "costs.json" in str(caught.value)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["costs.json"]


def test_cells_that_are_not_square_are_refused(tmp_path: Path) -> None:
    task = replace(TASK, grid=replace(TASK.grid, cell=(0.5, 0.4, 0.25)))
    one = Moment(occupancy=Occupancy(task=task, classes=torch.full(task.grid.shape, TREE, dtype=torch.uint8)))
    with pytest.raises(InputError, match="grid: expected square cells, as map_server has one resolution"):
        written(tmp_path, one)

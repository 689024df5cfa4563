"""Worlds of the surround layouts: the same bytes however made, resumable, wrong configurations and options refused."""

from __future__ import annotations

import json
import pickle
import shutil
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest

from tests.small_world import execute
from tests.world.conftest import TINY_NUSCENES, TINY_WAYMO, contents
from voxway.core.errors import InputError
from voxway.data.nuscenes.benchmark import OCC3D_NUSCENES, OPENOCCUPANCY_NUSCENES
from voxway.data.waymo.benchmark import OCC3D_WAYMO
from voxway.world import generate
from voxway.world.layouts import LAYOUTS, world_config
from voxway.world.layouts.layout import Job, Layout, Record, Stage, jobs
from voxway.world.layouts.nuscenes import NuScenesWorldConfig, nuscenes_world
from voxway.world.layouts.nuscenes.classes import OCC3D_NUSCENES_IDS, OPENOCCUPANCY_IDS
from voxway.world.layouts.semantickitti import semantickitti_world
from voxway.world.layouts.waymo import WaymoWorldConfig, waymo_world
from voxway.world.layouts.waymo.classes import OCC3D_WAYMO_IDS
from voxway.world.sensors.street_cache import cached_street, cached_street_and_caster
from voxway.world.shapes import labels
from voxway.world.shapes.labels import MOVING
from voxway.world.shapes.mesh import Mesh
from voxway.world.shapes.roadworks import barrier, cone, digger
from voxway.world.street.drive import Actor
from voxway.world.street.moment import actor_at, pose_at
from voxway.world.street.street import Street, build_street

OWN = {labels.TRAFFIC_LIGHT, labels.TRAFFIC_CONE, labels.BARRIER, labels.CONSTRUCTION_VEHICLE}
"""Ids that SemanticKITTI does not have."""


@pytest.mark.parametrize(("layout", "config"), [("tiny_nuscenes", TINY_NUSCENES), ("tiny_waymo", TINY_WAYMO)])
def test_two_processes_go_on_to_the_same_bytes(
    layout: str, config: NuScenesWorldConfig | WaymoWorldConfig, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """From what a killed run left behind: some files of every kind are absent, one is half-written."""
    whole = contents(request.getfixturevalue(layout))
    names = [name for name in sorted(whole) if name != "world.json"]
    kinds = {(name.split("/")[0], Path(name).suffix): name for name in names}
    lost = {*kinds.values(), *names[:: 3 if layout == "tiny_waymo" else 5]}
    for name, data in whole.items():
        if name not in lost:
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_bytes(data)
    kept = tmp_path / next(name for name in names if name not in lost)
    half = kept.parent / f".{kept.name}.x.part"
    half.write_bytes(b"half")
    before = kept.stat().st_mtime_ns
    generate(tmp_path, config, processes=2, progress=False)
    assert contents(tmp_path) == whole
    assert kept.stat().st_mtime_ns == before
    assert json.loads(whole["world.json"])["layout"] == layout.removeprefix("tiny_")


def test_another_configuration_in_the_same_folder_is_refused(tiny_waymo: Path, tmp_path: Path) -> None:
    shutil.copy(tiny_waymo / "world.json", tmp_path)
    with pytest.raises(InputError, match="columns"):
        generate(tmp_path, replace(TINY_WAYMO, columns=99), processes=1, progress=False)
    with pytest.raises(InputError, match="layout"):
        generate(tmp_path, TINY_NUSCENES, processes=1, progress=False)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"columns": 0}, "columns must be at least 1 everywhere, got 0"),
        ({"width_px": 8}, "width_px must be at least 64, got 8"),
        ({"sweeps_per_key": 0}, "sweeps_per_key must be at least 1 everywhere, got 0"),
        ({"truth_sweeps": -1}, "truth_sweeps must be at least 0 everywhere, got -1"),
        ({"scenes": {}}, "scenes must be at least 1 everywhere"),
        ({"scenes": {"scene-0001": 0}}, "scenes must be at least 1 everywhere"),
        ({"scenes": {"street": 1}}, "scenes are named like 'scene-0001', got 'street'"),
    ],
)
def test_nuscenes_configurations_are_checked(change: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        NuScenesWorldConfig(**change)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"columns": 0}, "columns must be at least 1 everywhere, got 0"),
        ({"width_px": 8}, "width_px must be at least 64, got 8"),
        ({"truth_stride": 0}, "truth_stride must be at least 1 everywhere, got 0"),
        ({"training": {}}, "training must be at least 1 everywhere"),
        ({"validation": {"000": 0}}, "validation must be at least 1 everywhere"),
        ({"training": {"1": 3}}, "three digits, such as '000', got '1'"),
        ({"training": {"000": 1001}}, "at most 1000 to a sequence"),
    ],
)
def test_waymo_configurations_are_checked(change: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        WaymoWorldConfig(**change)


def test_truth_is_made_of_turns_around_the_key_frame() -> None:
    config = replace(TINY_NUSCENES, scenes={"scene-0001": 9}, truth_sweeps=11, truth_stride=5, tail=3)
    assert config.truth_turns("scene-0001", 0) == [0, 5, 10]
    assert config.truth_turns("scene-0001", 4) == [10, 15, 20, 25, 30]
    assert config.truth_turns("scene-0001", 8)[:3] == [30, 35, 40]
    last = max(config.truth_turns("scene-0001", 8))
    assert config.time(last) <= (config.frames("scene-0001") - 1) * 0.1
    frames = replace(TINY_WAYMO, training={"000": 9}, truth_frames=4, truth_stride=3, tail=2)
    assert frames.truth_turns("training/000", 1) == [1, 4]
    assert frames.truth_turns("training/000", 8) == [5, 8]


def test_amounts_are_spread_over_drives() -> None:
    config = nuscenes_world(10, 3, 4)
    assert list(config.scenes.values()) == [3, 3, 2, 2, 3]
    assert nuscenes_world(2, 1, 8).scenes == {"scene-0001": 1, "scene-0002": 1, "scene-0003": 1}
    assert waymo_world(5, 1, 2).training == {"000": 3, "001": 2}
    assert semantickitti_world(3, 2, 2).sequences == {"00": 2, "01": 1, "08": 2}
    assert nuscenes_world(1, 1, 1, full_size=True).width_px == 1600
    assert waymo_world(1, 1, 1, full_size=True).columns == 2650


@pytest.mark.parametrize("make", [semantickitti_world, nuscenes_world, waymo_world])
@pytest.mark.parametrize("amounts", [(0, 1, 1, 0), (1, 0, 1, 0), (1, 1, 0, 0), (1, 1, 9999, 0), (1, 1, 1, -1)])
def test_odd_amounts_are_refused(make, amounts: tuple[int, ...]) -> None:
    with pytest.raises(InputError, match=f"found {', '.join(map(str, amounts))}"):
        make(*amounts)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--layout", "waymo", "--openoccupancy"), "--layout nuscenes"),
        (
            ("--openoccupancy",),
            "--layout semantickitti",
        ),
        (("--layout", "nuscenes", "--val", "0"), "at least one frame of each split"),
        (("--layout", "nuscenes", "--processes", "0"), "--processes"),
        (("--layout", "kitti"), "semantickitti"),
    ],
)
def test_odd_options_are_refused(
    arguments: tuple[str, ...], said: str, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    assert execute("world", "--out", str(tmp_path / "world"), *arguments) == 2
    assert said in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("layout", LAYOUTS)
def test_the_registry_makes_every_layout(layout: str) -> None:
    config = world_config(layout, 2, 1, 1, 3, extras=LAYOUTS[layout].extras)
    assert isinstance(config, Layout)
    assert config.layout == config.to_json()["layout"] == layout
    written = config.to_json()["config"]
    assert written["seed"] == 3
    assert all(written[extra] is True for extra in LAYOUTS[layout].extras)
    same = pickle.loads(pickle.dumps(config))
    assert same == config
    stages = config.stages(Path("nowhere"))
    assert sum(len(job.frames) for stage in stages for job in stage.jobs) >= 3


def test_the_registry_refuses_what_it_does_not_know() -> None:
    with pytest.raises(InputError, match=rf"expected one of {', '.join(LAYOUTS)}, found 'nuscnes'.*'nuscenes'"):
        world_config("nuscnes", 1, 1)
    with pytest.raises(
        InputError, match="expected one of semantics, openoccupancy, surroundocc, shifted, found 'openocupancy'"
    ):
        world_config("nuscenes", 1, 1, extras=("openocupancy",))


class Diary:
    """A layout that nobody has heard of: a line per frame, and how long the lines are together."""

    layout: ClassVar[str] = "diary"
    folders: ClassVar[tuple[str, ...]] = ("days",)

    def to_json(self) -> Record:
        return {"layout": self.layout, "version": 1, "config": {}}

    def stages(self, root: Path) -> list[Stage]:
        return [Stage("writing", jobs(root, "monday", "lines", range(7), 3))]

    def do(self, job: Job) -> int:
        text = f"{job.name}: {job.frames}"
        (job.root / "days").mkdir(exist_ok=True)
        (job.root / "days" / f"{job.frames[0]}.txt").write_text(text)
        return len(text)

    def finish(self, root: Path, answers: Mapping[Job, int]) -> None:
        (root / "length").write_text(str(sum(answers.values())))


def test_any_layout_can_be_generated(tmp_path: Path) -> None:
    (tmp_path / "days").mkdir()
    (tmp_path / "days" / ".1.txt.x.part").touch()
    generate(tmp_path, Diary(), processes=1, progress=False)
    lines = {path.stem: path.read_text() for path in (tmp_path / "days").iterdir()}
    assert lines == {"0": "monday: (0, 1, 2)", "3": "monday: (3, 4, 5)", "6": "monday: (6,)"}
    assert int((tmp_path / "length").read_text()) == sum(map(len, lines.values()))


def test_a_process_builds_a_street_once() -> None:
    street, caster = cached_street_and_caster(2, "00", 20, roadworks=True)
    assert cached_street(2, "00", 20, roadworks=True) is street
    assert caster.mesh is street.static


def test_every_raw_id_has_its_class() -> None:
    raw = {value for name, value in vars(labels).items() if name.isupper() and isinstance(value, int)}
    for table, benchmark in ((OCC3D_NUSCENES_IDS, OCC3D_NUSCENES), (OCC3D_WAYMO_IDS, OCC3D_WAYMO)):
        assert {int(table[i]) for i in raw} == set(benchmark.task.occupied)
        named = {benchmark.classes[table[i]] for i in (labels.CAR, labels.ROAD, labels.VEGETATION)}
        assert named in ({"car", "driveable_surface", "vegetation"}, {"vehicle", "road", "vegetation"})
    assert {int(OPENOCCUPANCY_IDS[i]) for i in raw} == {0, *OPENOCCUPANCY_NUSCENES.task.occupied}
    for table in (OCC3D_NUSCENES_IDS, OCC3D_WAYMO_IDS, OPENOCCUPANCY_IDS):
        for still, moving in MOVING.items():
            assert table[still] == table[moving]
    # The two nuScenes benchmarks share ids 1 to 16; other objects are a class in one and noise in the other.
    np.testing.assert_array_equal(OCC3D_NUSCENES_IDS, OPENOCCUPANCY_IDS)


def test_only_other_layouts_have_roadworks() -> None:
    with_works, without = (build_street(2, "00", 20, roadworks=works) for works in (True, False))
    assert not set(np.unique(without.static.label)) & OWN
    assert {labels.TRAFFIC_CONE, labels.BARRIER} <= set(np.unique(with_works.static.label))


@pytest.mark.parametrize(
    ("draw", "label", "low", "high"),
    [
        (cone, labels.TRAFFIC_CONE, (0.3, 0.3, 0.55), (0.5, 0.5, 0.95)),
        (barrier, labels.BARRIER, (1.9, 0.5, 0.8), (2.0, 0.7, 1.2)),
        (digger, labels.CONSTRUCTION_VEHICLE, (4.5, 1.9, 2.8), (5.5, 2.3, 3.5)),
    ],
)
def test_shapes_have_their_size_and_class(draw, label: int, low: tuple, high: tuple) -> None:
    for seed in range(5):
        mesh: Mesh = draw(np.random.default_rng(seed))
        assert set(np.unique(mesh.label)) == {label}
        extent = np.ptp(mesh.vertices, axis=0)
        assert (extent >= low).all()
        assert (extent <= high).all()


def test_poses_between_frames(street: Street) -> None:
    poses = street.drive.T_world_vehicle
    np.testing.assert_array_equal(pose_at(poses, 0.3), poses[3])
    for time in (0.05, 0.314, 1.999):
        pose, i = pose_at(poses, time), int(time * 10)
        np.testing.assert_allclose(pose[:3, :3] @ pose[:3, :3].T, np.eye(3), atol=1e-12)
        share = time * 10 - i
        np.testing.assert_allclose(pose[:3, 3], (1 - share) * poses[i, :3, 3] + share * poses[i + 1, :3, 3], atol=1e-9)
        yaw = [np.arctan2(p[1, 0], p[0, 0]) for p in (poses[i], pose, poses[i + 1])]
        np.testing.assert_allclose(yaw[1], (1 - share) * yaw[0] + share * yaw[2], atol=1e-5)
    with pytest.raises(ValueError, match=r"from 0 to 11\.9 s, got 12\.000 s"):
        pose_at(poses, 12.0)
    with pytest.raises(ValueError, match=r"got -0\.100 s"):
        pose_at(poses, -0.1)


def test_actors_between_frames() -> None:
    track = np.array([[0.0, 0, 0, 0], [1, 2, 0, 0.2], [np.nan] * 4])
    actor = Actor(Mesh.merge([]), track)
    np.testing.assert_allclose(actor_at(actor, 0.05), [0.5, 1, 0, 0.1])
    assert np.isnan(actor_at(actor, 0.15)).all()
    np.testing.assert_array_equal(actor_at(actor, 0.1), track[1])

"""Which format a file's name asks for, what users hold, and formats of their own."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.formats.toy import TASK, TURN, moment, occupancy
from tests.oracles.map_server import load_map
from voxway.api.occupancy import Occupancy
from voxway.api.outputs import check_formats
from voxway.core.errors import InputError, OutputError
from voxway.core.sample import Sample
from voxway.data.semantickitti.benchmark import SEMANTIC_KITTI
from voxway.data.semantickitti.layout import read_voxel_labels
from voxway.engine.distributed import Group
from voxway.formats import FORMATS, Drives, Format, Moment, WriteOptions, format_of


def held(scored: bool = False) -> Occupancy:
    """As `Model.predict` returns it."""
    one = moment(scored)
    sample = Sample(key="08/000005", grid=TASK.grid, images=one.images, cameras=one.cameras, pose=TURN)
    return Occupancy.of(one.occupancy, sample)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("a.npz", "npz"),
        ("a.ply", "ply"),
        ("a.cubes.PLY", "ply-cubes"),
        ("a.pgm", "costmap"),
        ("a.yaml", "costmap"),
        ("deep/a.mcap", "mcap"),
        ("a.rrd", "rrd"),
    ],
)
def test_the_ending_says_the_format(name: str, expected: str) -> None:
    assert format_of(Path(name)) == expected


@pytest.mark.parametrize(
    ("path", "settings", "match"),
    [
        ("a.pcd", {}, r"a\.pcd: name: expected a name that ends in \.npz, .*\.rrd, found a\.pcd.*costmap"),
        ("a", {}, "name: expected a name that ends in"),
        ("a.ply", {"format": "pyl"}, r"format: name: expected one of npz, ply, .*Perhaps you meant 'ply'"),
        ("a.ply", {"format": "benchmark"}, "dataset: name: .*found 'toy'"),
    ],
)
def test_what_no_format_is_called_is_refused(tmp_path: Path, path: str, settings: dict[str, str], match: str) -> None:
    with pytest.raises(InputError, match=match):
        held().save(tmp_path / path, **settings)
    assert list(tmp_path.iterdir()) == []


def test_occupancies_save_themselves(tmp_path: Path) -> None:
    one = held(scored=True)
    read = Occupancy.load(one.save(tmp_path / "a.npz"))
    assert type(read) is Occupancy and read.pose is not None and torch.equal(read.confidence, one.confidence)
    assert one.save(tmp_path / "a", "ply").read_bytes() == one.save(tmp_path / "a.ply").read_bytes()
    assert one.save(tmp_path / "w.ply", frame="world").read_bytes() != (tmp_path / "a.ply").read_bytes()
    (tmp_path / "costs.json").write_text('{"costs": {"car": 0}}')
    cells = load_map(one.save(tmp_path / "m.yaml", costs=tmp_path / "costs.json"))
    assert sorted(cells.values()).count(100) == 1, "the tree alone"
    (tmp_path / "taken").write_text("")
    for name in ("a.ply", "a.npz", "m.yaml"):
        with pytest.raises(OutputError):
            one.save(tmp_path / "taken" / name)


def test_recordings_hold_the_pictures_of_what_users_hold(tmp_path: Path) -> None:
    pytest.importorskip("mcap_protobuf")
    from mcap.reader import make_reader

    path = held().save(tmp_path / "a.mcap", time_s=3.5)
    with path.open("rb") as file:
        summary = make_reader(file).get_summary()
    assert {channel.topic for channel in summary.channels.values()} >= {"/camera/0/image", "/camera/1/image", "/tf"}
    assert summary.statistics.message_start_time == summary.statistics.message_end_time == 3_500_000_000


def test_the_benchmarks_own_files(tmp_path: Path) -> None:
    classes = torch.from_numpy(np.random.default_rng(0).integers(0, 20, SEMANTIC_KITTI.grid.shape).astype(np.uint8))
    one = Occupancy(task=SEMANTIC_KITTI.task, classes=classes, key="08/000005")
    path = one.save(tmp_path, "benchmark")
    assert path == tmp_path / "sequences/08/predictions/000005.label"
    np.testing.assert_array_equal(SEMANTIC_KITTI.to_train(read_voxel_labels(path), path), classes.numpy())


def test_a_format_of_ones_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(FORMATS, "_known", dict(FORMATS._known))

    def write(path: Path, one: Moment, options: WriteOptions) -> None:
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"{one.occupancy.key} {options.frame}")

    FORMATS.add("mine", Format(suffixes=(".mine",), write=write))
    assert held().save(tmp_path / "a.mine").read_text() == "08/000005 ego"
    with Drives("mine", tmp_path, WriteOptions(frame="world")) as drives:
        drives.add(Moment(occupancy=replace(occupancy(), key="08/b")), "08")
    assert drives.paths == [tmp_path / "08" / "b.mine"] and drives.paths[0].read_text() == "08/b world"


def test_several_processes_do_not_write_one_file() -> None:
    check_formats(("benchmark", "npz", "costmap"), WriteOptions(), TASK, Group(rank=1, size=2))
    check_formats(("mcap", "rrd"), WriteOptions(), TASK, Group())
    for name in ("mcap", "rrd"):
        with pytest.raises(InputError, match=rf"{name}: expected one process.*found 2 processes.*without torchrun"):
            check_formats(("npz", name), WriteOptions(), TASK, Group(rank=0, size=2))

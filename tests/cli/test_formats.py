"""`voxway predict` in other programs' formats: one run, every format, and what is refused before the work."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from tests.oracles.map_server import load_map
from tests.small_world import execute, linked
from voxway.core.occupancy import Occupancy
from voxway.data.semantickitti.benchmark import SEMANTIC_KITTI
from voxway.data.semantickitti.config import SemanticKITTIConfig
from voxway.data.semantickitti.layout import read_voxel_labels
from voxway.formats import FORMATS

FRAMES = ("00/000000", "00/000005")


def predict(model: Path, root: Path, out: Path, *options: object) -> int:
    arguments = ("--root", root, "--sequences", "00", "--cache", out / "cache", "--out", out, "--device", "cpu")
    return execute("predict", model, *arguments, *options)


@pytest.fixture(scope="module")
def everything(small_world: Path, small_run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder that one run wrote in every format, in world coordinates."""
    for module in ("mcap_protobuf", "foxglove_schemas_protobuf", "rerun", "plyfile"):
        pytest.importorskip(module)
    folder = tmp_path_factory.mktemp("formats")
    (folder / "costs.json").write_text('{"height_m": [0.1, 3.0]}')
    formats = ("--format", "benchmark", "npz", "ply", "ply-cubes", "costmap", "mcap", "rrd")
    how = ("--frame", "world", "--costs", folder / "costs.json", "--probabilities", "3")
    assert predict(small_run / "model", small_world, folder, *formats, *how) == 0
    return folder


def test_help_names_every_format(capsys: pytest.CaptureFixture) -> None:
    assert execute("predict", "--help") == 0
    said = " ".join(capsys.readouterr().out.replace("│", " ").split())
    assert f"benchmark, {', '.join(sorted(FORMATS.names(), key=said.index))}: one or several" in said


def test_every_format_has_a_folder(everything: Path) -> None:
    written = {path.relative_to(everything).as_posix() for path in everything.rglob("*") if path.is_file()}
    frames = {"npz": ".npz", "ply": ".ply", "ply-cubes": ".cubes.ply"}
    for name, ending in frames.items():
        assert {f"{name}/{key}{ending}" for key in FRAMES} <= written
    assert {f"costmap/{key}{ending}" for key in FRAMES for ending in (".pgm", ".yaml")} <= written
    assert {"mcap/00.mcap", "rrd/00.rrd", "page.html"} <= written
    assert {f"sequences/{key[:2]}/predictions/{key[3:]}.label" for key in FRAMES} <= written
    assert not [name for name in written if name.endswith(".part")]


@pytest.mark.parametrize("key", FRAMES)
def test_all_formats_say_the_same(everything: Path, small_world: Path, key: str) -> None:
    import plyfile

    one = Occupancy.load(everything / "npz" / f"{key}.npz")
    label = everything / "sequences" / key[:2] / "predictions" / f"{key[3:]}.label"
    np.testing.assert_array_equal(SEMANTIC_KITTI.to_train(read_voxel_labels(label), label), one.classes.numpy())
    pose = SemanticKITTIConfig(root=small_world, keys=(key,), needs=frozenset({"pose"})).build()[0].pose
    assert one.pose is not None and pose is not None and torch.equal(one.pose, pose)
    assert one.likely is not None and len(one.likely.values) == 3
    assert torch.equal(one.likely.ids[0], one.classes), "the likeliest class is the one predicted"
    vertices = plyfile.PlyData.read(everything / "ply" / f"{key}.ply")["vertex"]
    points, ids = one.to_points(world=True)
    np.testing.assert_array_equal(vertices["class"], ids.numpy())
    np.testing.assert_array_equal(np.stack([vertices[axis] for axis in "xyz"], -1), points.numpy())
    cells = load_map(everything / "costmap" / f"{key}.yaml")
    centre = np.mean(list(cells), 0)
    reach = 25.6 * np.linalg.norm(pose[:2, 0].numpy())
    np.testing.assert_allclose(centre, (pose @ torch.tensor([reach, 0.0, 0.0, 1.0]).double())[:2], atol=0.3)


def test_a_recording_holds_the_drive_with_its_times_and_pictures(everything: Path) -> None:
    from mcap.reader import make_reader
    from mcap_protobuf.decoder import DecoderFactory

    with (everything / "mcap" / "00.mcap").open("rb") as file:
        messages = list(make_reader(file, decoder_factories=[DecoderFactory()]).iter_decoded_messages())
    times = {channel.topic: [] for _, channel, _, _ in messages}
    for _, channel, message, _ in messages:
        times[channel.topic].append(message.log_time)
    for topic in ("/occupancy/voxels", "/occupancy/points", "/camera/0/image", "/camera/0/calibration"):
        assert times[topic] == [0, 5 * 10**8], "times.txt: ten scans a second, every fifth is a frame"
    (grid, _) = (said for _, channel, _, said in messages if channel.topic == "/occupancy/voxels")
    assert grid.frame_id == "world"


def test_the_usual_run_writes_what_it_wrote(small_world: Path, small_run: Path, tmp_path: Path) -> None:
    assert predict(small_run / "model", small_world, tmp_path, "--no-page") == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["cache", "sequences"]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--format", "mcpa"), "Perhaps you meant 'mcap'"),
        (("--format", "ply", "--costs", "costs.json"), "costmap among them"),
        (("--format", "costmap", "--costs", "costs.json"), "'rode'"),
        (("--format", "ply", "--frame", "world"), "poses.txt"),
        (("--format", "npz", "--probabilities", "21"), "1..20"),
    ],
)
def test_what_cannot_be_is_refused(
    small_world: Path,
    small_run: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture,
    options: tuple[str, ...],
    words: str,
) -> None:
    root = linked(small_world, tmp_path / "world")
    (root / "sequences" / "00" / "poses.txt").unlink()
    (tmp_path / "costs.json").write_text('{"costs": {"rode": 1}}')
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "500")
    assert predict(small_run / "model", root, tmp_path / "out", *options) == 2
    assert words in capsys.readouterr().err
    assert not (tmp_path / "out" / options[1]).exists()


def test_without_poses_and_times_there_are_recordings(small_world: Path, small_run: Path, tmp_path: Path) -> None:
    pytest.importorskip("mcap_protobuf")
    from mcap.reader import make_reader

    root = linked(small_world, tmp_path / "world")
    for name in ("poses.txt", "times.txt"):
        (root / "sequences" / "00" / name).unlink()
    assert predict(small_run / "model", root, tmp_path / "out", "--format", "mcap", "npz", "--no-page") == 0
    with (tmp_path / "out" / "mcap" / "00.mcap").open("rb") as file:
        statistics = make_reader(file).get_summary().statistics
    assert (statistics.message_start_time, statistics.message_end_time) == (0, 5 * 10**8)
    stored = Occupancy.load(tmp_path / "out" / "npz" / "00" / "000005.npz")
    assert stored.pose is None and stored.likely is None

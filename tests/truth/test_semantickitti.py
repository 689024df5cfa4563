"""The ground-truth builder: worked by hand, by property, and on real scans."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.data import toy
from tests.oracles import raycast as oracle
from voxway.core.grid import VoxelGrid
from voxway.data.semantickitti.benchmark import SEMANTIC_KITTI
from voxway.data.semantickitti.layout import SequenceFiles, read_calibration, read_point_labels, read_poses, read_scan
from voxway.truth.semantickitti import LabelledScan, build_truth, kept, voxels_of_scan

GRID = SEMANTIC_KITTI.grid
COARSE = VoxelGrid(lower=(0.0, -8.0, -2.0), cell=(1.0, 1.0, 1.0), shape=(16, 16, 4))


def scan(points: list[tuple[float, float, float]], labels: list[int], x: float = 0.0) -> LabelledScan:
    """A scan taken `x` metres ahead of the world's origin."""
    T_world_velo = np.eye(4)
    T_world_velo[0, 3] = x
    columns = np.concatenate([np.array(points, np.float32).reshape(-1, 3), np.zeros((len(points), 1), np.float32)], 1)
    return LabelledScan(columns.astype(np.float32), np.array(labels, np.uint32), T_world_velo)


def test_points_near_far_and_on_the_car_are_left_out() -> None:
    places = [(2.4, 0, 0), (3.1, 0, 0), (2.9, 1.9, 0), (2.9, 2.1, 0), (69.9, 0, 0), (70.1, 0, 0), (-1.9, 1.9, 1)]
    assert kept(scan(places, [0] * 7).points).tolist() == [False, True, False, True, True, False, False]


def test_the_majority_wins_and_the_smaller_id_on_a_tie() -> None:
    places = [(5.5, 0.5, 0.5)] * 5 + [(6.5, 0.5, 0.5)] * 2
    truth = build_truth([scan(places, [40, 50, 50, 70, 70, 81, 80])], COARSE)
    assert truth.labels[5, 8, 2] == 50
    assert truth.labels[6, 8, 2] == 80
    assert np.count_nonzero(truth.labels) == 2


def test_the_instance_of_a_label_does_not_count() -> None:
    labels = [10 | (3 << 16), 10 | (4 << 16), 30]
    assert build_truth([scan([(5.5, 0.5, 0.5)] * 3, labels)], COARSE).labels[5, 8, 2] == 10


def test_unlabelled_points_vote_and_block_the_view() -> None:
    truth = build_truth([scan([(5.5, 0.5, 0.5)] * 3, [0, 0, 40])], COARSE)
    assert truth.labels[5, 8, 2] == 0
    assert not truth.occupied[5, 8, 2]
    assert truth.occluded[5, 8, 2]
    assert not truth.invalid[5, 8, 2]
    assert truth.invalid[8, 8, 2]


def test_later_scans_are_moved_into_the_key_frame_and_only_fill_labels() -> None:
    truth = build_truth([scan([(5.5, 0.5, 0.5)], [40]), scan([(5.5, 0.5, 0.5)], [50], x=4.0)], COARSE)
    assert truth.labels[5, 8, 2] == 40
    assert truth.labels[9, 8, 2] == 50
    assert truth.occupied[5, 8, 2]
    assert not truth.occupied[9, 8, 2]


def test_a_later_position_looks_behind_what_hides_the_view_from_the_first() -> None:
    wall = [(4.5, y + 0.5, z + 0.5) for y in range(-8, 8) for z in range(-2, 2)]
    alone = build_truth([scan(wall, [50] * len(wall))], COARSE)
    assert alone.invalid[6, 8, 2]
    assert alone.occluded[6, 8, 2]
    both = build_truth([scan(wall, [50] * len(wall)), scan([(3.5, 0.5, 0.5)], [40], x=8.0)], COARSE)
    assert not both.invalid[6, 8, 2]
    assert both.occluded[6, 8, 2], "occluded is about the key position alone"


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 100), st.integers(1, 4))
def test_flags_keep_their_promises(seed: int, count: int) -> None:
    scans = [toy.labelled_scan(number, seed) for number in range(count)]
    truth = build_truth(scans, GRID)
    assert not (truth.invalid & (truth.labels != 0)).any(), "never invalid where something was hit"
    assert (truth.occluded | (truth.labels == 0)).all(), "always occluded where something was hit"
    assert not (truth.invalid & ~truth.occluded).any(), "what no position sees, the first does not see"
    np.testing.assert_array_equal(truth.occupied, voxels_of_scan(scans[0].points, scans[0].labels, GRID))


def test_the_order_of_points_does_not_matter() -> None:
    first = toy.labelled_scan(0)
    order = np.random.default_rng(0).permutation(len(first.points))
    shuffled = LabelledScan(first.points[order], first.labels[order], first.T_world_velo)
    for name in ("labels", "occupied", "invalid", "occluded"):
        np.testing.assert_array_equal(
            getattr(build_truth([first], GRID), name), getattr(build_truth([shuffled], GRID), name)
        )


def test_a_scan_without_points_is_all_free() -> None:
    truth = build_truth([scan([], [])], COARSE)
    assert not (truth.labels.any() or truth.occupied.any() or truth.invalid.any() or truth.occluded.any())


def test_errors_say_what_was_wrong() -> None:
    with pytest.raises(ValueError, match="at least the key scan"):
        build_truth([], GRID)
    with pytest.raises(ValueError, match="1 points, 2 labels"):
        build_truth([scan([(5.5, 0.5, 0.5)], [40, 50])], COARSE)


def real_scans(data_root: Path, sequence: str, frames: range) -> list[LabelledScan]:
    files = SequenceFiles(data_root / "semantickitti", sequence)
    poses = read_poses(files.poses, read_calibration(files.calibration).T_cam_velo)
    points = [read_scan(files.scan(frame)) for frame in frames]
    labels = [read_point_labels(files.point_labels(frame), len(p)) for frame, p in zip(frames, points)]
    return [LabelledScan(p, found, poses[frame]) for p, found, frame in zip(points, labels, frames)]


def derived(data_root: Path, sequence: str, frame: int) -> dict[str, np.ndarray]:
    return dict(np.load(data_root / "semantickitti" / "derived" / f"{sequence}_{frame:06d}.npz"))


@pytest.mark.real
@pytest.mark.parametrize(("sequence", "frame"), [("00", 0), ("03", 0), ("08", 0), ("08", 5)])
def test_the_published_voxels_of_a_scan_are_repeated_bit_for_bit(data_root: Path, sequence: str, frame: int) -> None:
    (real,) = real_scans(data_root, sequence, range(frame, frame + 1))
    published = derived(data_root, sequence, frame)["bin_official"]
    np.testing.assert_array_equal(voxels_of_scan(real.points, real.labels, GRID), published)


@pytest.mark.real
@pytest.mark.parametrize("frame", [0, 5])
def test_accumulated_labels_and_masks_of_real_scans(data_root: Path, frame: int) -> None:
    known = derived(data_root, "08", frame)
    truth = build_truth(real_scans(data_root, "08", range(frame, 10)), GRID)
    np.testing.assert_array_equal(truth.labels, known["label_raw_partial"])
    assert (truth.invalid == known["invalid_partial"]).mean() > 0.996
    # The published mask was made from 71 scans: more of them can hide a voxel from the key position, never fewer.
    assert (truth.occluded & ~known["occluded_official"]).mean() < 0.002


@pytest.mark.real
def test_real_visibility_agrees_with_exact_traversal(data_root: Path) -> None:
    scans = real_scans(data_root, "08", range(1))
    truth = build_truth(scans, GRID)
    hit = truth.occluded & ~truth.invalid
    origin = -np.array(GRID.lower) / GRID.cell
    rng = np.random.default_rng(0)
    voxels = np.stack([rng.integers(0, size, 1500) for size in GRID.shape], 1)
    exact = np.array([oracle.sees(hit, tuple(voxel), origin) or hit[tuple(voxel)] for voxel in voxels])
    assert (~truth.invalid[tuple(voxels.T)] == exact).mean() > 0.99

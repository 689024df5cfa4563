"""Rays against one ray at a time, and what the definition says in words."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.oracles import rays as oracle
from voxway.core.benchmark import Benchmark
from voxway.core.errors import InputError
from voxway.core.grid import VoxelGrid
from voxway.core.ray_result import RayResult
from voxway.core.rays import RayRules, ray_rules_of_ours
from voxway.core.result import Protocol
from voxway.core.task import Task
from voxway.metrics.rays.counts import RayCounts
from voxway.metrics.rays.directions import directions, pitches
from voxway.metrics.rays.metric import RayMetric
from voxway.metrics.rays.origins import drive_origins, fingerprint
from voxway.metrics.rays.walk import cast

GRID = VoxelGrid(lower=(-1.0, -0.8, -0.4), cell=(0.4, 0.4, 0.4), shape=(5, 4, 3))
FREE = 3
BENCHMARK = Benchmark(
    task=Task(name="toy", grid=GRID, classes=("a", "b", "c", "free"), free=FREE),
    rays=RayRules(things=(1,), thresholds_m=(0.3, 1.0, 2.0)),
    absent="left out",
)
PROTOCOL = Protocol(benchmark="toy", split="val", samples=0, masks=())
AXES = np.concatenate([np.eye(3), -np.eye(3)])
DIAGONALS = np.array([[x, y, z] for x in (-1, 0, 1) for y in (-1, 0, 1) for z in (-1, 0, 1) if (x, y, z) != (0, 0, 0)])

faces = st.integers(-2, 8).map(lambda n: n / 2 * 0.4)
"""Offsets from the low corner, on borders of voxels and in their middles, inside and around the grid."""
anywhere = st.floats(-1.5, 3.0)
offsets = st.tuples(*[st.one_of(faces, anywhere)] * 3)


def random_volume(seed: int, share: float = 0.85) -> np.ndarray:
    random = np.random.default_rng(seed)
    volume = random.integers(0, 5, GRID.shape).astype(np.uint8)
    volume[volume == 4] = 255  # no class, and still in the way
    volume[random.random(GRID.shape) < share] = FREE
    return volume


@settings(max_examples=60, deadline=None)
@given(st.lists(offsets, min_size=1, max_size=3), st.integers(0, 10**6))
def test_every_ray_is_that_of_the_oracle(places: list[tuple[float, float, float]], seed: int) -> None:
    origins = np.array(places) + GRID.lower
    random = np.random.default_rng(seed).normal(size=(12, 3))
    some = np.concatenate([AXES, DIAGONALS, random, directions()[seed % 97 :: 997]])
    some = (some / np.linalg.norm(some, axis=1, keepdims=True)).astype(np.float32)
    volumes = [random_volume(seed), random_volume(seed + 1)]
    hits = cast(volumes, origins, some, GRID, FREE)
    for number, volume in enumerate(volumes):
        ends = [oracle.ray(volume, origin, direction, GRID, FREE) for origin in origins for direction in some]
        np.testing.assert_array_equal(hits.classes[number], [one for one, _, _ in ends])
        index = np.stack(np.unravel_index(hits.voxel[number], GRID.shape), 1)
        np.testing.assert_array_equal(index, [place for _, place, _ in ends])
        np.testing.assert_array_equal(hits.distance_m[number], np.array([far for _, _, far in ends]))


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10**6))
def test_counts_are_those_of_the_oracle(seed: int) -> None:
    origins = np.random.default_rng(seed).uniform(-0.9, 0.8, (2, 3)) * (1, 0.8, 0.4)
    hits = cast([random_volume(seed), random_volume(seed + 1)], origins, directions()[::37], GRID, FREE)
    limits = (0.1, 0.4, 1.0)
    counts = RayCounts.of(hits, FREE, 4, limits)
    gt, pred, tp = oracle.counts(*hits.classes, hits.distance_m, FREE, 4, limits)
    np.testing.assert_array_equal(counts.gt, gt)
    np.testing.assert_array_equal(counts.pred, pred)
    np.testing.assert_array_equal(counts.tp, tp)


def single(direction: tuple[float, float, float], origin: tuple[float, float, float], *occupied: tuple) -> tuple:
    """Class, voxel and metres of one ray; voxel number i of `occupied` has class i."""
    volume = np.full(GRID.shape, FREE, np.uint8)
    for number, place in enumerate(occupied):
        volume[place] = number
    way = np.array([direction], np.float32)
    hits = cast([volume], np.array([origin]), way / np.linalg.norm(way).astype(np.float32), GRID, FREE)
    x, y, z = np.unravel_index(int(hits.voxel[0, 0]), GRID.shape)
    return int(hits.classes[0, 0]), (int(x), int(y), int(z)), pytest.approx(float(hits.distance_m[0, 0]), abs=1e-6)


def test_the_distance_is_that_at_which_the_voxel_is_left() -> None:
    assert single((1, 0, 0), (-0.8, 0.2, 0.2), (2, 2, 1)) == (0, (2, 2, 1), 1.0)


def test_a_ray_without_a_hit_ends_at_the_wall() -> None:
    assert single((1, 0, 0), (-0.8, 0.2, 0.2)) == (FREE, (4, 2, 1), 1.8)


def test_the_start_voxel_counts() -> None:
    assert single((1, 0, 0), (-0.8, 0.2, 0.2), (0, 2, 1), (1, 2, 1)) == (0, (0, 2, 1), 0.2)


def test_a_ray_that_never_enters_ends_in_the_corner() -> None:
    assert single((0, 0, 1), (0, 0, 3.0), (0, 0, 0)) == (0, (0, 0, 0), -0.4)
    assert single((1, 0, 0), (0, 0, 3.0)) == (FREE, (0, 0, 0), -0.4)


def test_an_origin_just_below_lies_in_the_lowest_layer() -> None:
    """Truncated towards zero: the border behind it is met at a negative distance."""
    assert single((0, 0, -1), (-0.8, -0.6, -0.6), (0, 0, 0)) == (0, (0, 0, 0), -0.2)
    assert single((0, 0, -1), (-0.8, -0.6, -1.0), (0, 0, 0)) == (0, (0, 0, 0), -0.4)


def test_an_origin_above_sees_what_is_below_at_its_true_distance() -> None:
    assert single((0, 0, -1), (-0.8, -0.6, 1.0), (0, 0, 0)) == (0, (0, 0, 0), 1.4)


def test_directions_are_those_of_a_lidar() -> None:
    assert len(pitches()) == 39
    assert np.rad2deg(pitches()[0]) == pytest.approx(-45)
    assert np.rad2deg(pitches()[-1]) == pytest.approx(12.548, abs=1e-3)
    assert directions().shape == (14040, 3)
    np.testing.assert_allclose(np.linalg.norm(directions(), axis=1), 1, atol=1e-6)


def drive(count: int, step_m: float) -> tuple[np.ndarray, np.ndarray]:
    poses = np.tile(np.eye(4), (count, 1, 1))
    poses[:, 0, 3] = 1000 + step_m * np.arange(count)
    lidar = np.tile(np.eye(4), (count, 1, 1))
    lidar[:, 2, 3] = 1.8
    return poses, lidar


def test_origins_are_where_the_lidar_stands_in_the_drive() -> None:
    assert BENCHMARK.rays is not None
    found = drive_origins(*drive(5, 13.0), BENCHMARK.rays)
    np.testing.assert_allclose(found[0], [[0, 0, 1.8], [13, 0, 1.8], [26, 0, 1.8]], atol=1e-5)  # 39 m is too far
    np.testing.assert_allclose(found[2][:, 0], [-26, -13, 0, 13, 26], atol=1e-5)


def test_of_many_origins_eight_are_taken_evenly() -> None:
    assert BENCHMARK.rays is not None
    found = drive_origins(*drive(20, 1.0), BENCHMARK.rays)
    np.testing.assert_allclose(found[0][:, 0], [0, 3, 5, 8, 11, 14, 16, 19], atol=1e-5)
    assert {len(places) for places in found} == {8}


def test_rules_of_ours_begin_with_the_own_place() -> None:
    """The others lie inside the grid, which looks ahead here: the places that come."""
    grid = VoxelGrid(lower=(0.0, -25.6, -2.0), cell=(0.2, 0.2, 0.2), shape=(256, 256, 32))
    poses = drive(40, 2.0)
    found = drive_origins(*poses, ray_rules_of_ours(()), grid)
    np.testing.assert_allclose(found[3][:, 0], [0, 2, 10, 18, 26, 34, 42, 50], atol=1e-5)
    np.testing.assert_allclose(found[39], [[0, 0, 1.8]], atol=1e-5)  # the last one of the drive
    (alone,) = drive_origins(*poses, ray_rules_of_ours((), "own"), grid)[5]
    np.testing.assert_allclose(alone, [0, 0, 1.8])
    with pytest.raises(ValueError, match="need the grid"):
        drive_origins(*poses, ray_rules_of_ours(()))


def test_rules_of_ours_drop_what_the_truth_does_not_know() -> None:
    rules = replace(BENCHMARK, rays=ray_rules_of_ours((1,)))
    truth = np.full(GRID.shape, FREE, np.uint8)
    truth[:, 3], truth[4] = 255, 1
    guess = np.where(truth == 255, FREE, truth).astype(np.uint8)
    inside, above = np.array([[-0.8, -0.2, 0.2]]), np.array([[-0.8, -0.2, 3.0]])
    for places, some in ((inside, True), (above, False)):
        metric = RayMetric(rules, {"a": places}, ("a",))
        metric.update(truth, guess, keys=["a"])
        (result,) = metric.results(PROTOCOL)
        published = RayMetric(BENCHMARK, {"a": places}, ("a",))
        published.update(truth, guess, keys=["a"])
        assert result.protocol.score == "RayIoU*" and next(iter(result.scores())) == "RayIoU*"
        assert result.notes["valid_rays"] == result.gt.sum() == result.gt[1]
        assert (result.gt[1] > 0) == some and (result.rayiou == 1) == some
        assert published.counts.valid > metric.counts.valid or not some
        differing = result.protocol.differences(published.results(PROTOCOL)[0].protocol)
        assert {"score", "counted", "origins"} <= set(differing)


def test_fingerprints_of_origins_tell_frames_and_places() -> None:
    one, other = np.zeros((1, 3)), np.full((1, 3), 1e-3)
    said = {fingerprint(o) for o in ({"a": one}, {"b": one}, {"a": other}, {"a": one, "b": one})}
    assert len(said) == 4
    assert fingerprint({"a": one, "b": other}) == fingerprint({"b": other, "a": one + 1e-9})


ORIGINS = {key: np.array([[-0.5, 0.1, 0.1], [0.3, -0.3, 0.3]]) for key in "abc"}


def scored(*frames: tuple[str, np.ndarray, np.ndarray]) -> RayResult:
    metric = RayMetric(BENCHMARK, ORIGINS, "abc")
    for key, truth, guess in frames:
        metric.update(truth, guess, keys=[key])
    (result,) = metric.results(PROTOCOL, "toy")
    return result


def test_the_truth_itself_scores_one_in_every_class() -> None:
    volume = random_volume(1)
    volume[volume == 255] = 2
    result = scored(("a", volume, volume))
    assert result.rayiou == 1
    assert np.nanmin(result.class_iou) == 1


def test_a_class_at_a_wrong_distance_counts_against_it_twice() -> None:
    truth, guess = np.full((2, *GRID.shape), FREE, np.uint8)
    truth[4], guess[3] = 1, 1
    result = scored(("a", truth, guess))
    wrong = int(result.gt[1] - result.tp[0, 1])
    assert wrong > 0 and result.fn[0, 1] == wrong
    assert result.fp[0, 1] == result.pred[1] - result.gt[1] + wrong > 0
    assert result.class_iou[0, 1] == result.tp[0, 1] / (result.tp[0, 1] + result.fp[0, 1] + result.fn[0, 1])


def test_what_is_predicted_where_the_truth_ends_free_costs_nothing_and_absent_classes_are_left_out() -> None:
    truth, guess = np.full((2, *GRID.shape), FREE, np.uint8)
    guess[0] = 2
    result = scored(("a", truth, guess))
    assert result.pred.sum() == 0 and result.rayiou == 0 and np.isnan(result.class_iou).all()


def test_scores_do_not_depend_on_order_batches_or_processes() -> None:
    frames = [(key, random_volume(seed), random_volume(seed + 9).clip(0, 3)) for seed, key in enumerate("abc")]
    whole = scored(*frames)
    assert (scored(*frames[::-1]).tp == whole.tp).all()
    metric = RayMetric(BENCHMARK, ORIGINS, "abc")
    metric.update(np.stack([f[1] for f in frames]), np.stack([f[2] for f in frames]), keys="abc")
    parts = RayMetric(BENCHMARK, ORIGINS, "abc")
    for key, truth, guess in frames:
        share = RayMetric(BENCHMARK, ORIGINS, "abc")
        share.update(truth, guess, keys=[key])
        parts.add(share.packed())
    metric.reduce()
    for one in (metric, parts):
        (result,) = one.results(PROTOCOL)
        assert result.protocol == whole.protocol and result.notes == whole.notes
        for name in ("gt", "pred", "tp"):
            np.testing.assert_array_equal(getattr(result, name), getattr(whole, name))


def test_results_survive_a_file(tmp_path) -> None:
    result = scored(("a", random_volume(1), random_volume(2).clip(0, 3)))
    result.save(tmp_path / "rays.json")
    again = RayResult.load(tmp_path / "rays.json")
    assert again.protocol == result.protocol and again.notes == result.notes and again.name == "toy"
    assert (again.tp == result.tp).all() and again.rayiou == result.rayiou


@pytest.mark.parametrize("text", ["{}", "[]", '{"kind": "rays"}', '{"kind": "voxels"}'])
def test_other_files_are_no_results_of_rays(tmp_path, text: str) -> None:
    (tmp_path / "a.json").write_text(text)
    with pytest.raises(InputError, match="a result of rays"):
        RayResult.load(tmp_path / "a.json")


def test_errors_say_what_was_wrong() -> None:
    volume = random_volume(1)
    with pytest.raises(ValueError, match="must end in"):
        scored(("a", volume[:2], volume[:2]))
    with pytest.raises(ValueError, match=r"class ids 0\.\.3, got 255"):
        scored(("a", volume, np.full_like(volume, 255)))
    with pytest.raises(InputError, match="frame d: pose: expected known"):
        scored(("d", volume, np.full_like(volume, FREE)))
    with pytest.raises(ValueError, match="as many keys"):
        RayMetric(BENCHMARK, ORIGINS, "abc").update(volume, np.full_like(volume, FREE))
    with pytest.raises(InputError, match="defines a score along rays"):
        RayMetric(replace(BENCHMARK, rays=None), {}, ())
    with pytest.raises(ValueError, match="thresholds are positive and grow"):
        RayRules(things=(), thresholds_m=(2.0, 1.0))
    with pytest.raises(ValueError, match="1 to 7 volumes"):
        cast([], np.zeros((1, 3)), directions()[:1], GRID, FREE)
    with pytest.raises(ValueError, match="cubic"):
        cast([volume], np.zeros((1, 3)), directions()[:1], replace(GRID, cell=(0.4, 0.4, 0.2)), FREE)
    with pytest.raises(ValueError, match="finite"):
        cast([volume], np.full((1, 3), np.nan), directions()[:1], GRID, FREE)

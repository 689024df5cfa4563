"""What every dataset can do, for each of them: earlier frames, resizing, changes of training, few labels, files."""

from __future__ import annotations

import os
import random
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.data.toys import Toy, kitti, kitti360, nuscenes, own, paint, waymo, write_kitti
from voxway.core.errors import InputError
from voxway.core.sample import Sample
from voxway.core.task import IGNORE, SKY
from voxway.data.prepared.class_maps import PseudoLabels
from voxway.data.reader import holds
from voxway.data.samples import Samples
from voxway.data.steps.augment import Augment
from voxway.data.steps.selection import Selection, write_bits

SEEN = frozenset({"images", "points", "pose"})
LABELS = frozenset({"target"})
STILL = Augment(scale=(0.0, 0.0), flip=0.0, rotation_deg=(0.0, 0.0), flip_x=0.0, flip_y=0.0)
MIRROR = replace(STILL, flip_x=1.0, flip_y=1.0)


@pytest.fixture(scope="module")
def kitti_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_kitti(tmp_path_factory.mktemp("kitti"))


@pytest.fixture(
    params=[
        "semantickitti",
        "occ3d-nuscenes",
        "openoccupancy-nuscenes",
        "surroundocc-nuscenes",
        "occ3d-waymo",
        "sscbench-kitti360",
        "own",
    ]
)
def one(request: pytest.FixtureRequest, tmp_path: Path) -> Toy:
    """A copy of a dataset's toy drives that shares its files: replace them, never write into them."""
    name = request.param.split("-")[-1]
    source = "kitti_root" if name == "semantickitti" else f"{name}_root"
    root = Path(shutil.copytree(request.getfixturevalue(source), tmp_path / "copy", copy_function=os.link))
    if name == "nuscenes":
        return nuscenes(root, request.param)
    return {"semantickitti": kitti, "waymo": waymo, "kitti360": kitti360, "own": own}[name](root)


def assert_same(one: Sample, other: Sample) -> None:
    for name in ("images", "points", "pose", "target", "depth"):
        first, second = getattr(one, name), getattr(other, name)
        assert (first is None) == (second is None) and (first is None or torch.equal(first, second)), name
    assert one.cameras is not None and other.cameras is not None
    for name in ("K", "T_cam_ego", "T_image", "size_px"):
        assert torch.equal(getattr(one.cameras, name), getattr(other.cameras, name)), name


def test_earlier_frames_are_what_those_frames_are(one: Toy) -> None:
    samples = one.build(needs=SEEN | {"target", "depth"}, earlier=one.earlier)
    sample, alone = samples[one.key], one.build(needs=SEEN)
    assert [earlier.key for earlier in sample.earlier] == list(one.before)
    for earlier in sample.earlier:
        assert_same(earlier, alone[earlier.key])
        assert earlier.extras == earlier.masks == {}
    assert_same(replace(sample, target=None, depth=None, earlier=()), alone[one.key])


def test_points_of_earlier_frames_are_read_only_if_points_are_asked_for(one: Toy) -> None:
    samples = one.build(needs=frozenset({"images", "depth"}), earlier=one.earlier)
    asked: list[frozenset[str]] = []
    moment = samples.reader.moment
    samples.reader.moment = lambda key, fields, random: asked.append(fields) or moment(key, fields, random)  # ty: ignore
    assert samples[one.key].points is None
    assert "points" in asked[0]
    assert asked[1:] == [frozenset({"images"})] * len(one.earlier)


def test_earlier_frames_change_with_their_key_frame(one: Toy) -> None:
    augment = Augment(scale=(-0.06, 0.11), flip_x=1.0, flip_y=0.0)
    settings = {"needs": SEEN, "earlier": one.earlier, "image_px": (24, 64)}
    plain, changed = one.build(**settings)[one.key], one.build(**settings, augment=augment).augmented(one.key, 3)
    for before, after in zip((plain, *plain.earlier), (changed, *changed.earlier), strict=True):
        assert before.cameras is not None and after.cameras is not None and changed.cameras is not None
        assert torch.equal(after.cameras.T_image, changed.cameras.T_image), "all frames of a camera change alike"
        assert not torch.equal(after.cameras.T_image, before.cameras.T_image)
        assert before.points is not None and after.points is not None
        if len(before.points) == len(after.points):  # training may draw other sweeps
            world = [s.pose[:3, :3] @ s.points[:, :3].double().T for s in (before, after)]  # ty: ignore
            scan = slice(0, 200)  # the key scan's points come first, drawn or not
            torch.testing.assert_close(world[0][:, scan], world[1][:, scan])
            assert torch.equal(before.points[scan, 1:3], after.points[scan, 1:3])
            assert torch.equal(before.points[scan, 0], -after.points[scan, 0])
        in_cameras = [s.cameras.T_cam_ego[:, :3, :3] @ torch.diag(d).double() for s, d in zip((before, after), SIGNS)]
        torch.testing.assert_close(*in_cameras)


def test_mirrors_that_move_voxels_off_the_grid_are_refused(one: Toy) -> None:
    """They would take the labels of a volume ahead of the vehicle away, or put them beside what is seen."""
    grid = one.build(needs=LABELS).task.grid
    for axis, low, high in zip("xy", grid.lower, grid.upper):
        changes = replace(STILL, **{f"flip_{axis}": 0.5})
        one.build(needs=SEEN, augment=changes)
        if low == -high:
            one.build(needs=SEEN | LABELS, augment=changes)
        elif low == 0:
            with pytest.raises(
                InputError, match=rf"augment.flip_{axis}: expected 0, as a grid over 0..{high:g} m does"
            ):
                one.build(needs=SEEN | LABELS, augment=changes)


SIGNS = (torch.tensor([1.0, 1, 1]), torch.tensor([-1.0, 1, 1]))


@pytest.mark.parametrize("flip", [0.0, 1.0])
def test_pixels_and_projections_move_together(one: Toy, flip: float) -> None:
    """A picture whose colours are its columns and rows says where the pixel came from that a point is drawn at."""
    paint(one)
    needs, size_px = frozenset({"images", "points"}), (40, 80)
    augment = Augment(scale=(0.05, 0.1), flip=flip, rotation_deg=(4.0, 5.0), flip_x=0.5, flip_y=0.5)
    raw = one.build(needs=needs)[one.key]
    resized = one.build(needs=needs, image_px=size_px)[one.key]
    samples = one.build(needs=needs, image_px=size_px, augment=augment)
    for changed in (resized, *(samples.augmented(one.key, seed) for seed in range(3))):
        assert changed.images is not None and changed.images.shape == (len(one.sizes_px), 3, *size_px)
        seen = 0
        for camera, picture in enumerate(changed.images.double()):
            scale = float(torch.linalg.det(changed.cameras.T_image[camera, :2, :2]).abs().sqrt())  # ty: ignore
            for (u0, v0), (u, v) in pixels_of(raw, changed, camera, flipped=changed is not resized):
                column, row, blue = picture[:, round(v), round(u)].tolist()
                if blue < 250 or not (3 < u < size_px[1] - 4 and 3 < v < size_px[0] - 4):
                    continue  # from outside, or within reach of the border
                # Half a pixel of Pillow's, one of the mirror, half of rounding, the rest of the turn.
                assert scale * abs(column - u0) < 2.3 and scale * abs(row - v0) < 2.3
                seen += 1
        assert seen > 30


def test_pictures_are_scaled_to_a_focal_length_that_is_far_off(one: Toy) -> None:
    needs = frozenset({"images"})
    raw = one.build(needs=needs, image_px=None)[one.key]
    assert raw.cameras is not None and raw.images is not None
    own = float(raw.cameras.K[0, 0, 0])
    alike = one.build(needs=needs, image_px=None, focal_px=1.2 * own)[one.key]
    assert alike.images is not None and torch.equal(alike.images, raw.images)
    for factor in (0.5, 1.5):
        samples = one.build(needs=needs, image_px=None, focal_px=factor * own)
        scaled = samples[one.key]
        assert scaled.cameras is not None and scaled.images is not None
        focal = (scaled.cameras.T_image @ scaled.cameras.K)[0, 0, 0].item()
        assert focal == pytest.approx(factor * own, rel=0.02) and samples.focal_px == factor * own
        assert scaled.cameras.size_px[0].tolist() == [round(factor * side) for side in raw.cameras.size_px[0].tolist()]
    asked = one.build(needs=needs, image_px=(24, 64), focal_px=0.5 * own)
    assert asked[one.key].images.shape[-2:] == (24, 64) and asked.focal_px is None  # ty: ignore
    assert one.build(needs=needs, image_px=None).focal_px == pytest.approx(own)


def pixels_of(raw: Sample, changed: Sample, camera: int, flipped: bool) -> list[tuple[list[float], list[float]]]:
    """Where a point in front of a camera is drawn, before and after."""
    assert raw.cameras is not None and changed.cameras is not None and raw.points is not None
    points = raw.points[:300, :3].double()
    mirror = torch.linalg.inv(raw.cameras.T_cam_ego[camera]) @ changed.cameras.T_cam_ego[camera]
    moved = points @ torch.linalg.inv(mirror)[:3, :3].T if flipped else points
    (before, ahead), (after, _) = raw.cameras.project(points), changed.cameras.project(moved)
    height, width = changed.cameras.size_px[camera].tolist()
    inside = (ahead[camera] > 1) & raw.cameras.visible(before, ahead)[camera]
    inside &= ((after[camera] > 0) & (after[camera] < torch.tensor([width - 1, height - 1]))).all(1)
    return list(zip(before[camera][inside].tolist(), after[camera][inside].tolist()))


def test_stored_maps_move_along(one: Toy, tmp_path: Path) -> None:
    """Depths that spell their pixel, and classes that follow from it, stay beside the colours that do so too."""
    paint(one)
    height, width = (max(side) for side in zip(*one.sizes_px))
    row, column = np.mgrid[:height, :width]
    for name, values in {
        "depth": (1000.0 * row + column + 1) / 1024,  # metres of a street, and exact
        "semantics_2d": (column // 8 % 3).astype(np.uint8),
    }.items():
        path = tmp_path / name / f"{one.key}.npy"
        path.parent.mkdir(parents=True, exist_ok=True)
        np.save(path, np.stack([values] * len(one.sizes_px)))
    settings = {
        "needs": frozenset({"images", "depth", "semantics_2d"}),
        "prepared": {name: tmp_path / name for name in ("depth", "semantics_2d")},
        "image_px": (40, 80),
        "augment": Augment(scale=(-0.1, 0.1)),
    }
    samples = one.build(**settings)
    for changed in (samples[one.key], *(samples.augmented(one.key, seed) for seed in range(3))):
        images, depth, semantics = changed.images, changed.depth, changed.semantics_2d
        assert images is not None and depth is not None and semantics is not None
        assert depth.shape == semantics.shape == (len(one.sizes_px), 40, 80)
        assert torch.equal(depth == 0, semantics == IGNORE), "nothing comes in from outside but what is unknown"
        known = depth > 0
        spelt = (1024 * depth - 1)[known]
        source_row, source_column = spelt // 1000, spelt % 1000
        assert torch.equal(semantics[known], (source_column // 8 % 3).byte())
        inner = torch.zeros_like(known)
        inner[:, 3:-3, 3:-3] = True
        picture = images.permute(0, 2, 3, 1)[known].double()
        whole = (picture[:, 2] == 255) & inner[known]
        assert whole.sum() > 1000
        off = torch.stack([picture[:, 0] - source_column, picture[:, 1] - source_row])[:, whole].abs()
        assert off.max() < 2.5 and off.median() < 1.01


def test_nearest_depth_is_that_of_the_nearest_point(one: Toy) -> None:
    exact = {"points_ego": "lidar", "cameras_ego": "lidar", "depth_motion": "compensated"}
    changes = {name: value for name, value in exact.items() if hasattr(one.config, name)}
    needs = frozenset({"images", "points", "depth"})
    sample = one.build(needs=needs, depth_rule="nearest", depth_range_m=(2.0, 30.0), **changes)[one.key]
    assert sample.cameras is not None and sample.points is not None and sample.depth is not None
    expected = torch.full_like(sample.depth, torch.inf, dtype=torch.float64)
    pixels, depths = sample.cameras.project(sample.points[:, :3].double())
    visible = sample.cameras.visible(pixels, depths)
    for camera, (height, width) in enumerate(one.sizes_px):
        for (u, v), depth in zip(pixels[camera][visible[camera]].tolist(), depths[camera][visible[camera]].tolist()):
            if 2 <= depth < 30:
                row, column = min(round(v), height - 1), min(round(u), width - 1)
                expected[camera, row, column] = min(expected[camera, row, column].item(), depth)
    expected[expected.isinf()] = 0
    drawn = (sample.depth > 0) | (expected > 0)
    assert drawn.sum() > 100
    assert ((sample.depth - expected).abs() < 1e-3)[drawn].float().mean() > 0.998


def test_published_depth_needs_a_range(one: Toy) -> None:
    with pytest.raises(ValueError, match="depth images by the published rule need depth_range_m"):
        replace(one.config, depth_rule="published", depth_range_m=None)
    if len(set(one.sizes_px)) == 1:  # it draws images of one size
        sample = one.build(needs=frozenset({"depth"}), depth_rule="published", depth_range_m=(1.0, 20.0))[one.key]
        assert sample.depth is not None and sample.depth[sample.depth > 0].min() >= 1
        assert sample.depth.max() < 20 and sample.points is None


def test_classes_per_pixel_need_labelled_points_or_files(one: Toy) -> None:
    needs = frozenset({"semantics_2d"})
    if "point_labels" in one.build().reader.provides:
        drawn = one.build(needs=needs)[one.key].semantics_2d
        assert drawn is not None and (drawn != IGNORE).any()
        return
    message = "semantics_2d: expected a folder of prepared files, as they are needed, found none.*prepare semantics_2d"
    with pytest.raises(InputError, match=message):
        one.build(needs=needs)
    with pytest.raises(InputError, match=r"nowhere.*\.npy: file: expected present, found absent"):
        one.build(needs=needs, prepared={"semantics_2d": Path("nowhere")})[one.key]


def published_draw(names: list[str], count: int) -> set[str]:
    return set(random.Random(42).sample(sorted(names), count))


def hide_labels(one: Toy, samples: Samples, keys: set[str]) -> None:
    for key in keys:
        for path in one.labels(samples, key):
            path.unlink()


@pytest.mark.parametrize("by", ["drives", "frames"])
def test_few_labels(one: Toy, by: str) -> None:
    """Which frames keep theirs follows from the whole split; the files of the others are never opened."""
    plain = one.build()
    drives = {key: plain.reader.drive(key) for key in plain.keys}
    assert len(set(drives.values())) > 1
    if by == "drives":
        chosen = published_draw(list(set(drives.values())), 1)
        labelled = {key for key in plain.keys if drives[key] in chosen}
    else:
        labelled = published_draw(list(plain.keys), 2)
    settings = {"needs": LABELS, "labelled": 1 if by == "drives" else 2, "labelled_by": by}
    samples, teacher = one.build(**settings), one.build(**settings, only_labelled=True)
    assert set(samples.keys) == set(plain.keys) and set(teacher.keys) == labelled
    hide_labels(one, samples, set(plain.keys) - labelled)
    for key in samples.keys:
        sample = samples[key]
        assert sample.target is not None and sample.labelled == (key in labelled)
        assert bool((sample.target != IGNORE).any()) == sample.labelled
        assert sample.masks.keys() == set(samples.reader.mask_names)
        assert all(bool(mask.any()) == sample.labelled for mask in sample.masks.values())
        assert samples.truth(key).labelled == sample.labelled
    hidden = next(key for key in plain.keys if key not in labelled)
    unread = replace(one.config, **(settings | {"needs": frozenset({"images"})})).build()
    assert not unread[hidden].labelled and unread[hidden].target is None


def test_labels_are_drawn_from_the_whole_split_whatever_is_read(one: Toy) -> None:
    plain = one.build()
    drives = sorted({plain.reader.drive(key) for key in plain.keys})
    (chosen,) = published_draw(drives, 1)
    for drive in drives:
        part = one.build(labelled=1, drives=(drive,), needs=LABELS)
        assert {part.reader.drive(key) for key in part.keys} == {drive}
        assert part[0].labelled == (drive == chosen)
        assert one.build(labelled=1, keys=(part.keys[0],), needs=LABELS)[0].labelled == (drive == chosen)
    for count, by, most in ((len(drives) + 1, "drives", len(drives)), (0, "frames", len(plain))):
        with pytest.raises(InputError, match=f"labelled: expected 1 to {most}, as many as there are, found {count}"):
            one.build(labelled=count, labelled_by=by)


def test_selected_frames_and_voxels(one: Toy, tmp_path: Path) -> None:
    plain = one.build(needs=LABELS)
    whole, part, hidden = plain.keys[0], plain.keys[1], plain.keys[2]
    chosen = np.random.default_rng(0).random(plain.task.grid.shape) < 0.5
    selection = Selection(tmp_path / "selection").with_round([whole]).with_round([part], voxels=int(chosen.sum()))
    write_bits(selection.voxel_path(1, part), chosen)
    before = {key: plain.truth(key).classes for key in (whole, part)}
    samples = one.build(needs=LABELS, selection=selection.folder)
    hide_labels(one, samples, {hidden})
    assert torch.equal(samples.truth(whole).classes, before[whole])
    kept = samples[part]
    assert kept.target is not None and kept.labelled
    assert torch.equal(kept.target, torch.where(torch.from_numpy(chosen), before[part], IGNORE))
    assert not samples[hidden].labelled
    assert set(one.build(selection=selection.folder, only_labelled=True).keys) == {whole, part}
    (selection.folder / "selection.json").write_text('{"rounds": [{"keys": []}, {"frames": []}]}')
    with pytest.raises(InputError, match=r"selection\.json: rounds\[1\]\.keys: expected a list of keys"):
        one.build(selection=selection.folder)
    with pytest.raises(InputError, match=r"selection\.json: file: expected present"):
        one.build(selection=tmp_path / "nowhere")


def test_every_nth_frame_counts_over_the_split(one: Toy) -> None:
    keys = one.build().keys
    for n in (1, 2, 3, 100):
        assert one.build(every=n).keys == keys[::n]
    drive = one.build().reader.drive(keys[-1])
    of_drive = tuple(key for key in keys[::3] if one.build().reader.drive(key) == drive)
    if of_drive:
        assert one.build(every=3, drives=(drive,)).keys == of_drive
    else:
        with pytest.raises(InputError, match="frames: expected frames of split train, found none"):
            one.build(every=3, drives=(drive,))
    assert one.build(every=3, keys=(keys[1],)).keys == (keys[1],), "frames that are named are read"
    with pytest.raises(ValueError, match="n >= 1, got 0"):
        replace(one.config, every=0)


def test_raw_is_what_was_recorded(one: Toy, tmp_path: Path) -> None:
    busy = replace(
        one.config, every=2, labelled=1, only_labelled=True, selection=tmp_path, earlier=(1,), image_px=(8, 8),
        augment=MIRROR,
    )  # fmt: skip
    samples = busy.raw("images", "pose").build()
    assert samples.keys == one.build().keys
    sample = samples.augmented(one.key, 0)
    assert sample.cameras is not None and sample.images is not None and sample.earlier == ()
    assert sample.cameras.size_px.tolist() == [list(size) for size in one.sizes_px]
    assert torch.equal(sample.cameras.T_image, torch.eye(3).double().expand(len(one.sizes_px), 3, 3))
    assert sample.labelled and sample.target is None


def test_what_a_reader_holds(one: Toy) -> None:
    samples = one.build()
    assert all(holds(samples.reader, one.key, name) for name in ("images", "points", "target"))
    hide_labels(one, samples, {one.key})
    assert not holds(samples.reader, one.key, "target")
    for pattern in one.pictures:
        for path in one.config.root.glob(pattern):
            path.unlink()
    assert not holds(samples.reader, one.key, "images") and holds(samples.reader, one.key, "points")


def test_proposals_and_pseudo_points_are_mirrored_with_the_voxels(one: Toy, tmp_path: Path) -> None:
    from voxway.data.prepared.registry import prepared_format

    grid, rng = one.build().task.grid, np.random.default_rng(1)
    flags = {"proposals": rng.random(grid.coarsen(2).shape) < 0.1, "pseudo": rng.random(grid.shape) < 0.1}
    for name, value in flags.items():
        kept = prepared_format(name)
        kept.write(kept.path(tmp_path / name, one.key), value)
    settings = {"needs": frozenset(flags), "prepared": {name: tmp_path / name for name in flags}}
    around = grid.lower[0] == -grid.upper[0]  # others hold no mirror image of what lies ahead
    augment = MIRROR if around else replace(MIRROR, flip_x=0.0)
    plain, mirrored = one.build(**settings)[one.key], one.build(**settings, augment=augment).augmented(one.key, 0)
    for name, value in flags.items():
        np.testing.assert_array_equal(getattr(plain, name), value)
        np.testing.assert_array_equal(getattr(mirrored, name), value[:: -1 if around else 1, ::-1])


def test_pseudo_labels_are_read_at_the_networks_size(one: Toy, tmp_path: Path) -> None:
    kind, cameras = PseudoLabels(), one.build(needs=frozenset({"images"}))[one.key].cameras
    assert cameras is not None
    height, width = cameras.size_px.max(0).values.tolist()
    maps = np.full((cameras.count, height, width), 1, np.uint8)
    maps[:, :, width // 2 :] = SKY
    for one_map, (rows, columns) in zip(maps, cameras.size_px.tolist()):
        one_map[rows:], one_map[:, columns:] = 255, 255
    kind.write(kind.path(tmp_path / "labels", one.key), maps)
    prepared = {"pseudo_labels": tmp_path / "labels"}
    read = one.build(needs=frozenset({"pseudo_labels"}), prepared=prepared, image_px=(16, 24))[one.key]
    found = read.pseudo_labels
    assert found is not None and found.shape == (cameras.count, 16, 24)
    assert (found[:, -1, 0] == 1).all() and (found[:, -1, -1] == SKY).all()

"""What sensors see of one street: agreement of camera and LiDAR, moving things, shadows, all classes."""

from __future__ import annotations

import numpy as np
import pytest

from voxway.data.semantickitti.benchmark import SEMANTIC_KITTI
from voxway.world.layouts.semantickitti.rig import kitti_rig
from voxway.world.sensors.camera import photograph
from voxway.world.sensors.lidar import scan
from voxway.world.sensors.scene import Caster, Scene
from voxway.world.shapes import labels
from voxway.world.shapes.labels import MOVING
from voxway.world.shapes.mesh import Mesh, Paint, box
from voxway.world.street.drive import present
from voxway.world.street.street import Street, build_street, random_stream

FRAMES = (0, 40, 80)


def scene_at(street: Street, static: Caster, frame: int) -> Scene:
    return Scene(static, present(street.actors, frame, street.drive.T_world_vehicle[frame]), street.ground)


@pytest.mark.parametrize("side", ["left", "right"])
def test_points_land_on_pixels_of_their_class(street: Street, static: Caster, side: str) -> None:
    rig = kitti_rig((185, 613), 512)
    camera = getattr(rig, side)
    P = {"left": rig.P2, "right": rig.P3}[side]
    same = total = 0
    for frame in FRAMES:
        scene, pose = scene_at(street, static, frame), street.drive.T_world_vehicle[frame]
        picture = photograph(scene, street.light, camera, pose, np.random.default_rng(0))
        taken = scan(scene, rig.lidar, pose, np.random.default_rng(0))
        velo = np.column_stack([taken.points[:, :3], np.ones(len(taken.points))])
        image = velo @ (P @ rig.T_cam_velo).T
        u, v = (np.rint(image[:, axis] / image[:, 2]).astype(int) for axis in (0, 1))
        height, width = camera.size_px
        seen = (image[:, 2] > 1) & (u >= 0) & (u < width) & (v >= 0) & (v < height)
        u, v, depth, label = u[seen], v[seen], image[seen, 2], taken.labels[seen] & 0xFFFF
        # The LiDAR sits higher than the cameras and sees over things: only what both see is compared.
        both = np.abs(picture.depth[v, u] - depth) < 0.03 * depth + 0.1
        same += int((picture.label[v, u] == label)[both].sum())
        total += int(both.sum())
        assert both.mean() > 0.6
    assert total > 3000
    assert same / total > 0.95


def test_scan_is_a_plausible_turn(street: Street, static: Caster) -> None:
    lidar = kitti_rig(columns=512).lidar
    pose = street.drive.T_world_vehicle[10]
    taken = scan(scene_at(street, static, 10), lidar, pose, np.random.default_rng(0))
    assert 0.4 * 64 * 512 < len(taken.points) < 64 * 512
    road = taken.points[(taken.labels & 0xFFFF) == labels.ROAD]
    near = road[np.linalg.norm(road[:, :2], axis=1) < 10]
    np.testing.assert_allclose(np.median(near[:, 2]), -1.73, atol=0.08)
    elevation = np.degrees(np.arcsin(taken.points[:, 2] / np.linalg.norm(taken.points[:, :3], axis=1)))
    assert -24.9 < elevation.min() < -20
    assert 1 < elevation.max() < 2.1


def test_things_have_instances_and_stuff_has_none(street: Street, static: Caster) -> None:
    lidar = kitti_rig(columns=512).lidar
    pose = street.drive.T_world_vehicle[0]
    taken = scan(scene_at(street, static, 0), lidar, pose, np.random.default_rng(0))
    semantic, instance = taken.labels & 0xFFFF, taken.labels >> 16
    assert (instance[semantic == labels.CAR] > 0).all()
    assert not instance[np.isin(semantic, [labels.ROAD, labels.BUILDING, labels.VEGETATION])].any()


def test_moving_things_move_and_carry_moving_ids(street: Street) -> None:
    assert street.actors
    for actor in street.actors:
        assert set(np.unique(actor.mesh.label)) <= set(MOVING.values())
        steps = np.linalg.norm(np.diff(actor.track[:, :2], axis=0), axis=1)
        steps = steps[np.isfinite(steps)]
        # At 10 Hz: a stroll of 0.5 m/s up to 20 m/s.
        assert (steps < 2.0).all()
        assert not len(steps) or np.median(steps) > 0.05
    inside = [present(street.actors, frame, street.drive.T_world_vehicle[frame]) for frame in (0, 60)]
    assert any(len(mesh.faces) for mesh in inside)


def test_moving_thing_in_front_is_what_the_ray_meets(street: Street, static: Caster) -> None:
    pose = street.drive.T_world_vehicle[20]
    ahead = (pose @ np.array([6.0, 0, 1.0, 1]))[:3]
    block = box((0.5, 3, 3), ahead, Paint(label=252, material=9)).named(instance=7)
    origin = (pose @ np.array([0, 0, 1.0, 1]))[:3].astype(np.float32)[None]
    hits = Scene(static, block, street.ground).cast(origin, pose[:3, :1].T.astype(np.float32), reach=50.0)
    assert hits.label.tolist() == [252]
    assert hits.instance.tolist() == [7]
    assert 5 < hits.distance[0] < 6.2


def test_a_roof_casts_a_shadow(street: Street) -> None:
    roof = Caster(box((10, 10, 0.2), (0, 0, 5), Paint(label=50, material=3)))
    scene = Scene(roof, Mesh.merge([]), street.ground)
    position, up = np.array([[0, 0, 0], [30, 0, 0]], np.float32), np.array([[0, 0, 1]] * 2, np.float32)
    np.testing.assert_array_equal(scene.shadowed(position, up, up[0]), [True, False])


def test_all_classes_occur_in_a_few_streets() -> None:
    lidar = kitti_rig(columns=512).lidar
    found: set[int] = set()
    for name in ("00", "01", "02"):
        street = build_street(0, name, 200)
        static = Caster(street.static)
        for frame in range(0, 200, 10):
            taken = scan(
                scene_at(street, static, frame),
                lidar,
                street.drive.T_world_vehicle[frame],
                random_stream(0, name, frame),
            )
            found |= set(np.unique(SEMANTIC_KITTI.to_train(taken.labels & 0xFFFF, name)).tolist())
    assert set(SEMANTIC_KITTI.task.evaluated) <= found

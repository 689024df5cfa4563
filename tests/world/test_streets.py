"""Streets without sensors: road coordinates, ground zones, meshes, the drive, and that streets differ."""

from __future__ import annotations

import numpy as np
import pytest

from voxway.world.shapes import furniture, people, plants, vehicles
from voxway.world.shapes.buildings import building, hall
from voxway.world.shapes.mesh import Mesh, Paint, ball, box, loft, tube
from voxway.world.shapes.stock import Deck, Shapes
from voxway.world.street.ground import KERB, Zone
from voxway.world.street.roads import Road, winding
from voxway.world.street.street import Street, build_street

PAINT = Paint(label=50, material=1)


def test_locate_undoes_point() -> None:
    rng = np.random.default_rng(0)
    road = Road(np.array([3.0, -7.0]), 0.4, winding(rng, 300.0))
    s = rng.uniform(5, 295, 500)
    room = 1 / np.abs(road.curvature).max()
    d = rng.uniform(-1, 1, 500) * min(0.6 * room, 12)
    found_s, found_d = road.locate(road.point(s, d))
    np.testing.assert_allclose(found_d, d, atol=0.02)
    np.testing.assert_allclose(found_s, s, atol=0.15)


def test_locate_knows_what_is_out_of_reach() -> None:
    road = Road(np.zeros(2), 0.0, np.zeros(101))
    s, d = road.locate(np.array([[25.0, 2.0], [25.0, 90.0], [-30.0, 0.0], [1e6, 1e6]]))
    assert s[0] == pytest.approx(25.0)
    assert d[0] == pytest.approx(2.0)
    assert np.isinf(d[1:]).all()


def test_winding_roads_do_not_double_back() -> None:
    for seed in range(20):
        road = Road(np.zeros(2), 0.0, winding(np.random.default_rng(seed), 600.0))
        assert np.abs(road.heading).max() < 2.2
        assert np.abs(road.curvature).max() < 1 / 14


def test_zones_follow_each_other_across_a_street(street: Street) -> None:
    route = street.ground.roads[0]
    section = route.section
    i = int(np.argmax((section.pavement - section.verge)[0] > 1.2))
    s = i * 0.5
    middle = np.array([0.0, (section.verge[0, i] + section.pavement[0, i]) / 2])
    spot = street.ground.look(route.point(np.array([s, s]), middle))
    assert spot.zone.tolist() in ([Zone.ROAD, Zone.PAVEMENT], [Zone.ROAD, Zone.ROAD])
    road, pavement = street.ground.height(route.point(np.array([s, s]), middle))
    if spot.zone[1] == Zone.PAVEMENT:
        slope = np.abs(street.ground.slope(route.point(np.array([s]), np.zeros(1)))).sum() * middle[1]
        assert pavement - road == pytest.approx(KERB, abs=slope + 0.01)


def test_drive_keeps_to_its_lane_and_speed(street: Street) -> None:
    poses = street.drive.T_world_vehicle
    step = np.linalg.norm(np.diff(poses[:, :3, 3], axis=0), axis=1) / 0.1
    assert step.min() > 2.5
    assert step.max() < 13.5
    assert (street.ground.look(poses[:, :2, 3]).zone == Zone.ROAD).all()
    rotations = poses[:, :3, :3]
    np.testing.assert_allclose(
        rotations @ rotations.transpose(0, 2, 1), np.tile(np.eye(3), (len(poses), 1, 1)), atol=1e-9
    )
    _, d = street.ground.roads[0].locate(poses[:, :2, 3])
    assert (d < -1).all()


def test_nothing_static_stands_in_the_way(street: Street) -> None:
    poses, mesh = street.drive.T_world_vehicle, street.static
    centres = mesh.vertices[mesh.faces[~np.isin(mesh.label, [72, 70])]].mean(1)
    for pose in poses[::10]:
        local = (centres - pose[:3, 3]) @ pose[:3, :3]
        box_around = (
            (np.abs(local[:, 0]) < 2) & (np.abs(local[:, 1]) < 0.85) & (local[:, 2] > 0.3) & (local[:, 2] < 1.6)
        )
        assert not box_around.any()


def test_the_same_seed_is_the_same_street_and_others_are_not() -> None:
    first, again, other = build_street(5, "00", 20), build_street(5, "00", 20), build_street(5, "01", 20)
    np.testing.assert_array_equal(first.static.vertices, again.static.vertices)
    np.testing.assert_array_equal(first.drive.T_world_vehicle, again.drive.T_world_vehicle)
    assert len(first.static.faces) != len(other.static.faces)
    assert not np.array_equal(first.light.sun, other.light.sun)


@pytest.mark.parametrize(
    "draw",
    [
        vehicles.car,
        vehicles.truck,
        vehicles.bus,
        vehicles.trailer,
        people.person,
        people.bicycle,
        people.motorcycle,
        people.bicyclist,
        people.motorcyclist,
        plants.tree,
        plants.bush,
        furniture.lamp,
        furniture.sign,
        furniture.board,
        furniture.bollard,
        furniture.bin_,
        furniture.traffic_light,
        lambda rng: plants.hedge(rng, 3.0, 1.5, 0.8),
        lambda rng: furniture.picket_fence(rng, 3.0),
        lambda rng: furniture.panel_fence(rng, 3.0),
        lambda rng: furniture.wall(rng, 3.0),
        lambda rng: furniture.guard_rail(3.0),
        lambda rng: building(rng, 10.0, 9.0, 3, gabled=True),
        lambda rng: hall(rng, 20.0, 12.0),
    ],
)
def test_shapes_are_sound(draw) -> None:
    for seed in range(5):
        mesh = draw(np.random.default_rng(seed))
        assert np.isfinite(mesh.vertices).all()
        assert mesh.faces.min() == 0
        assert mesh.faces.max() == len(mesh.vertices) - 1
        corners = mesh.vertices[mesh.faces]
        area = np.linalg.norm(np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=1) / 2
        assert (area > 1e-9).mean() > 0.95
        assert (mesh.colour >= 0).all()
        low, high = mesh.vertices.min(0), mesh.vertices.max(0)
        assert high[2] - low[2] < 25
        assert len(mesh.faces) < 3000


@pytest.mark.parametrize(
    ("mesh", "low", "high"),
    [
        (box((2, 4, 6), (1, 0, 0), PAINT), (0, -2, -3), (2, 2, 3)),
        (tube((0, 0, 0), (0, 0, 5), (1.0, 1.0), PAINT, sides=4), (-1, -1, 0), (1, 1, 5)),
        (ball((0, 0, 1), (1, 2, 3), PAINT, rings=4, sides=4), (-1, -2, -2), (1, 2, 4)),
        (loft(np.array([[0.0, 0.0], [2.0, 0.0], [2.0, 1.0]]), np.array([1.0, 1.0, 0.5]), PAINT), (0, -1, 0), (2, 1, 1)),
    ],
)
def test_solids_have_their_size(mesh: Mesh, low: tuple, high: tuple) -> None:
    np.testing.assert_allclose(mesh.vertices.min(0), low, atol=1e-6)
    np.testing.assert_allclose(mesh.vertices.max(0), high, atol=1e-6)


def test_meshes_merge_place_and_rename() -> None:
    one = box((1, 1, 1), (0, 0, 0), PAINT)
    both = Mesh.merge([one, one.placed((5, 0, 0), np.pi / 2, 2.0).named(label=10, instance=3)])
    assert len(both.faces) == 24
    assert both.faces.max() == len(both.vertices) - 1
    assert both.vertices[:, 0].max() == pytest.approx(6.0)
    assert both.label.tolist() == [50] * 12 + [10] * 12
    assert both.instance.tolist() == [0] * 12 + [3] * 12
    assert len(Mesh.merge([]).faces) == 0


def test_a_deck_deals_every_card_before_it_repeats() -> None:
    rare, common = Shapes([], (1.0, 1.0)), Shapes([], (2.0, 2.0))
    deck = Deck(np.random.default_rng(0), [(common, 4), (rare, 1)])
    for _ in range(3):
        hand = [deck.draw() for _ in range(5)]
        assert hand.count(rare) == 1

"""What is particular to OccLE: stages, frames, mixed batches, the switches, and its network on its own terms."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from tests.methods.tiny import TASK, TINY, sample_for
from voxway.core.camera import Cameras
from voxway.core.errors import InputError
from voxway.core.grid import VoxelGrid
from voxway.core.sample import EVIDENCE_FREE, EVIDENCE_OCCUPIED, collate
from voxway.core.task import IGNORE, SKY
from voxway.losses.cross_entropy import cross_entropy
from voxway.losses.valid import valid_log_probs
from voxway.methods.contract import Follower, Grouped, Paced, ReadsPoints
from voxway.methods.occle.cross_plane import CrossPlane, Plane
from voxway.methods.occle.geometry import GeometryConfig
from voxway.methods.occle.labels import Hidden, lifted_labels
from voxway.methods.occle.points import all_points
from voxway.methods.occle.semantic import SemanticConfig
from voxway.methods.occle.supervision import Supervision, evidence_term
from voxway.methods.occle.unet2d import ImageConfig
from voxway.methods.occle.voxels import VoxelConfig

TINY_OCCLE = TINY["occle"]


def build(seed=0, **changes):
    torch.manual_seed(seed)
    return replace(TINY_OCCLE, **changes).build()


def with_supervision(**changes):
    return {"supervision": replace(TINY_OCCLE.supervision, **changes)}


def sample(seed=0, **changes):
    return replace(sample_for("occle", seed), **changes)


def unlabelled(seed=0):
    """The scene as readers give it where few labels are: its target unknown."""
    return sample(seed, target=torch.full(TASK.grid.shape, IGNORE, dtype=torch.uint8), labelled=False)


def without_points(one):
    none = {"points": one.points[:0], "point_labels": None}
    return replace(one, **none, earlier=tuple(without_points(before) for before in one.earlier))


def out_of_view(one):
    T = one.cameras.T_cam_ego.clone()
    T[:, 2, 3] -= 500  # half a kilometre ahead
    moved = replace(one, cameras=replace(one.cameras, T_cam_ego=T))
    return replace(moved, earlier=tuple(out_of_view(before) for before in one.earlier))


def ring(one, count=6):
    """The scene with so many cameras, which look all around."""
    turns = torch.arange(count) * 2 * torch.pi / count
    poses = []
    for turn in turns:
        T = torch.eye(4).double()
        T[:2, :2] = torch.tensor([[turn.cos(), turn.sin()], [-turn.sin(), turn.cos()]])
        poses.append(one.cameras.T_cam_ego[0] @ T)
    rest = {
        n: getattr(one.cameras, n).expand(count, *getattr(one.cameras, n).shape[1:])
        for n in ("K", "size_px", "T_image")
    }
    whole = replace(
        one,
        cameras=Cameras(T_cam_ego=torch.stack(poses), **rest),
        images=torch.cat([one.images.roll(i, -1) for i in range(count)]),
        depth=None,
        semantics_2d=None,
        pseudo_labels=None if one.pseudo_labels is None else one.pseudo_labels.expand(count, -1, -1).clone(),
    )
    return replace(whole, earlier=tuple(ring(before, count) for before in one.earlier))


def learns(network, batch):
    """The loss's terms, after a backward pass whose gradients are numbers."""
    terms = network.loss(network(batch), batch)
    network.zero_grad()
    torch.stack(list(terms.values())).sum().backward()
    assert all(p.grad.isfinite().all() for p in network.parameters() if p.grad is not None)
    return {name: float(term.detach()) for name, term in terms.items()}


def test_it_is_what_the_engine_may_ask_of_it():
    network = build()
    assert all(isinstance(network, kind) for kind in (Follower, Grouped, Paced, ReadsPoints))
    assert network.rate_factors == {"semantic": 0.3, "geometry": 0.3, "semantic.image.backbone": 0.1, "head": 1.0}
    assert build(stage="semantic").rate_factors == {}
    assert network.point_columns == 4 and build(lag="column").point_columns == 5
    assert network.inputs == {"images", "points", "pose"} and build(frames=1).inputs == {"images", "points"}


# --- stages


@pytest.mark.parametrize(
    ("stage", "targets", "terms"),
    [
        ("semantic", {"pseudo_labels"}, {"pixels", "pixels_lovasz", "points", "points_lovasz"}),
        ("geometry", {"target", "evidence"}, {"geometry", "geometry_affinity", "evidence"}),
        (
            "all",
            {"target", "evidence", "pseudo_labels"},
            {"voxel", "semantic_affinity", "geometric_affinity", "lovasz", "projection", "sky"}
            | {"pixels", "pixels_lovasz", "points", "points_lovasz", "geometry", "geometry_affinity", "evidence"},
        ),
    ],
)
def test_a_stage_learns_its_own(stage, targets, terms):
    network = build(stage=stage).train()
    batch = collate([sample(), unlabelled(1)])
    assert network.targets == targets
    optimizer = torch.optim.SGD([p for p in network.parameters() if p.requires_grad], lr=0.1)
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    assert learns(network, batch).keys() == terms
    optimizer.step()
    changed = {name for name, tensor in network.state_dict().items() if not torch.equal(tensor, before[name])}
    image = ("semantic.image.backbone.", "semantic.image.enter.", "semantic.image.steps.", "semantic.image.leave.")
    lidar = ("semantic.voxels.", "semantic.unet.", "semantic.voxel_header.", "semantic.image_header.")
    rest = ("semantic.marker.", "semantic.join.", "fusion.", "head.")
    mine = {"semantic": image + lidar, "geometry": (*image, "geometry."), "all": (*image, *lidar, "geometry.", *rest)}
    assert all(name.startswith(mine[stage]) for name in changed)
    assert all(any(name.startswith(part) for name in changed) for part in mine[stage])


def test_all_stages_have_the_same_names():
    states = [build(stage=stage).state_dict() for stage in ("semantic", "geometry", "all")]
    assert states[0].keys() == states[1].keys() == states[2].keys()


@torch.no_grad()
def test_the_semantic_stage_says_the_classes_of_what_lidar_hits():
    network, batch = build(stage="semantic", frames=1).eval(), collate([sample(0), sample(1)])
    prediction = network(batch)
    hit = torch.zeros(2, *TASK.grid.shape, dtype=torch.bool)
    for i, places in enumerate(prediction.each("places")):
        hit[i][tuple(places.T)] = True
        found = prediction.classes[i][tuple(places.T)]
        assert torch.equal(found, prediction.each("voxels")[i].argmax(1).byte() + 1)
    assert hit.any() and (prediction.classes[~hit] == TASK.free).all()
    inside = TASK.grid.index(batch.points[:, :3])
    assert all(hit[0][tuple(cell)] for cell in inside[: int(batch.point_offsets[1])].tolist())


@torch.no_grad()
def test_the_geometric_stage_says_what_is_free():
    prediction = build(stage="geometry").eval()(collate([sample()]))
    geometry = prediction.need("geometry")
    assert torch.equal(prediction.classes != TASK.free, geometry[:, 1] > geometry[:, 0])


def test_detached_geometry_leaves_the_image_network_alone():
    network = build(stage="geometry", geometry=replace(TINY_OCCLE.geometry, detach=True)).train()
    assert not any(p.requires_grad for p in network.semantic.parameters()) and not network.semantic.image.training
    learns(network, collate([sample()]))


def test_counted_classes_become_weights_and_absent_ones_stay_finite():
    counts = [0, 1, *range(1000, 1018)]
    counted = TINY_OCCLE.with_class_counts(counts)
    assert counted.supervision.class_counts == (2.0, 2.0, *(float(n) for n in range(1000, 1018)))
    assert replace(counted, supervision=TINY_OCCLE.supervision) == TINY_OCCLE
    terms = learns(counted.build().train(), collate([sample()]))
    assert all(torch.tensor(list(terms.values())).isfinite())


# --- frames without something


@pytest.mark.parametrize("change", [without_points, out_of_view, lambda one: without_points(out_of_view(one))])
@pytest.mark.parametrize("beside", [False, True])
def test_frames_without_points_or_view_run(change, beside):
    batch = collate([change(sample(0)), *([sample(1)] if beside else [])])
    network = build()
    terms = learns(network.train(), batch)
    assert all(torch.tensor(list(terms.values())).isfinite())
    if not beside and change is not without_points:
        assert terms["projection"] == terms["sky"] == terms["points"] == 0
    assert network.eval()(batch).logits.isfinite().all()


def test_a_frame_without_labels_teaches_by_its_pixels_and_rays_alone():
    network = build().train()
    terms = learns(network, collate([unlabelled()]))
    zero = {"voxel", "semantic_affinity", "geometric_affinity", "lovasz", "geometry", "geometry_affinity", "sky"}
    assert {name for name, value in terms.items() if value == 0} == zero
    assert learns(network, collate([sample()]))["evidence"] == 0  # rays are for frames without labels


def test_labelled_and_unlabelled_frames_in_one_batch():
    """Voxel labels count as if the labelled frame were alone; rays as if the other one were."""
    network = build(stage="geometry").eval()
    together, alone, other = (
        learns(network, collate(samples)) for samples in ([sample(), unlabelled(1)], [sample()], [unlabelled(1)])
    )
    assert together["geometry"] == pytest.approx(alone["geometry"], rel=1e-4)
    assert together["geometry_affinity"] == pytest.approx(alone["geometry_affinity"], rel=1e-4)
    assert together["evidence"] == pytest.approx(other["evidence"], rel=1e-4)


def test_the_sky_pushes_free():
    labels = torch.full((1, 48, 80), SKY, dtype=torch.uint8)
    terms = learns(build().train(), collate([sample(pseudo_labels=labels)]))
    assert terms["sky"] > 0 and terms["projection"] == terms["pixels"] == terms["points"] == 0


def test_without_evidence_no_sample_needs_it():
    network = build(**with_supervision(evidence=0.0)).train()
    assert network.targets == {"target", "pseudo_labels"}
    assert "evidence" not in learns(network, collate([sample(evidence=None)]))


def test_without_terms_of_pseudo_labels_no_sample_needs_them():
    network = build(**with_supervision(projection=0.0, semantic_share=0.0)).train()
    assert network.targets == {"target", "evidence"}
    terms = learns(network, collate([sample(pseudo_labels=None)]))
    assert "voxel" in terms and not terms.keys() & {"projection", "sky", "pixels", "pixels_lovasz", "points"}


@pytest.mark.parametrize("mean", ["voxels", "sides"])
def test_rays_may_teach_the_prediction(mean):
    """Free against the sum of all other classes, where rays say something, on frames without labels."""
    forms = with_supervision(evidence=0.0, predicted_evidence=2.0, ramp=0.0, evidence_mean=mean, evidence_margin=0)
    network = build(**forms).train()
    assert network.targets == {"target", "evidence", "pseudo_labels"}
    assert build(stage="geometry", **with_supervision(evidence=0.0, predicted_evidence=2.0)).targets == {"target"}
    batch = collate([unlabelled()])
    prediction, said = network(batch), batch.need("evidence")
    free = prediction.logits.softmax(1)[:, network.task.free]
    passed, hit = free[said == EVIDENCE_FREE].log(), (1 - free[said == EVIDENCE_OCCUPIED]).log()
    assert len(passed) > 10 and len(hit) > 10
    mean_log = torch.cat([passed, hit]).mean() if mean == "voxels" else (passed.mean() + hit.mean()) / 2
    found = network.loss(prediction, batch)["predicted_evidence"]
    torch.testing.assert_close(found, -2 * mean_log, rtol=1e-4, atol=1e-5)
    assert learns(network, collate([sample()]))["predicted_evidence"] == 0


def test_rays_say_nothing_of_what_they_pass_beside_a_hit():
    """With a margin, only voxels farther from every hit are free; hits themselves are occupied either way."""
    margin, network = 2, build().train()
    batch = collate([unlabelled()])
    said, logits = batch.need("evidence"), network(batch).need("geometry")
    hit = said == EVIDENCE_OCCUPIED
    places = hit.nonzero()[:, 1:]
    far = torch.stack([(place - places).abs().amax(1).min() > margin for place in (said >= 0).nonzero()[:, 1:]])
    free = (said == EVIDENCE_FREE) & far.view_as(said)
    assert 0 < free.sum() < (said == EVIDENCE_FREE).sum()
    log_probs = logits.log_softmax(1)
    expected = -torch.cat([log_probs[:, 0][free], log_probs[:, 1][hit]]).mean()
    found = evidence_term(Supervision(evidence_margin=margin), logits, batch)
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-6)


def test_labels_of_pixels_may_teach_the_prediction_where_rays_end():
    """On frames without labels the class of the pixel that shows a hit voxel; nothing on labelled ones."""
    network = build(**with_supervision(predicted_labels=2.0)).train()
    batch = collate([unlabelled()])
    prediction = network(batch)
    hit = (batch.need("evidence")[0] == EVIDENCE_OCCUPIED).nonzero()
    own, forms = unlabelled(), network.config.supervision
    hidden = Hidden(own.points[:, :3], own.cameras, forms.hidden_window, forms.hidden_slack_m, forms.hidden_slack)
    labels = lifted_labels(TASK.grid.centre(hit, torch.float64), own.pseudo_labels, own.cameras, hidden)
    known = torch.isin(labels, torch.tensor(TASK.occupied, dtype=torch.uint8))
    assert 5 < known.sum() < len(labels)
    log_probs = prediction.logits[0].log_softmax(0)[:, *hit[known].T]
    expected = -log_probs.gather(0, labels[known].long()[None]).mean()
    torch.testing.assert_close(network.loss(prediction, batch)["predicted_labels"], 2 * expected, rtol=1e-4, atol=1e-5)
    assert learns(network, collate([sample()]))["predicted_labels"] == 0


# --- frames and cameras


def test_earlier_frames_are_told_in_the_key_frame():
    one = sample()
    points, offsets = all_points(collate([one, one]), 2, 2.0, "frames")
    own = points[: int(offsets[1])]
    count = len(one.points)
    assert offsets.tolist() == [0, count + len(one.earlier[0].points), 2 * (count + len(one.earlier[0].points))]
    torch.testing.assert_close(own[:count, :3], one.points[:, :3])
    torch.testing.assert_close(own[:count, 3], one.points[:, 3] / 2)
    assert (own[:count, 4] == 0).all() and (own[count:, 4] == 1).all()
    T = one.earlier[0].pose.float()
    expected = one.earlier[0].points[:, :3] @ T[:3, :3].T + T[:3, 3]
    torch.testing.assert_close(own[count:, :3], expected, atol=1e-4, rtol=1e-4)
    _, offsets = all_points(collate([one]), 1, 1.0, "column")
    assert offsets.tolist() == [0, count]


def test_points_without_the_columns_are_refused():
    thin = sample(points=torch.rand(5, 3), earlier=())
    with pytest.raises(InputError, match="points: expected 4 columns or more: x, y, z, intensity, found 3"):
        build(frames=1).eval()(collate([thin]))
    with pytest.raises(InputError, match=r"points: expected 5 columns or more: x, y, z, intensity, age, found 4"):
        build(frames=1, lag="column").eval()(collate([replace(thin, points=torch.rand(5, 4))]))


def test_missing_earlier_frames_are_named():
    with pytest.raises(InputError, match="earlier frames: expected 2, as the network was built for 3 frames, found 1"):
        build(frames=3).eval()(collate([sample()]))


@pytest.mark.parametrize("frames", [1, 2])
def test_six_cameras_around(frames):
    around = VoxelGrid(lower=(-6.4, -6.4, -2.0), cell=(0.4, 0.4, 0.4), shape=(32, 32, 8))
    free_last = replace(TASK, grid=around, free=19, foreground=(), evaluated=tuple(range(19)))
    one = ring(sample_for("occle"))
    moved = lambda s: replace(s, grid=around, points=s.points - torch.tensor([6.4, 0, 0, 0, 0]))  # noqa: E731
    one = replace(moved(one), earlier=tuple(moved(before) for before in one.earlier))
    network = build(task=free_last, frames=frames, geometry=replace(TINY_OCCLE.geometry, view="around")).train()
    terms = learns(network, collate([one]))
    assert all(value > 0 for name, value in terms.items() if name not in ("sky", "evidence"))
    assert len(network.geometry.join.spread) == 2
    assert network(collate([one])).each("pixels")[0].shape == (6, 19, 12, 20)


def test_another_frame_changes_what_is_seen():
    one = sample()
    network = build().eval()
    black = replace(one, earlier=(replace(one.earlier[0], images=torch.zeros_like(one.images)),))
    bare = replace(one, earlier=(replace(one.earlier[0], points=one.points[:0]),))
    with torch.no_grad():
        logits = [network(collate([s])).logits for s in (one, black, bare)]
    assert not torch.equal(logits[0], logits[1]) and not torch.equal(logits[0], logits[2])


@torch.no_grad()
def test_points_may_come_in_any_order():
    one = sample()
    whole = {"voxels": VoxelConfig(widths=(8,), max_points=100)}
    network = build(
        semantic=replace(TINY_OCCLE.semantic, **whole), geometry=replace(TINY_OCCLE.geometry, **whole)
    ).eval()
    other = replace(one, points=one.points[torch.randperm(len(one.points))])
    torch.testing.assert_close(network(collate([other])).logits, network(collate([one])).logits, atol=1e-4, rtol=1e-4)


# --- the moving average as a teacher


def test_consistency_by_hand():
    """Only on frames without labels, only where the teacher is sure, and growing in."""
    network = build(stage="geometry", **with_supervision(consistency=2.0, confidence=0.9, ramp=0.5)).train()
    batch = collate([sample(), unlabelled(1)])
    prediction = network(batch)
    taught = torch.zeros(2, 2, *TASK.grid.shape)
    taught[:, 1, :4], taught[:, 0, 4:8], taught[:, 1, 8:12] = 5.0, 5.0, 2.0  # 99 %, 99 % free, 88 %
    network.progress = 0.25
    (term,) = network.follow(prediction, {"geometry": taught}, batch).values()
    target = torch.full((1, *TASK.grid.shape), IGNORE, dtype=torch.uint8)
    target[:, :4], target[:, 4:8] = 1, 0
    expected = cross_entropy(*valid_log_probs(prediction.need("geometry")[1:], target))
    ramp = float(torch.exp(torch.tensor(-5 * 0.5**2)))
    assert term.item() == pytest.approx(2 * ramp * expected.item(), rel=1e-4)
    network.progress = 0.5
    (whole,) = network.follow(prediction, {"geometry": taught}, batch).values()
    assert whole.item() == pytest.approx(2 * expected.item(), rel=1e-4)
    with pytest.raises(InputError, match="expected a teacher that says 'geometry'"):
        network.follow(prediction, {}, batch)
    assert build(stage="semantic").follow(prediction, {}, batch) == {}
    shared = build(**with_supervision(consistency=2.0, confidence=0.9, ramp=0.5))
    (term,) = shared.follow(prediction, {"geometry": taught}, batch).values()
    assert term.item() == pytest.approx(0.2 * whole.item(), rel=1e-4)


def test_evidence_grows_in_with_the_training():
    network, batch = build(stage="geometry").eval(), collate([unlabelled()])
    found = []
    for progress in (0.0, 0.1, 0.2, 1.0):
        network.progress = progress
        found.append(learns(network, batch)["evidence"])
    factors = [value / found[-1] for value in found]
    assert factors == pytest.approx([0.0067379, 0.2865048, 1, 1], rel=1e-3)


# --- switches


SWITCHES = {
    "geometry form": {"geometry": replace(TINY_OCCLE.geometry, join="concat")},
    "image alone": {"geometry": replace(TINY_OCCLE.geometry, join="image")},
    "LiDAR alone": {"geometry": replace(TINY_OCCLE.geometry, join="lidar")},
    "other width of LiDAR": {"geometry": replace(TINY_OCCLE.geometry, widths=(8, 16))},
    "no residual blocks": {"geometry": replace(TINY_OCCLE.geometry, blocks=0)},
    "semantic points of all frames": {"semantic": replace(TINY_OCCLE.semantic, frames="all")},
    "padded voxels": {"semantic": replace(TINY_OCCLE.semantic, voxels=VoxelConfig(widths=(8, 8), pad_in_max=True))},
    "finest map of 1/2": {"semantic": replace(TINY_OCCLE.semantic, image=replace(TINY_OCCLE.semantic.image, finest=2))},
    "finest map of 1/1": {"semantic": replace(TINY_OCCLE.semantic, image=replace(TINY_OCCLE.semantic.image, finest=1))},
    "coarser voxels": {"coarsening": (4, 4, 4)},
    "unlike coarsening": {"coarsening": (4, 4, 2)},
    "one frame": {"frames": 1},
    "fading": {"fade": True},
    "plain fusion": {"fusion": replace(TINY_OCCLE.fusion, kind="conv")},
    "mean instead of a fusion": {"fusion": replace(TINY_OCCLE.fusion, kind="none")},
    "visible": with_supervision(projection_mode="visible"),
    "no projection": with_supervision(projection=0.0),
    "no lovasz": with_supervision(lovasz=0.0),
    "coarse pixels": with_supervision(pixels="map"),
    "epsilon": with_supervision(affinity_epsilon=0.5),
    "counts": with_supervision(class_counts=tuple(float(10**7 >> i) for i in range(20))),
    "no window": with_supervision(hidden_slack_m=1e-3, hidden_slack=0.0),
}


@pytest.mark.parametrize("name", SWITCHES)
def test_every_switch_changes_what_is_learnt(name):
    batch = collate([sample(), unlabelled(1)])
    usual, switched = build(), build(**SWITCHES[name])
    same = usual.state_dict().keys() == switched.state_dict().keys() and all(
        a.shape == b.shape for a, b in zip(usual.state_dict().values(), switched.state_dict().values())
    )
    if same:
        switched.load_state_dict(usual.state_dict())
    before, after = (learns(network.eval(), batch) for network in (usual, switched))
    assert before != after
    assert switched(batch).logits.shape == (2, 20, *TASK.grid.shape)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (lambda: replace(TINY_OCCLE, frames=0), "one frame or more"),
        (lambda: replace(TINY_OCCLE, coarsening=(2, 1, 2)), "coarsening must be even"),
        (lambda: replace(TINY_OCCLE, full_intensity=0.0), "positive number"),
        (lambda: replace(TINY_OCCLE, head_width=10), "multiple of head_groups"),
        (lambda: replace(TINY_OCCLE, supervision=Supervision(class_counts=(3.0,))), "20 classes need as many"),
        (lambda: Supervision(ramp=1.5), "ramp is a share"),
        (lambda: Supervision(hidden_window=4), "must be odd"),
        (lambda: SemanticConfig(widths=(8, 8)), "three numbers or more"),
        (lambda: GeometryConfig(widths=(8,)), "two numbers or more"),
        (lambda: GeometryConfig(widths=(8, 16), groups=8), "norm would take away"),
        (lambda: GeometryConfig(widths=(8, 18), groups=4), "multiples of 4 groups"),
        (lambda: ImageConfig(finest=3), "1, 2, 4, 8 or 16"),
        (lambda: ImageConfig(base=20, finest=1), "cannot be halved"),
    ],
)
def test_settings_that_do_not_fit_are_refused(wrong, message):
    with pytest.raises(ValueError, match=message):
        wrong()


# --- cross-plane synergy


class Passing(torch.nn.Module):
    """A plane's network that changes nothing."""

    def forward(self, slab):
        return slab


def cross_plane(view, grid, width=3):
    torch.manual_seed(0)
    module = CrossPlane(width, grid, view).eval()
    for part in module.spread:
        part.plane = Passing()
    return module


CROSS_GRID = VoxelGrid(lower=(-2.0, -1.5, 0.0), cell=(1.0, 1.0, 1.0), shape=(4, 3, 2))


@torch.no_grad()
def test_even_scores_spread_the_mean():
    """What LiDAR does not tell apart gets the mean along the depth, everywhere the same."""
    module = cross_plane("ahead", CROSS_GRID)
    images = torch.randn(1, 3, 4, 3, 2)
    slab, spread = module.spread[0](images, torch.zeros(1, 3, 4, 3, 2))
    torch.testing.assert_close(slab, images.mean(2, keepdim=True))
    torch.testing.assert_close(spread, images.mean(2, keepdim=True).expand_as(images))


@torch.no_grad()
def test_a_sure_score_puts_all_where_it_is():
    module = cross_plane("ahead", CROSS_GRID)
    module.spread[0].score.weight.fill_(1.0)
    points = torch.zeros(1, 3, 4, 3, 2)
    points[0, :, 2] = 50.0
    images = torch.randn(1, 3, 4, 3, 2)
    slab, spread = module.spread[0](images, points)
    torch.testing.assert_close(slab[:, :, 0], images[:, :, 2])
    assert not spread[:, :, [0, 1, 3]].any()
    torch.testing.assert_close(spread[:, :, 2], 4 * images[:, :, 2])


@torch.no_grad()
def test_around_weighs_both_depths_by_the_azimuth():
    module = cross_plane("around", CROSS_GRID)
    images, points = torch.randn(2, 1, 3, 4, 3, 2)
    (facing_x, deep_x), (facing_y, deep_y) = (one(images, points) for one in module.spread)
    facing, deep = module._spread(images, points)
    x, y, _ = CROSS_GRID.centres().unbind(-1)
    share = torch.atan2(y, x).cos().square()
    torch.testing.assert_close(deep, share * deep_x + (1 - share) * deep_y)
    torch.testing.assert_close(facing, share * facing_x + (1 - share) * facing_y)


def test_softmax_along_depth_keeps_digits_under_autocast():
    module = CrossPlane(3, CROSS_GRID, "ahead")
    with torch.autocast("cpu", torch.bfloat16):
        module(torch.randn(2, 3, 4, 3, 2), 30 * torch.randn(2, 3, 4, 3, 2)).square().sum().backward()
    assert all(p.grad.isfinite().all() for p in module.parameters())


def test_a_plane_of_each_axis():
    for axis, shape in ((2, (1, 3, 2)), (3, (4, 1, 2)), (4, (4, 3, 1))):
        assert Plane(3, axis)(torch.randn(1, 3, *shape)).shape == (1, 3, *shape)

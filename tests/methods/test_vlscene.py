"""What is particular to VLScene: the pair, its correlation volume, the switches, the teacher."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F

from tests.methods.tiny import TINY, sample_for
from voxway.core.camera import Cameras
from voxway.core.errors import InputError
from voxway.core.sample import collate
from voxway.methods.vlscene import awareness as awareness_module
from voxway.methods.vlscene.awareness import SparseAwareness, SparseUNet
from voxway.methods.vlscene.guidance import FEATURES, SCORES, GuidanceConfig
from voxway.methods.vlscene.neighbours import levels_of
from voxway.methods.vlscene.rig import StereoRig
from voxway.methods.vlscene.stereo import depth_volume
from voxway.methods.vlscene.whole import whole_levels
from voxway.ops.sparse_conv import Sites

TINY_VLSCENE = TINY["vlscene"]


def build(**changes):
    torch.manual_seed(0)
    return replace(TINY_VLSCENE, **changes).build()


def rig_of(one):
    return StereoRig.of(Cameras.stack([one.cameras]), one.extras["T_rect_ego"][None].double(), (one.key,))


def test_the_pair_in_numbers():
    rig = rig_of(sample_for("vlscene"))
    assert float(rig.baseline) == pytest.approx(0.5) and float(rig.disparity) == pytest.approx(30)
    left, right = rig.vector(0)[0], rig.vector(1)[0]
    assert left.shape == (30,) and left[:5].tolist() == [60, 60, 40, 24, 0] and float(right[4]) == pytest.approx(-30)
    assert left[13:18].tolist() == [1, 0, 0, 1, 1]
    torch.testing.assert_close(left[18:], right[18:])


def test_lifted_points_project_back():
    one = sample_for("vlscene")
    template = torch.tensor([[[[10.0, 5.0, 4.0], [70.0, 40.0, 9.0]]]])
    points = rig_of(one).lift(template)[0, 0, 0].double()
    pixels, depth = one.cameras.project(points)
    torch.testing.assert_close(pixels[0].float(), template[0, 0, :, :2], atol=1e-4, rtol=1e-5)
    torch.testing.assert_close(depth[0].float(), template[0, 0, :, 2], atol=1e-4, rtol=1e-5)


def swapped(one):
    flip = Cameras(**{name: getattr(one.cameras, name).flip(0) for name in one.cameras.__dataclass_fields__})
    return replace(one, cameras=flip, extras={"T_rect_ego": flip.T_cam_ego[0]})


def turned(one):
    T = one.cameras.T_cam_ego.clone()
    T[1, :3, :3] = torch.tensor([[0.0, -0.8, 0.6], [0, -0.6, -0.8], [1, 0, 0]])
    return replace(one, cameras=replace(one.cameras, T_cam_ego=T))


def zoomed(one):
    K = one.cameras.K.clone()
    K[1, 0, 0] *= 1.2
    return replace(one, cameras=replace(one.cameras, K=K))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (swapped, r"baseline: expected the second camera to the right of the first, found -0\.50 m"),
        (turned, "T_cam_ego: expected cameras turned alike"),
        (zoomed, "K: expected one focal length"),
        (lambda one: replace(sample_for("monoocc"), extras=one.extras), "cameras: expected 2, left and right, found 1"),
    ],
)
def test_what_is_no_rectified_pair_is_refused(change, message):
    with pytest.raises(InputError, match=message):
        build().eval()(collate([change(sample_for("vlscene"))]))


def test_correlation_where_the_disparity_is():
    """Interpolated between the published volume's entries, 0 beyond it."""
    generator = torch.Generator().manual_seed(0)
    left, right = torch.randn(2, 1, 4, 3, 12, generator=generator)
    steps = torch.tensor([[9.5, 5.25, 3.0, 0.5]], dtype=torch.float64)
    found = depth_volume(left, right, steps, groups=2)
    volume = torch.zeros(1, 2, 4, 3, 12)  # as many entries as bins
    for d in range(4):
        product = left * F.pad(right, (d, 0))[..., :12]
        volume[:, :, d, :, d:] = product.unflatten(1, (2, 2)).mean(2)[..., d:]
    torch.testing.assert_close(found[:, :, 0], torch.zeros(1, 2, 3, 12))
    torch.testing.assert_close(found[:, :, 1], torch.zeros(1, 2, 3, 12))
    torch.testing.assert_close(found[:, :, 2], volume[:, :, 3])
    torch.testing.assert_close(found[:, :, 3], (volume[:, :, 0] + volume[:, :, 1]) / 2)


def test_intended_bins_are_those_of_the_depths():
    rig, depths = rig_of(sample_for("vlscene")), torch.tensor([2.0, 4.0, 8.0])
    assert rig.steps(depths, 8, "intended")[0].tolist() == pytest.approx([30 / 16, 30 / 32, 30 / 64])
    assert rig.steps(depths, 8, "released")[0].tolist() == pytest.approx([7.5, 3.75, 2.5])


SWITCHES = (
    {"gate": "intended"},
    {"point_axes": "intended"},
    {"point_camera": "intended"},
    {"stereo_bins": "intended"},
    {"interaction": False},
    {"propagation": 1},
)


@pytest.mark.parametrize("switch", SWITCHES, ids=lambda switch: next(iter(switch)))
def test_every_switch_changes_what_it_names(switch):
    batch = collate([sample_for("vlscene")])
    as_released, switched = build(), build(**switch)
    if "interaction" not in switch and "propagation" not in switch:
        switched.load_state_dict(as_released.state_dict())
    losses = []
    for network in (as_released.train(), switched.train()):
        torch.manual_seed(1)
        losses.append(network.loss(network(batch), batch))
    terms = {name for name in losses[0] if not torch.equal(losses[0][name], losses[1][name])}
    assert terms and (not any(name.startswith("point_") for name in switch) or terms == {"point", "point_lovasz"})


def test_guidance_reaches_its_parameters_and_the_context():
    network, batch = (
        build(guidance=GuidanceConfig(words=5, features=12, hidden=8)).train(),
        collate([sample_for("vlscene"), sample_for("vlscene", 1)]),
    )
    prediction = network(batch)
    said = {FEATURES: torch.randn(2, 12, 6, 10), SCORES: torch.randn(2, 5, 6, 10)}
    terms = network.follow(prediction, said, batch)
    assert terms.keys() == {"language_features", "language_words"}
    torch.stack(list(terms.values())).sum().backward()
    assert all(p.grad is not None and p.grad.any() for p in network.guidance.parameters())
    assert network.depth_net.context.weight.grad.any()
    with pytest.raises(InputError, match="expected a teacher that says 'language_features'"):
        network.follow(prediction, {}, batch)


def test_guidance_follows_in_bfloat16():
    """As the engine does it: network and teacher under autocast, the terms beside it."""
    network = build(guidance=GuidanceConfig(words=5, features=12, hidden=8)).train()
    batch = collate([sample_for("vlscene")])
    with torch.autocast("cpu", torch.bfloat16):
        prediction = network(batch)
    said = {FEATURES: torch.randn(1, 12, 6, 10).bfloat16(), SCORES: torch.randn(1, 5, 6, 10).bfloat16()}
    terms = network.follow(prediction, said, batch)
    assert all(term.dtype == torch.float32 and term.isfinite() for term in terms.values())
    torch.stack(list(terms.values())).sum().backward()
    assert network.depth_net.context.weight.grad.any()


def test_without_a_part_for_it_a_teacher_is_refused():
    network, batch = build().train(), collate([sample_for("vlscene")])
    said = {FEATURES: torch.randn(1, 12, 6, 10), SCORES: torch.randn(1, 5, 6, 10)}
    with pytest.raises(InputError, match=r"guidance: expected a network with a part for a vision-language teacher"):
        network.follow(network(batch), said, batch)


@pytest.mark.parametrize("gate", ["released", "intended"])
@pytest.mark.parametrize("shape", [(6, 8, 4), (5, 7, 3)])
def test_whole_volumes_give_what_active_voxels_give(gate, shape):
    """The dense form of evaluation against the rows of training, also where counts are odd."""
    torch.manual_seed(0)
    network = SparseUNet((4, 6, 8), gate).double().eval()
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm1d):
            torch.nn.init.uniform_(module.running_mean, -1, 1)
            torch.nn.init.uniform_(module.running_var, 0.5, 2)
            torch.nn.init.uniform_(module.bias, -1, 1)
    active = torch.rand(2, *shape) < 0.4
    rows = torch.randn(2, *shape, 4, dtype=torch.float64) * active[..., None]
    with torch.no_grad():
        index = active.nonzero()
        expected = network(rows[active], levels_of(Sites(index, shape, 2)))
        found = network(rows.reshape(-1, 4).clone(), whole_levels(active)).view(2, *shape, -1)[active]
    torch.testing.assert_close(found, expected)


def test_awareness_is_the_same_whole_and_in_rows(monkeypatch):
    torch.manual_seed(0)
    awareness = SparseAwareness(6, (4, 6, 8), 5, "released").eval()
    volume = torch.randn(1, 6, 12, 12, 8) * (torch.rand(1, 1, 12, 12, 8) < 0.02)
    found = []
    for whole in (False, True):
        monkeypatch.setattr(awareness_module, "pays", lambda active, whole=whole: whole)
        with torch.no_grad():
            found.append(awareness(volume.clone()))
    assert 0 < (found[0] == 0).all(1).float().mean() < 0.9
    torch.testing.assert_close(found[1], found[0], atol=1e-5, rtol=1e-5)
    assert torch.equal((found[1] == 0).all(1), (found[0] == 0).all(1))

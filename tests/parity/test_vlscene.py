"""VLScene against the released code's tensors, from a pair of images to classes."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from tests.conftest import load_reference
from tests.parity.vlscene_case import SIZE_PX, compare, compare_rows, rig
from voxway.methods.vlscene.names import from_published, to_published
from voxway.recipes.networks.vlscene import PUBLISHED, VLSCENE

TRAINING_ALONE = ("clip_fusion", "img_clip_fusion", "img_seg_head")


@pytest.fixture(scope="module")
def reference(request):
    return load_reference(request.config, "vlscene")


@pytest.fixture(scope="module")
def published(reference):
    return reference.state(reference.manifest())


@pytest.fixture(scope="module")
def network(published, device):
    config, state = from_published(published, "case", PUBLISHED)
    assert config == VLSCENE
    network = config.build().eval()
    network.load_state_dict(state)
    return network.to(device)


@pytest.fixture(scope="module")
def cameras(reference, device):
    return rig(reference, device)


def test_names_and_sizes(published, network):
    """Every published name has its place, or is known to do nothing; sizes are those of the paper."""
    back = to_published(VLSCENE, network.state_dict(), PUBLISHED)
    assert {name: tensor.shape for name, tensor in back.items()} == {n: t.shape for n, t in published.items()}
    idle = ("img_neck.fpn_convs.", "img_view_transformer.")
    lost = {name for name, tensor in back.items() if not torch.equal(tensor.cpu(), published[name])}
    assert all(name.startswith(idle) for name in lost) and len(lost) == 10
    statistics = ("running_mean", "running_var", "num_batches_tracked")
    sizes = {name: t.numel() for name, t in back.items() if not name.endswith(statistics)}
    paper = sum(count for name, count in sizes.items() if not any(part in name for part in TRAINING_ALONE))
    assert round(paper / 1e6, 3) == 47.398
    assert sum(p.numel() for p in network.parameters()) == 45_236_761


def test_teacher_in_the_file_is_left_out(published):
    more = {**published, "clip_net.vlseg_encoder.scratch.head1.weight": torch.zeros(3)}
    assert from_published(more, "case", PUBLISHED)[0] == VLSCENE


def test_geometry(reference, cameras, network, close):
    from voxway.ops.bev_pool import frustum

    for side, name in enumerate(("left", "right")):
        compare(reference, f"unit.mlp_input.{name}", cameras.vector(side)[None], close, 1e-6)
    assert float(cameras.disparity) == pytest.approx(float(reference["in.calib"][0, 0]), rel=1e-7)
    depths = network.config.depth_bins.depths().to(cameras.P.device)
    compare(reference, "unit.geometry", cameras.lift(frustum(SIZE_PX, (48, 160), depths))[:, None], close, 1e-6)


@torch.no_grad()
def test_neck(reference, network, device, close):
    shapes = ((160, 48, 160), (320, 24, 80), (640, 12, 40))
    maps = [reference.normal(f"unit.neck.in{i}", (1, *s)).to(device) for i, s in enumerate(shapes, start=1)]
    compare(reference, "unit.neck.out0", network.neck(maps), close)


@torch.no_grad()
def test_depth(reference, network, cameras, device, close):
    left, right = (reference.normal(f"unit.stereo.{s}", (1, 128, 16, 40)).to(device) for s in ("left", "right"))
    describe = [cameras.vector(side) for side in (0, 1)]
    stereo = network.stereo(left, right, *describe, cameras.steps(network.config.depth_bins.depths(), 8, "released"))
    compare(reference, "unit.stereo.prob", stereo, close)
    mono = network.depth_net(left, describe[0])
    compare(reference, "unit.depth_net", torch.cat([mono.scores, mono.context], 1), close)
    compare(reference, "unit.interaction", network.interaction(stereo, mono.scores.softmax(1)), close)


@torch.no_grad()
def test_lift(reference, network, cameras, device, close):
    depth = reference.normal("unit.splat.depth", (1, 112, 48, 160)).softmax(1).to(device)
    context = reference.normal("unit.splat.context", (1, 128, 48, 160)).to(device)
    compare(reference, "unit.splat", network.lift(depth, context, cameras), close)


@pytest.fixture(scope="module")
def aware(reference, network, device):
    """The small case's volume after each of the two parts of sparse awareness."""
    volume = torch.zeros(1, 128, 32, 32, 8)
    volume[:, :, 10:22, 8:20, 2:6] = reference.normal("unit.gssa.in", (1, 128, 12, 12, 4))
    with torch.no_grad():
        return network.awareness.propagate(volume.to(device)), network.awareness(volume.to(device))


def test_propagation_leaves_exact_zeros(reference, aware, close):
    near, _ = aware
    compare(reference, "unit.gssa.pre", near, close)
    expected = np.unpackbits(reference["unit.gssa.active_packed"]).reshape(32, 32, 8).astype(bool)
    assert ((near[0].abs().sum(0) != 0).cpu().numpy() == expected).all() and expected.sum() == 3200


@torch.no_grad()
def test_awareness_and_head(reference, network, aware, close):
    compare(reference, "unit.gssa.out", aware[1], close)
    logits = torch.stack([network.head(one.movedim(0, -1)) for one in network.trunk(aware[1])])
    compare(reference, "unit.head.logits", logits, close, 5e-5)


@pytest.fixture(scope="module")
def chain(reference, network, cameras, device):
    """All stages of a whole pass, by published name."""
    return whole_pass(reference, network, cameras, device)


def whole_pass(reference, network, cameras, device):
    found, hooks = {}, []
    interact = network.awareness.interact

    def keep(name, module, given=False):
        take = (lambda _m, args: found.__setitem__(name, args[0])) if given else None
        put = lambda _m, _i, out: found.__setitem__(name, out)  # noqa: E731
        hooks.append(module.register_forward_pre_hook(take) if given else module.register_forward_hook(put))

    keep("backbone", network.backbone)
    keep("depth_net", network.depth_net)
    keep("stereo.feature", network.stereo.features)
    keep("stereo.warped", network.stereo.first, given=True)
    keep("stereo.single_channel", network.stereo)
    keep("vi.lss2stereo", network.interaction.mono_to_stereo)
    keep("vi.stereo2lss", network.interaction.stereo_to_mono)
    keep("gssa.pre_conv", network.awareness.propagate)
    for name, module in (
        ("downCntx", interact.enter),
        ("res2.skip", interact.fine),
        ("res3.skip", interact.coarse),
        ("up2", interact.to_coarse),
        ("up3", interact.to_fine),
        ("recon", interact.gate),
    ):
        keep(f"gssa.{name}", module)
    keep("gssa.res2.pooled", interact.coarse, given=True)
    keep("gssa.res3.pooled", interact.to_coarse, given=True)
    diffuse = network.trunk.diffuse
    keep("head.occ_conv", diffuse.enter, given=True)
    keep("head.sdb_in", diffuse.enter)
    keep("head.diffusion", diffuse.blocks)
    keep("head.sdb", diffuse.dilated)
    images = torch.stack([reference.image((3, *SIZE_PX)), reference.image((3, *SIZE_PX), ":right")])[None].to(device)
    with torch.no_grad():
        maps = network.encode(images)
        found["neck"] = maps[0]
        found["depth_prob"], context = network.see(maps, cameras)
        found["bev_feat"] = network.lift(found["depth_prob"], context, cameras)
        found["gssa.out"] = network.awareness(found["bev_feat"])
        found["logits"] = torch.stack([network.head(v.movedim(0, -1)) for v in network.trunk(found["gssa.out"])])
    for hook in hooks:
        hook.remove()
    found |= {f"backbone.{name}": level for name, level in zip((14, 50, 54), found.pop("backbone"))}
    found["depth_net"] = torch.cat([*found["depth_net"]], 1)
    found |= {name: found[name][:, None] for name in ("vi.lss2stereo", "vi.stereo2lss")}
    return found


STAGES = [
    "backbone.14", "backbone.50", "backbone.54", "neck", "depth_net", "stereo.feature", "stereo.warped",
    "stereo.single_channel", "vi.lss2stereo", "vi.stereo2lss", "depth_prob", "bev_feat", "gssa.pre_conv", "gssa.out",
    "head.occ_conv", "head.sdb_in", "head.diffusion", "head.sdb",
]  # fmt: skip


@pytest.mark.parametrize("stage", STAGES)
def test_stage(reference, chain, close, stage):
    compare(reference, stage, chain[stage], close)


def test_sums_of_the_volume(reference, chain, close):
    volume = chain["bev_feat"][0].double()
    for key, sums in (("sum_xyz", volume.sum((1, 2, 3))), ("sum_cz", volume.sum((0, 3))[::2, ::2])):
        expected = reference[f"bev_feat.{key}"]
        close.equal(key, sums.float(), expected, 1e-4 * float(np.abs(expected).max()))


def test_active_voxels(reference, chain):
    active = (chain["gssa.pre_conv"][0].abs().sum(0) != 0).cpu().numpy()
    expected = np.unpackbits(reference["gssa.active_packed"]).reshape(128, 128, 16).astype(bool)
    assert (active == expected).all() and active.sum() == int(reference["gssa.active_count"])


@pytest.mark.parametrize("stage", ["downCntx", "res2.skip", "res2.pooled", "res3.skip", "res3.pooled", "up2", "up3"])
def test_sparse_stage(reference, chain, close, stage):
    compare_rows(reference, f"gssa.{stage}", *rows_and_sites(chain, chain[f"gssa.{stage}"], reference), close)


def test_gate(reference, chain, close):
    compare_rows(reference, "gssa.recon", *rows_and_sites(chain, chain["gssa.recon"], reference), close)


def rows_and_sites(chain, found, reference):
    """Rows of active voxels alone, of which there are so many at one resolution, and where those are."""
    active = (chain["gssa.pre_conv"].abs().sum(1, keepdim=True) != 0).float()
    for level in ("", "_l2", "_l3"):
        count = int(reference[f"gssa.active{level}_count"])
        assert int(active.sum()) == count
        if len(found) in (count, active.numel()):  # of active voxels, or of all
            return found if len(found) == count else found[active.flatten() > 0], active[:, 0].nonzero()
        active = torch.nn.functional.max_pool3d(active, 3, 2, 1)
    raise AssertionError(f"{len(found)} rows belong to no resolution")


def test_prediction(reference, chain, close):
    logits = chain["logits"].cpu()
    compare(reference, "logits", logits, close, 5e-5)
    classes = logits[0].argmax(0)
    assert (classes[::2, ::2, ::2].numpy() != reference["argmax@2x2x2"]).mean() <= 1e-5
    assert np.abs(np.bincount(classes.flatten(), minlength=20) - reference["argmax.hist20"]).sum() <= 40


@pytest.fixture(scope="module")
def tamed(reference, network, cameras, device):
    """The same with half the scale in every residual block of the backbone, so that all levels count alike."""
    scales = [p for n, p in network.backbone.named_parameters() if n.endswith("token_mixer.bn.weight")]
    assert len(scales) == 51
    with torch.no_grad():
        for scale in scales:
            scale *= 0.5
        found = whole_pass(reference, network, cameras, device)
        for scale in scales:
            scale *= 2
    return found


@pytest.mark.parametrize(
    "stage",
    ["backbone.14", "backbone.50", "backbone.54", "neck", "depth_net", "stereo.feature", "stereo.warped",
     "stereo.single_channel", "depth_prob", "bev_feat", "gssa.pre_conv", "gssa.out"],
)  # fmt: skip
def test_tamed_stage(reference, tamed, close, stage):
    compare(reference, f"tamed.{stage}", tamed[stage], close)


def test_tamed_prediction(reference, tamed, close):
    compare(reference, "tamed.logits", tamed["logits"], close, 5e-5)


@torch.no_grad()
def test_guidance(reference, network, device, close):
    guidance = network.guidance
    context, scores, features = (
        factor * reference.image((1, channels, 48, 160), suffix).to(device)
        for channels, suffix, factor in ((128, ":ctx", 1), (21, ":seg", 3), (512, ":vl", 1))
    )
    compare(reference, "kd.seg_head", guidance.words(context), close)
    enriched = guidance.enrich(torch.cat([context, features, scores.softmax(1)], 1))
    compare(reference, "kd.E", enriched, close)
    compare(reference, "kd.T", guidance.joined(context, features, scores), close)
    terms = guidance.terms(context, features, scores)
    assert float(terms["language_features"]) == pytest.approx(float(reference["kd.loss_feat"]), rel=1e-5)
    assert float(terms["language_words"]) == pytest.approx(float(reference["kd.loss_logits"]), rel=1e-5)


@torch.no_grad()
def test_points(reference, network, device, close):
    grid = network.task.grid
    lower, upper = (torch.tensor(bound, dtype=torch.float32) for bound in (grid.lower, grid.upper))
    position = (torch.from_numpy(reference["points.xyz"]) - lower) / (upper - lower) * 2 - 1
    scores = network.point_head(
        reference.normal("points.voxel", (1, 256, 16, 16, 4))[0].to(device),
        reference.normal("points.img", (1, 1, 128, 48, 160))[0, 0].to(device),
        position.to(device),
        torch.from_numpy(reference["points.uv"])[:, 0].to(device),
    )
    compare(reference, "points.logits", scores, close)

"""The query proposal network against the released code's tensors: scores, queries, losses and published names."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from voxway.core.errors import InputError
from voxway.core.sample import Sample, collate
from voxway.data.semantickitti.benchmark import SEMANTIC_KITTI
from voxway.methods.qpn.names import NAMES, from_published, to_published
from voxway.recipes.networks.qpn import PUBLISHED, QPN_MONOOCC, QPN_VOXFORMER

MANIFEST = "manifest_qpn.json"
LEVELS = ["half", "quarter", "eighth"]


def unpacked(packed, shape):
    return torch.from_numpy(np.unpackbits(packed).reshape(shape).astype(bool))


@pytest.fixture(scope="module")
def batch(reference, device):
    pseudo = unpacked(reference["qpn/pseudo_packed"], SEMANTIC_KITTI.grid.shape)
    return collate([Sample(key="case/000000", grid=SEMANTIC_KITTI.grid, pseudo=pseudo)]).to(device)


@pytest.fixture(scope="module")
def network(reference, device):
    config, state = from_published(reference.state(reference.manifest(MANIFEST)), "manifest", PUBLISHED)
    assert config == QPN_MONOOCC
    network = config.build().eval()
    network.load_state_dict(state)
    return network.to(device)


@pytest.fixture(scope="module")
def prediction(network, batch):
    with torch.no_grad():
        return network(batch)


@pytest.mark.parametrize("level", LEVELS)
def test_scores(reference, prediction, close, level):
    scores = prediction.need(level).cpu()
    (key,) = [key for key in reference.keys(f"qpn/{level}") if key.partition("|")[0] == f"qpn/{level}"]
    _, _, taken = key.partition("|")
    part = eval(f"scores[{taken}]", {"scores": scores}) if taken else scores
    close(f"query proposals, {level}", (part - torch.from_numpy(reference[key])).abs(), 1e-4, 1e-5)
    close.statistics(scores, reference[f"stat/qpn/{level}"], 1e-5)


def test_queries(reference, prediction):
    expected = unpacked(reference["qpn/query_packed"], (128, 128, 16))
    assert (prediction.classes[0].bool().cpu() != expected).sum() <= 10
    assert abs(int(prediction.classes.sum()) - int(reference["qpn/query_count"])) <= 10


def test_losses(reference, network, prediction, device):
    target = unpacked(reference["qpn/target_packed"], (128, 128, 16)).to(device, torch.uint8)
    target[:, :8] = 255
    targets = [target[None, ::step, ::step, ::step] for step in (1, 2, 4)]
    terms = network.level_losses([prediction.need(scale) for scale in LEVELS], targets)
    np.testing.assert_allclose([float(v) for v in terms.values()], reference["qpn/losses(1,0.9,0.81)"], rtol=1e-5)


def test_names_convert_both_ways(reference, network):
    manifest = reference.manifest(MANIFEST)
    published = reference.state(manifest)
    back = to_published(network.config, network.state_dict(), PUBLISHED)
    assert {name: tuple(tensor.shape) for name, tensor in back.items()} == manifest
    for name, tensor in published.items():
        expected = torch.zeros_like(tensor) if name in NAMES.dead else tensor
        assert torch.equal(back[name].to(expected), expected), name


def test_file_with_one_head_predicts_the_same(reference, prediction, batch, device):
    """VoxFormer's public file lacks the coarser heads."""
    shapes = {
        n: s for n, s in reference.manifest(MANIFEST).items() if not n.startswith(("seg_head_1_4", "seg_head_1_8"))
    }
    config, state = from_published(reference.state(shapes), "file", PUBLISHED)
    assert config == QPN_VOXFORMER
    network = config.build().eval().to(device)
    network.load_state_dict(state)
    with torch.no_grad():
        again = network(batch).logits
    if device.type == "cpu":
        assert torch.equal(again, prediction.logits)
    else:  # sums are taken in any order there
        torch.testing.assert_close(again, prediction.logits, rtol=1e-5, atol=1e-5)
    assert set(to_published(network.config, network.state_dict(), PUBLISHED)) == set(shapes)


def test_another_checkpoint_is_refused():
    with pytest.raises(InputError, match="as every QPN file has"):
        from_published({"backbone.weight": torch.zeros(1)}, "other.pth", PUBLISHED)

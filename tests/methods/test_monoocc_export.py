"""MonoOcc's layers for exports are those of the network, in chunks as at once."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from tests.export.lively import CONFIGS, exporter, frame, lively
from tests.methods.tiny import sample
from voxway.core.calibration import Calibration
from voxway.core.camera import Cameras
from voxway.core.sample import collate
from voxway.methods.monoocc.attention import ImageCrossAttention, VoxelSelfAttention
from voxway.methods.monoocc.export import attention as export
from voxway.methods.monoocc.export.network import ViewsGraph

WIDTH, HEADS, POINTS = 16, 4, 3


def drawn(layer):
    torch.manual_seed(0)
    for parameter in layer.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    return layer.eval()


@pytest.fixture(params=[7, 16384], ids=["chunks", "at once"])
def chunk(request, monkeypatch):
    monkeypatch.setattr(export, "CHUNK", request.param)


@torch.no_grad()
def test_cross_attention_equals_that_of_the_network(chunk):
    """Also for queries that no view sees, and for positions far outside of what does not see them."""
    layer = drawn(ImageCrossAttention(WIDTH, HEADS, POINTS, 24, 0.0))
    x, maps, reference = torch.randn(33, WIDTH), torch.randn(2, 5, 6, WIDTH), 5 * torch.rand(2, 33, 2)
    seen = torch.rand(2, 33) < 0.5
    reference[~seen] *= 1e6
    assert {0, 1, 2} <= set(seen.sum(0).tolist())
    found = export.ImageCrossAttentionGraph(layer)(x, maps, reference, seen)
    torch.testing.assert_close(found, layer(x, maps, reference, seen), atol=1e-5, rtol=1e-5)


@torch.no_grad()
def test_self_attention_equals_that_of_the_network(chunk):
    layer = drawn(VoxelSelfAttention(WIDTH, HEADS, POINTS, 24, 0.0))
    x, rows, columns = torch.randn(5 * 6, WIDTH), torch.randn(5, WIDTH // 2), torch.randn(6, WIDTH // 2)
    found = export.VoxelSelfAttentionGraph(layer, rows, columns)(x, rows, columns)
    torch.testing.assert_close(found, layer(x, rows, columns), atol=1e-5, rtol=1e-5)


def test_weights_are_shared_and_the_network_is_left_alone():
    network = CONFIGS["mono"].build().train()
    changed = export.for_export(network)
    assert changed.voxel_queries is network.voxel_queries and network.training and not changed.training
    assert any(isinstance(module, ImageCrossAttention) for module in network.seed.layers)
    assert not any(isinstance(module, ImageCrossAttention) for module in changed.seed.layers)


@torch.no_grad()
def test_views_equal_those_of_the_network():
    network, batch = CONFIGS["mono"].build(), frame(0, "mono")
    crop = torch.tensor([[1.3, 0, -9], [0, 1.1, -4], [0, 0, 1]], dtype=torch.float64)
    cameras = Cameras.stack([sample().cameras.transform_image(crop, (48, 80))])
    expected, expected_seen = network.references(cameras[0], (3, 5))
    assert 0 < expected_seen.float().mean() < 1
    reference, seen = ViewsGraph(network, (48, 80), None)(
        (3, 5), *(getattr(cameras, name).float() for name in ("K", "T_cam_ego", "T_image"))
    )
    assert torch.equal(seen, expected_seen)
    torch.testing.assert_close(reference[seen], expected[seen], atol=1e-4, rtol=1e-5)
    fixed = ViewsGraph(network, (48, 80), Calibration(cameras=cameras))((3, 5))
    assert torch.equal(fixed[0], expected) and torch.equal(fixed[1], seen)
    assert batch.cameras.count == 1


@pytest.mark.parametrize("name", ["mono", "frames"])
@torch.no_grad()
def test_graphs_say_what_their_networks_say(name):
    """Without a file: also of several frames that look at one another, and of an InternImage."""
    network, batch = lively(name), frame(0, name)
    graph = exporter(network)(network, [batch], None)
    classes, logits = graph(*(torch.from_numpy(array) for array in graph.feed(batch).values()))
    expected = network(batch)
    torch.testing.assert_close(logits, expected.logits, atol=1e-2, rtol=1e-4)
    assert (classes == expected.classes).float().mean() > 0.999


@torch.no_grad()
def test_proposals_may_be_finer_than_the_network():
    network = lively("mono")
    batch = collate([sample()])
    fine = replace(batch, proposals=batch.proposals.repeat_interleave(2, 1))
    fine.proposals[:, ::2] = False
    graph = exporter(network)(network, [fine], None)
    feed = graph.feed(fine)
    assert feed["proposals"].shape == (1, 32, 16, 4)
    _, logits = graph(*(torch.from_numpy(array) for array in feed.values()))
    torch.testing.assert_close(logits, network(batch).logits, atol=1e-2, rtol=1e-4)

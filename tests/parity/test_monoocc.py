"""MonoOcc-S against the released code's tensors: every stage from image to logits, and the published names."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from voxway.core.camera import Cameras
from voxway.methods.monoocc.names import from_published, name_map, to_published
from voxway.recipes.networks.monoocc import MONOOCC_S, PUBLISHED


@pytest.fixture(scope="module")
def chain(reference, device):
    """All stage tensors of one forward pass at full size, by the reference's names."""
    _, state = from_published(reference.state(reference.manifest()), "manifest", PUBLISHED)
    network = MONOOCC_S.build().eval()
    network.load_state_dict(state)
    network.to(device)
    found: dict[str, torch.Tensor] = {}

    def keep(name, tensor):
        found[name] = tensor

    for prefix, layers in (
        ("cross", network.seed.layers),
        ("self", network.completion),
        ("late", network.look_again.layers),
    ):
        for i, layer in enumerate(layers):
            layer.register_forward_hook(lambda _m, _i, out, name=f"{prefix}_{i}": keep(name, out[None]))
    network.backbone.register_forward_hook(lambda _m, _i, out: keep("backbone_c4", out[0]))

    height, width = (int(v) for v in reference["s/in/img_hw"])
    cameras = Cameras.from_projection(
        torch.from_numpy(reference["s/in/P2"])[None],
        torch.from_numpy(np.vstack([reference["s/in/Tr"].reshape(-1, 4)[:3], [0, 0, 0, 1]]))[None],
        torch.tensor([[height, width]]),
    )
    np.testing.assert_allclose(cameras.projection[0], reference["s/in/lidar2img"][:3], rtol=1e-9, atol=1e-9)
    proposals = torch.from_numpy(np.unpackbits(reference["s/in/proposal_packed"]).reshape(128, 128, 16)).bool()
    with torch.no_grad():
        maps = network.encode_normalised(reference.image((1, 1, 3, height, width))[0].to(device))
        keep("fpn", maps)
        keep("sem_logits", network.semantic_decoder(maps)[None])
        centres = network.working_grid.centres().flatten(0, 2)
        pixels, depth = cameras.project(centres)
        proposed = proposals.flatten()
        keep("ref_cam", (pixels / torch.tensor([width, height]))[:, proposed][:, None, :, None])
        seen = cameras.visible(pixels, depth)[0]
        keep("ref_mask", seen[proposed])
        keep("late_mask", seen)
        keep("logits", network.head(network.complete(maps, cameras.to(device), proposals.to(device)))[None])
    return {name: tensor.cpu() for name, tensor in found.items()}


STAGES = ["backbone_c4", "fpn", "sem_logits", *(f"cross_{i}" for i in range(3)), "self_0", "self_1"]
STAGES += [f"late_{i}" for i in range(3)] + ["logits"]


@pytest.mark.parametrize("stage", STAGES)
def test_stage(reference, chain, close, stage):
    """Each stage within 1e-4 at most and 1e-5 on average, in every stored slice and in its statistics."""
    (sliced,) = reference.keys(f"s/{stage}|")
    found = eval(f"lambda t: t[{sliced.split('|')[1]}]")(chain[stage])
    close(f"S, {stage}", (found - torch.from_numpy(reference[sliced])).abs(), 1e-4, 1e-5)
    close.statistics(chain[stage], reference[f"stat/s/{stage}"])


def test_references(reference, chain):
    (sliced,) = reference.keys("s/ref_cam|")
    found = chain["ref_cam"][0, 0, ::7, 0]
    # Voxels beside the camera project hundreds of image widths away: compare relatively.
    torch.testing.assert_close(found, torch.from_numpy(reference[sliced]), rtol=1e-4, atol=1e-5)
    np.testing.assert_array_equal(np.packbits(chain["ref_mask"].numpy()), reference["s/ref_mask_packed"])
    np.testing.assert_array_equal(np.packbits(chain["late_mask"].numpy()), reference["s/late_mask_packed"])
    assert int(chain["late_mask"].sum()) == int(reference["s/late_mask_count"])


def test_prediction(reference, chain, close):
    logits = chain["logits"][0]
    means, deviations = logits.double().mean((1, 2, 3)), logits.double().flatten(1).std(1, correction=0)
    np.testing.assert_allclose(means, reference["s/logits_channel_mean"], atol=close.factor * 1e-5)
    np.testing.assert_allclose(deviations, reference["s/logits_channel_std"], atol=close.factor * 1e-5)
    winners = logits.argmax(0).to(torch.uint8).numpy()
    clear = reference["s/argmax_margin|::4,::4,::2"] > 1e-3
    assert (winners[::4, ::4, ::2] == reference["s/argmax|::4,::4,::2"])[clear].all()
    histogram = np.bincount(winners.ravel(), minlength=20)
    # Voxels whose two best classes differ by less than the noise may fall either way.
    assert np.abs(histogram - reference["s/argmax_hist"]).sum() <= close.factor * 2e-5 * winners.size


def test_names_convert_both_ways(reference):
    manifest = reference.manifest()
    published = reference.state(manifest)
    config, ours = from_published(published, "manifest", PUBLISHED)
    assert config == MONOOCC_S
    back = to_published(config, ours, PUBLISHED)
    assert {name: tuple(tensor.shape) for name, tensor in back.items()} == manifest
    dead = name_map(config).dead
    assert set(dead) < set(manifest)
    for name, tensor in published.items():
        if name in dead:
            assert not back[name].any()
        elif name.endswith("level_embeds"):
            assert torch.equal(back[name][0], tensor[0]) and not back[name][1:].any()
        else:
            assert torch.equal(back[name], tensor), name


def test_released_configuration_without_semantic_head(reference):
    manifest = {n: s for n, s in reference.manifest().items() if ".sem_decoder." not in n}
    config, ours = from_published(reference.state(manifest), "manifest", PUBLISHED)
    assert config == replace(MONOOCC_S, semantics_2d=False)
    assert set(to_published(config, ours, PUBLISHED)) == set(manifest)

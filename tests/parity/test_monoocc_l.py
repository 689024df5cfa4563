"""MonoOcc-L against the released code's tensors: every stage from image to logits, and the published names."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from voxway.core.camera import Cameras
from voxway.methods.monoocc.names import from_published, name_map, to_published
from voxway.recipes.networks.monoocc import MONOOCC_L, PUBLISHED

MANIFEST = "manifest_L.json"


@pytest.fixture(scope="module")
def chain(reference, device):
    """All stage tensors of one forward pass at full size, by the reference's names."""
    dead = name_map(MONOOCC_L).dead
    live = {name: shape for name, shape in reference.manifest(MANIFEST).items() if name not in dead}
    config, state = from_published(reference.state(live), MANIFEST, PUBLISHED)
    with torch.device("meta"):
        network = config.build().eval()
    network.load_state_dict({name: tensor.to(device) for name, tensor in state.items()}, assign=True)
    found: dict[str, torch.Tensor] = {}

    def keep(name, module):
        module.register_forward_hook(lambda _m, _i, out: found.update({name: out}))

    keep("stem", network.backbone.stem[1])
    for i, level in enumerate(network.backbone.levels):
        keep(f"level{i}_block0", level[0])
        keep(f"level{i}_last", level[-1])

    height, width = (int(v) for v in reference["s/in/img_hw"])
    cameras = Cameras.from_projection(
        torch.from_numpy(reference["s/in/P2"])[None],
        torch.from_numpy(np.vstack([reference["s/in/Tr"].reshape(-1, 4)[:3], [0, 0, 0, 1]]))[None],
        torch.tensor([[height, width]]),
    )
    proposals = torch.from_numpy(np.unpackbits(reference["s/in/proposal_packed"]).reshape(128, 128, 16)).bool()
    with torch.no_grad():
        maps = network.encode_normalised(reference.image((1, 1, 3, height, width))[0].to(device))
        voxels = network.complete(maps, cameras.to(device), proposals.to(device))
        found["fpn"] = maps
        found["sem_logits"] = network.semantic_decoder(maps)[None]
        found["bev"] = voxels.permute(3, 0, 1, 2)[None]
        found["logits"] = network.head(voxels)[None]
    return {name: tensor.cpu() for name, tensor in found.items()}


STAGES = ["stem", *(f"level{i}_{block}" for i in range(3) for block in ("block0", "last"))]
STAGES += ["fpn", "sem_logits", "bev", "logits"]


@pytest.mark.parametrize("stage", STAGES)
def test_stage(reference, chain, close, stage):
    """Each stage within 1e-4 at most and 1e-5 on average, in the stored slice and in its statistics."""
    (sliced,) = reference.keys(f"L/{stage}|")
    found = eval(f"lambda t: t[{sliced.split('|')[1]}]")(chain[stage])
    close(f"L, {stage}", (found - torch.from_numpy(reference[sliced])).abs(), 1e-4, 1e-5)
    close.statistics(chain[stage], reference[f"stat/L/{stage}"])


@pytest.mark.parametrize("semantic", [True, False])
def test_names_convert_both_ways(reference, semantic):
    manifest = {n: s for n, s in reference.manifest(MANIFEST).items() if semantic or ".sem_decoder." not in n}
    published = {name: torch.zeros(()).expand(shape) for name, shape in manifest.items()}
    config, ours = from_published(published, MANIFEST, PUBLISHED)
    assert config == replace(MONOOCC_L, semantics_2d=semantic)
    back = to_published(config, ours, PUBLISHED)
    assert {name: tuple(tensor.shape) for name, tensor in back.items()} == manifest
    dead = name_map(config).dead
    assert set(dead) < set(manifest)
    assert any(name.startswith("img_backbone.levels.3.") for name in dead)
    moved = [name for name in manifest if name not in dead and not name.endswith("level_embeds")]
    assert all(back[name] is published[name] for name in moved)

"""The privileged branch (three frames, cross-view transformer) against the released code's tensors, and its names."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from voxway.core.camera import Cameras
from voxway.core.sample import Sample, collate
from voxway.data.semantickitti.benchmark import SEMANTIC_KITTI
from voxway.methods.monoocc.names import from_published, name_map, to_published
from voxway.methods.shared.frames import views_of
from voxway.recipes.networks.monoocc import MONOOCC_L, MONOOCC_S, PUBLISHED

MANIFEST = "manifest_teacher.json"
HEIGHT, WIDTH = 376, 1241


def street(reference):
    """Key frame and two earlier ones. The released code projects earlier frames without the fourth column of P2."""
    P2, T_rect_ego = (torch.from_numpy(reference[f"temporal/in_{name}"]) for name in ("P2", "Tr"))
    size = torch.tensor([[HEIGHT, WIDTH]])
    whole = Cameras.from_projection(P2[None], T_rect_ego[None], size)
    without_column = Cameras.pinhole(P2[None, :, :3], T_rect_ego[None], size)

    def frame(name, cameras, earlier=()):
        return Sample(
            key=name,
            grid=SEMANTIC_KITTI.grid,
            cameras=cameras,
            images=torch.zeros(1, 3, HEIGHT, WIDTH, dtype=torch.uint8),
            pose=torch.from_numpy(reference[f"temporal/in_pose_{name}"]),
            earlier=earlier,
        )

    return collate([frame("ref", whole, tuple(frame(name, without_column) for name in ("m3", "m6")))])


@pytest.fixture(scope="module")
def chain(reference, device):
    """All stage tensors of one forward pass from feature maps, by the reference's names."""
    config = replace(MONOOCC_S, frames=3, cross_view=True, semantics_2d=False)
    network = config.build().eval()
    names, own = name_map(config), network.state_dict()
    shapes = {name: tuple(tensor.shape) for name, tensor in names.to_published(own).items() if name not in names.dead}
    network.load_state_dict(names.to_ours(reference.state(shapes), own, "temporal"))
    network.to(device)
    found: dict[str, torch.Tensor] = {}
    for prefix, transformer in (("cross", network.seed), ("late", network.look_again)):
        for i, layer in enumerate(transformer.layers):
            layer.register_forward_hook(lambda _m, _i, out, name=f"{prefix}_{i}": found.update({name: out[None]}))

    _, cameras = views_of(street(reference), frames=3)
    proposals = torch.from_numpy(np.unpackbits(reference["temporal/in_proposal_packed"]).reshape(128, 128, 16)).bool()
    found["lidar2img"] = cameras.projection[0]
    centres = network.working_grid.centres().flatten(0, 2)[proposals.flatten()]
    pixels, depth = cameras[0].project(centres)
    found["ref_cam"] = (pixels / torch.tensor([WIDTH, HEIGHT]))[:, None, :, None]
    found["seen_count"] = cameras[0].visible(pixels, depth).sum(0)
    with torch.no_grad():
        maps = network.cross_view(reference.image((1, 3, 128, 24, 78), ".frames")[0].to(device))
        found["after_cvt"] = maps[None]
        voxels = network.complete(maps, cameras[0].to(device), proposals.to(device))
        found["logits"] = network.head(voxels)[None]
    return {name: tensor.cpu() for name, tensor in found.items()}


def test_geometry(reference, chain):
    np.testing.assert_allclose(chain["lidar2img"], reference["temporal/in_lidar2img"][:, :3], rtol=1e-9, atol=1e-7)
    np.testing.assert_array_equal(chain["seen_count"][::7], reference["temporal/seen_count|::7"])
    # Voxels beside a camera project hundreds of image widths away: compare relatively.
    expected = torch.from_numpy(reference["temporal/ref_cam|:,0,::31,0"])
    torch.testing.assert_close(chain["ref_cam"][:, 0, ::31, 0], expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    "stage", ["after_cvt", *(f"{part}_{i}" for part in ("cross", "late") for i in range(3)), "logits"]
)
def test_stage(reference, chain, close, stage):
    """Each stage within 1e-4 at most and 1e-5 on average, in the stored slice and in its statistics."""
    (sliced,) = reference.keys(f"temporal/{stage}|")
    found = eval(f"lambda t: t[{sliced.split('|')[1]}]")(chain[stage])
    close(f"teacher, {stage}", (found - torch.from_numpy(reference[sliced])).abs(), 1e-4, 1e-5)
    close.statistics(chain[stage], reference[f"stat/temporal/{stage}"])


def test_names_convert_both_ways(reference):
    manifest = reference.manifest(MANIFEST)
    published = {name: torch.zeros(()).expand(shape) for name, shape in manifest.items()}
    config, ours = from_published(published, MANIFEST, PUBLISHED)
    assert config == replace(MONOOCC_L, frames=5, cross_view=True)
    back = to_published(config, ours, PUBLISHED)
    assert {name: tuple(tensor.shape) for name, tensor in back.items()} == manifest
    dead = name_map(config).dead
    moved = [name for name in manifest if name not in dead and not name.endswith("level_embeds")]
    assert all(back[name] is published[name] for name in moved)

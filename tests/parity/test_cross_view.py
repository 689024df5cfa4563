"""The cross-view transformer against the released code's tensors: a pair block by block, and a chain of three."""

import pytest
import torch

from voxway.core.names import NameMap
from voxway.methods.monoocc.cross_view import CrossViewTransformer
from voxway.methods.monoocc.names import CROSS_VIEW


@pytest.fixture(scope="module")
def network(reference, device):
    network = CrossViewTransformer(128).eval()
    names = NameMap(renames=CROSS_VIEW, dead={})
    own = {f"cross_view.{name}": tensor for name, tensor in network.state_dict().items()}
    shapes = {name: tuple(tensor.shape) for name, tensor in names.to_published(own).items()}
    manifest = reference.manifest("manifest_teacher.json")
    assert shapes == {name: shape for name, shape in manifest.items() if ".cvt." in name}
    assert sum(p.numel() for p in network.parameters()) == 3_150_336
    found = names.to_ours(reference.state(shapes), own, "cvt")
    network.load_state_dict({name.removeprefix("cross_view."): tensor for name, tensor in found.items()})
    return network.to(device)


def check(close, reference, key, found):
    close(key, (found.cpu() - torch.from_numpy(reference[key])).abs(), 1e-4, 1e-5)


@torch.no_grad()
def test_pair(reference, network, device, close):
    maps = reference.image((1, 3, 128, 24, 78), ".cvt")[0].to(device)
    pair = network.positioned(maps[:2].permute(0, 2, 3, 1))
    check(close, reference, "cvt/with_position_0|0,::2,::3,::3", pair[0].permute(2, 0, 1)[::2, ::3, ::3])
    for i, block in enumerate(network.blocks):
        pair = block(pair)
        check(close, reference, f"cvt/block_{i}|:,::37,::2", pair.flatten(1, 2)[:, ::37, ::2])
    final = network(maps[:2])
    for i in range(2):
        check(close, reference, f"cvt/pair_{i}|0,::2,::3,::3", final[i, ::2, ::3, ::3])


@torch.no_grad()
def test_chain(reference, network, device, close):
    maps = reference.image((1, 3, 128, 24, 78), ".cvt")[0].to(device)
    check(close, reference, "cvt/chain3|0,:,::4,::4,::4", network(maps)[:, ::4, ::4, ::4])


def test_odd_maps_stay_as_they_are(reference, network, device):
    maps = reference.image((1, 2, 128, 24, 77), ".cvt")[0].to(device)
    assert torch.equal(network(maps), maps)

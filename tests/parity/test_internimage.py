"""InternImage against the released code's tensors: its convolution, and every level of a small network."""

import pytest
import torch

from voxway.core.names import NameMap
from voxway.nn.internimage import VARIANTS, DeformableConvolution, InternImage, renames

CONVOLUTION = {
    "depthwise": "dw_conv.0",
    "norm": "dw_conv.1.1",
    "offset": "offset",
    "mask": "mask",
    "value": "input_proj",
    "output": "output_proj",
}


def test_convolution(reference, device, close):
    layer = DeformableConvolution(64, groups=4, offset_scale=2.0)
    published = {}
    for name, tensor in layer.state_dict().items():
        module, leaf = name.split(".")
        published[name] = (f"dcn.{CONVOLUTION[module]}.{leaf}", tuple(tensor.shape))
    state = reference.state(dict(published.values()))
    layer.load_state_dict({name: state[theirs] for name, (theirs, _) in published.items()})
    layer.to(device)
    x = reference.image((1, 64, 13, 17), ".dcn").permute(0, 2, 3, 1).to(device).requires_grad_()
    out = layer(x)
    close.equal("dcn/out", out, reference["dcn/out"], 1e-5)

    grad_out = reference.image((1, 64, 13, 17), ".dcn_go").permute(0, 2, 3, 1).to(device)
    found = torch.autograd.grad(out, [x, layer.offset.weight, layer.mask.weight], grad_out)
    for key, grad in zip(("grad_in", "grad_offset_weight|::2,::2", "grad_mask_weight"), found):
        expected = torch.from_numpy(reference[f"dcn/{key}"])
        grad = grad[::2, ::2] if "|" in key else grad
        close.equal(f"dcn/{key}", grad, expected, 1e-4 * float(expected.abs().max()))


@pytest.fixture(scope="module")
def network(reference, device):
    network = InternImage(VARIANTS["internimage-nano"], 32).eval()
    names = NameMap(renames=renames("small.", ""), dead={})
    own = network.state_dict()
    state = reference.state({name: tuple(tensor.shape) for name, tensor in names.to_published(own).items()})
    assert {name.removeprefix("small.") for name in state} == set(reference["intern/names"].tolist())
    state = {name: tensor + ("gamma" in name.rsplit(".", 1)[-1]) for name, tensor in state.items()}
    network.load_state_dict(names.to_ours(state, own, "small"))
    return network.to(device)


def test_levels(reference, network, device, close):
    found = {}
    network.stem[1].register_forward_hook(lambda _m, _i, out: found.update(stem=out))
    for i, level in enumerate(network.levels):
        level[-1].register_forward_hook(
            lambda _m, _i, out, name=f"level_{i}": found.update({name: out.permute(0, 3, 1, 2)})
        )
    with torch.no_grad():
        (out,) = network(reference.image((1, 3, 70, 100), ".small").to(device))
    assert torch.equal(out, found["level_3"])
    for name, tensor in found.items():
        close(f"intern/{name}", (tensor.cpu() - torch.from_numpy(reference[f"intern/{name}"])).abs(), 1e-4, 1e-5)

"""The attention operator against the released code's tensors, values and gradients."""

import torch

from voxway.ops.deform_attn import deformable_attention


def test_deformable_attention(reference, device, close):
    height, width = 6, 60
    value = reference.image((1, 8, 16, height, width), ".msda_value")[0].permute(2, 3, 0, 1).flatten(0, 1)
    locations = 0.5 + 0.45 * reference.image((1, 50, 8, 1, 8, 32), ".msda_loc")[..., ::16]
    weights = reference.image((1, 50, 8, 1, 8, 16), ".msda_w")[..., 0].flatten(3).softmax(-1)
    grad_out = reference.image((1, 50, 128), ".msda_go")[0].to(device)
    tensors = [t.to(device).clone().requires_grad_() for t in (value, locations, weights)]
    value, locations, weights = tensors
    x, y = locations[0, :, :, 0].unbind(-1)
    out = deformable_attention(value, (height, width), x * width - 0.5, y * height - 0.5, weights[0])
    grads = dict(zip(("value", "loc", "weight"), torch.autograd.grad(out, tensors, grad_out)))

    close.equal("msda/out", out, reference["msda/out"][0], 1e-4)
    for name, key in (
        ("value", "msda/grad_value|0,::5,:,::4"),
        ("loc", "msda/grad_loc"),
        ("weight", "msda/grad_weight"),
    ):
        found = grads[name][::5, :, ::4] if name == "value" else grads[name]
        expected = torch.from_numpy(reference[key]).view(found.shape)
        close.equal(key, found, expected, 1e-4 * float(reference[f"stat/msda/grad_{name}"][3]))

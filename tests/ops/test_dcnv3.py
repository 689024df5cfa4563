import pytest
import torch
import torch.nn.functional as F

import voxway.ops.dcnv3
from tests.oracles.dcnv3 import dcnv3_loops
from voxway.ops.dcnv3 import dcnv3


def inputs(batch=2, size=(4, 5), groups=2, channels=6, dtype=torch.float32, seed=0):
    g = torch.Generator().manual_seed(seed)
    value = torch.randn(batch, *size, channels, generator=g, dtype=dtype)
    offset = 1.5 * torch.randn(batch, *size, groups, 9, 2, generator=g, dtype=dtype)
    return value, offset, torch.rand(batch, *size, groups, 9, generator=g, dtype=dtype)


def test_shape():
    assert dcnv3(*inputs()).shape == (2, 4, 5, 6)


def test_known_values():
    value = torch.tensor([[1.0, 2.0], [3.0, 4.0]])[None, ..., None]
    still = torch.zeros(1, 2, 2, 1, 9, 2)

    def one_tap(p, offset=still):
        return dcnv3(value, offset, F.one_hot(torch.tensor(p), 9).float().expand(1, 2, 2, 1, 9)).flatten().tolist()

    assert one_tap(4) == [1, 2, 3, 4]
    assert one_tap(3) == [0, 0, 1, 2]  # gx = 0, gy = -1: the pixel above
    assert one_tap(1) == [0, 1, 0, 3]  # gx = -1, gy = 0: the pixel to the left
    assert one_tap(4, still + torch.tensor([0.5, 0.0])) == [1.5, 1.0, 3.5, 2.0]
    assert one_tap(4, still + torch.tensor([0.0, -0.5])) == [0.5, 1.0, 2.0, 3.0]


@pytest.mark.parametrize("scale", [1, 2])
def test_without_offsets_is_a_depthwise_convolution(scale):
    value, _, _ = inputs(size=(6, 7))
    taps = torch.rand(3, 3)
    found = dcnv3(value, torch.zeros(2, 6, 7, 2, 9, 2), taps.T.flatten().expand(2, 6, 7, 2, 9), float(scale))
    kernel = taps.expand(6, 1, 3, 3)
    expected = F.conv2d(value.permute(0, 3, 1, 2), kernel, padding=scale, dilation=scale, groups=6)
    torch.testing.assert_close(found, expected.permute(0, 2, 3, 1))


@pytest.mark.parametrize("size", [(4, 5), (1, 3), (3, 1)])
def test_equals_twin(size, monkeypatch):
    monkeypatch.setattr(voxway.ops.dcnv3, "CHUNK", 7)
    for scale in (1.0, 2.0):
        args = inputs(size=size)
        torch.testing.assert_close(dcnv3(*args, scale), dcnv3_loops(*args, scale), atol=1e-5, rtol=1e-5)


def test_gradients():
    tensors = [t.requires_grad_() for t in inputs(batch=1, size=(2, 3), channels=4, dtype=torch.float64)]
    assert torch.autograd.gradcheck(lambda *t: dcnv3(*t, 2.0), tensors)


def test_bfloat16_positions_keep_their_digits():
    value, offset, mask = inputs(size=(2, 300))
    rough = dcnv3(value.bfloat16(), offset.bfloat16(), mask.bfloat16())
    exact = dcnv3(value.bfloat16().float(), offset.bfloat16().float(), mask.bfloat16().float())
    assert rough.dtype == torch.bfloat16
    torch.testing.assert_close(rough.float(), exact, atol=0.1, rtol=0.02)


def test_wrong_groups():
    value, offset, mask = inputs(channels=5)
    with pytest.raises(ValueError, match="5 channels do not split into 2 groups"):
        dcnv3(value, offset, mask)

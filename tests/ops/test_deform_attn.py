import pytest
import torch

from tests.oracles.deform_attn import deformable_attention_grid_sample, deformable_attention_loops
from voxway.ops.deform_attn import deformable_attention


def inputs(queries=7, heads=2, points=3, channels=4, size=(5, 6), dtype=torch.float32, seed=0):
    g = torch.Generator().manual_seed(seed)
    value = torch.randn(size[0] * size[1], heads, channels, generator=g, dtype=dtype)
    x = torch.rand(queries, heads, points, generator=g, dtype=dtype) * (size[1] + 4) - 2.5
    y = torch.rand(queries, heads, points, generator=g, dtype=dtype) * (size[0] + 4) - 2.5
    return value, size, x, y, torch.rand(queries, heads, points, generator=g, dtype=dtype)


def test_shape():
    assert deformable_attention(*inputs()).shape == (7, 8)
    assert deformable_attention(*inputs(queries=0)).shape == (0, 8)


def test_known_values():
    value = torch.tensor([1.0, 2.0, 3.0, 4.0]).view(4, 1, 1)

    def sample(x, y):
        position = (torch.tensor([[[v]]]) for v in (x, y))
        return float(deformable_attention(value, (2, 2), *position, torch.ones(1, 1, 1)))

    assert sample(0.0, 0.0) == 1
    assert sample(1.0, 0.0) == 2
    assert sample(0.5, 0.5) == 2.5
    assert sample(-0.5, 0.0) == 0.5  # half of the sample lies outside, where the map is zero
    assert sample(1.5, 1.0) == 2.0
    assert sample(-1.0, 0.0) == sample(2.0, 1.0) == sample(9.0, -7.0) == 0


@pytest.mark.parametrize("twin", [deformable_attention_loops, deformable_attention_grid_sample])
def test_equals_twin(twin):
    for seed in range(3):
        args = inputs(seed=seed)
        torch.testing.assert_close(deformable_attention(*args), twin(*args), atol=1e-5, rtol=1e-5)


def test_gradients():
    value, size, x, y, weights = inputs(queries=3, dtype=torch.float64)
    tensors = [t.requires_grad_() for t in (value, x, y, weights)]
    assert torch.autograd.gradcheck(lambda v, a, b, w: deformable_attention(v, size, a, b, w), tensors)
    loss = deformable_attention(value, size, x, y, weights).square().sum()
    ours = torch.autograd.grad(loss, tensors)
    theirs = torch.autograd.grad(deformable_attention_grid_sample(value, size, x, y, weights).square().sum(), tensors)
    for a, b in zip(ours, theirs):
        torch.testing.assert_close(a, b)


def test_not_a_number_does_not_crash():
    value, size, x, y, weights = inputs()
    x[0, 0, 0] = float("nan")
    out = deformable_attention(value, size, x, y, weights)
    assert out[0].isnan().any() and not out[1:].isnan().any()


def test_wrong_map():
    value, _, x, y, weights = inputs()
    with pytest.raises(ValueError, match="has 49 rows, value has 30"):
        deformable_attention(value, (7, 7), x, y, weights)

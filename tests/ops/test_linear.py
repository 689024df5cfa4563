import pytest
import torch
import torch.nn.functional as F

from voxway.ops.linear import linear


@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("shape", [(), (1,), (7,), (2, 3, 5), (0,)])
def test_equals_linear(shape, bias):
    torch.manual_seed(0)
    x, weight = torch.randn(*shape, 6), torch.randn(4, 6)
    added = torch.randn(4) if bias else None
    found = linear(x, weight, added)
    assert found.shape == (*shape, 4)
    torch.testing.assert_close(found, F.linear(x, weight, added), atol=1e-5, rtol=1e-5)


def test_weights_may_be_transposed_views():
    x, weight = torch.randn(9, 6), torch.randn(6, 4)
    torch.testing.assert_close(linear(x, weight.T), x @ weight, atol=1e-5, rtol=1e-5)


def test_gradients():
    x, weight, bias = (torch.randn(*s, dtype=torch.float64, requires_grad=True) for s in ((5, 3), (4, 3), (4,)))
    assert torch.autograd.gradcheck(linear, (x, weight, bias))


def test_exports_as_a_product():
    class Ours(torch.nn.Linear):
        def forward(self, x):
            return linear(x, self.weight, self.bias)

    program = torch.export.export(Ours(3, 4), (torch.randn(2, 5, 3),))
    calls = {str(node.target) for node in program.graph.nodes if node.op == "call_function"}
    assert "aten.linear.default" in calls and "aten.conv2d.default" not in calls

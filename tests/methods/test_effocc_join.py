"""The join of a dense and a sparse map is the layer on their concatenation."""

from __future__ import annotations

import pytest
import torch

from tests.ops.test_sparse_map import sparse_map
from voxway.methods.effocc.join import Join


@pytest.mark.parametrize("training", [False, True])
def test_beside_another_map(training):
    """A layer that reads a sparse map beside a dense one says what it says of their concatenation."""
    sparse, x = sparse_map(20), torch.randn(2, 2, 5, 7)
    layer = Join(2 + 6, 4).train(training)
    torch.nn.init.uniform_(layer.norm.running_var, 0.5, 1.5)
    torch.testing.assert_close(layer(x, sparse), layer(torch.cat([x, sparse.dense()], 1)), atol=1e-5, rtol=1e-5)

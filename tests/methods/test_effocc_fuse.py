"""The join of a dense and a sparse map is the layer on their concatenation."""

from __future__ import annotations

import pytest
import torch

from tests.ops.test_sparse_map import sparse_map
from voxway.methods.effocc.fuse import fuse_sparse
from voxway.nn.conv_norm import conv3x3


@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("training", [False, True])
def test_beside_another_map(training, bias):
    """A layer that reads a sparse map beside a dense one says what it says of their concatenation."""
    sparse, x = sparse_map(20), torch.randn(2, 2, 5, 7)
    layer = conv3x3(2 + 6, 4, bias=bias).train(training)
    torch.nn.init.uniform_(layer.norm.running_var, 0.5, 1.5)
    found = fuse_sparse(layer, x, sparse)
    torch.testing.assert_close(found, layer(torch.cat([x, sparse.dense()], 1)), atol=1e-5, rtol=1e-5)


def test_other_convolutions_refuse_a_sparse_map():
    with pytest.raises(ValueError, match=r"keeps the size takes a sparse map, this is Conv2d.*stride=\(2, 2\)"):
        fuse_sparse(conv3x3(8, 4, stride=2), torch.randn(2, 2, 5, 7), sparse_map(20))

import math

import pytest
import torch

from tests.oracles.sparse_conv import active, convolve, dense, rule_book
from voxway.ops import sparse_conv as module
from voxway.ops.sparse_conv import sort_sites, sparse_conv, sparse_conv_gather, strided_table, submanifold_table

SHAPE = (5, 6, 7)
STRIDED = [((3, 3, 3), (2, 2, 2), (1, 1, 1)), ((3, 3, 3), (2, 2, 2), (0, 1, 1)), ((3, 1, 1), (2, 1, 1), (0, 0, 0))]
SUBMANIFOLD = ((3, 3, 3), (1, 1, 1), (1, 1, 1))


def sites(share=0.2, seed=0, shape=SHAPE, samples=2):
    generator = torch.Generator().manual_seed(seed)
    index = (torch.rand(samples, *shape, generator=generator) < share).nonzero()
    return sort_sites(index[torch.randperm(len(index), generator=generator)], shape, samples)[0]


def random(*shape, seed=0, dtype=torch.float32):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def table_of(given, settings):
    return (given, submanifold_table(given)) if settings == SUBMANIFOLD else strided_table(given, *settings)


@pytest.mark.parametrize("kernel", [(1, 3, 3), (3, 1, 3), (3, 3, 1), (3, 1, 1), (1, 3, 1), (1, 1, 3), (1, 1, 1)])
@pytest.mark.parametrize("share", [0.2, 1.0])
def test_flat_and_long_kernels_equal_dense_ones(kernel, share):
    given = sites(share)
    table = submanifold_table(given, kernel)
    padding = tuple(size // 2 for size in kernel)
    assert len(table.counts) == math.prod(kernel)
    x, weight = random(len(given), 4), random(len(table.counts), 4, 3, seed=1)
    expected = convolve(dense(x, given.index, SHAPE, 2), weight, kernel, (1, 1, 1), padding)
    found = sparse_conv(x, weight, table)
    torch.testing.assert_close(found, expected.permute(0, 2, 3, 4, 1)[tuple(given.index.T)], atol=1e-5, rtol=1e-5)


def test_other_kernels_of_submanifolds_are_refused():
    with pytest.raises(ValueError, match="1 or 3 cells"):
        submanifold_table(sites(), (3, 5, 3))


def test_sites_are_sorted():
    index = torch.tensor([[1, 0, 0, 0], [0, 4, 5, 6], [0, 0, 0, 1]])
    found, order = sort_sites(index, SHAPE, 2)
    assert order.tolist() == [2, 1, 0] and found.index.tolist() == index[order].tolist()
    assert (found.keys.diff() > 0).all()


@pytest.mark.parametrize("share", [0.05, 0.3, 1.0])
@pytest.mark.parametrize("settings", [SUBMANIFOLD, *STRIDED])
def test_tables_equal_rule_book(settings, share):
    """Also where every border cell has a site: no neighbour is found across a border or in another sample."""
    given = sites(share)
    outputs, table = table_of(given, settings)
    expected_sites, expected_pairs = rule_book(given.index, SHAPE, *settings, submanifold=settings == SUBMANIFOLD)
    assert [tuple(site) for site in outputs.index.tolist()] == expected_sites
    assert sum(table.counts) == len(table.sources) == len(table.targets)
    pairs = zip(table.sources.split(table.counts), table.targets.split(table.counts))
    assert [sorted(zip(s.tolist(), t.tolist())) for s, t in pairs] == expected_pairs


@pytest.mark.parametrize("block", [3, 16384])
@pytest.mark.parametrize("settings", [SUBMANIFOLD, *STRIDED])
def test_equals_dense_convolution(settings, block, monkeypatch):
    monkeypatch.setattr(module, "_BLOCK", block)
    given = sites()
    outputs, table = table_of(given, settings)
    x, weight = random(len(given), 4), random(len(table.counts), 4, 3, seed=1)
    whole = convolve(dense(x, given.index, SHAPE, 2), weight, *settings)
    assert tuple(whole.shape[2:]) == outputs.shape
    expected = whole.permute(0, 2, 3, 4, 1)[tuple(outputs.index.T)]
    torch.testing.assert_close(sparse_conv(x, weight, table), expected, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(sparse_conv_gather(x, weight, table.neighbours()), expected, atol=1e-5, rtol=1e-5)
    if settings != SUBMANIFOLD:  # sites stand wherever the kernel touches one, and nowhere else
        touched = convolve(active(given.index, SHAPE, 2), torch.ones(len(weight), 1, 1), *settings)[:, 0] > 0
        assert touched.nonzero().tolist() == outputs.index.tolist()


def test_inverse_is_the_transpose():
    """<conv(x), y> = <x, inverse(y)> with transposed weights."""
    given = sites()
    outputs, table = strided_table(given, *STRIDED[0])
    x, y, weight = random(len(given), 4), random(len(outputs), 3, seed=1), random(27, 4, 3, seed=2)
    back = sparse_conv(y, weight.mT, table.transposed())
    assert back.shape == x.shape
    torch.testing.assert_close((sparse_conv(x, weight, table) * y).sum(), (x * back).sum(), atol=1e-3, rtol=1e-5)


@pytest.mark.parametrize("settings", [SUBMANIFOLD, *STRIDED])
@pytest.mark.parametrize("gathered", [40, 2**20])
def test_all_offsets_at_once_are_the_same(settings, gathered, monkeypatch):
    """What GPUs do, in slices of few rows and as a whole, forwards and backwards."""
    given = sites()
    for table in (table_of(given, settings)[1], table_of(given, settings)[1].transposed()):
        found = []
        for devices in (("cpu",), ()):
            monkeypatch.setattr(module, "_IN_BLOCKS", devices)
            monkeypatch.setattr(module, "_GATHERED", gathered)
            x = random(table.inputs, 4, dtype=torch.float64).requires_grad_()
            weight = random(len(table.counts), 4, 3, seed=1, dtype=torch.float64).requires_grad_()
            y = sparse_conv(x, weight, table)
            found.append(
                (y, *torch.autograd.grad((y * random(*y.shape, seed=2, dtype=torch.float64)).sum(), (x, weight)))
            )
        for one, other in zip(*found):
            torch.testing.assert_close(one, other)
    monkeypatch.setattr(module, "_IN_BLOCKS", ())
    empty = table_of(sites(0.0), settings)[1]
    assert sparse_conv(random(0, 4), random(len(empty.counts), 4, 3), empty).shape == (0, 3)


@pytest.mark.parametrize("settings", [SUBMANIFOLD, STRIDED[0]])
@pytest.mark.parametrize("inverse", [False, True])
def test_gradients(settings, inverse):
    given = sites(0.1, shape=(3, 4, 4))
    _, table = table_of(given, settings)
    table = table.transposed() if inverse else table
    x = random(table.inputs, 2, dtype=torch.float64).requires_grad_()
    weight = random(27, 2, 3, seed=1, dtype=torch.float64).requires_grad_()
    assert torch.autograd.gradcheck(lambda a, b: sparse_conv(a, b, table), (x, weight))
    ours = torch.autograd.grad(sparse_conv(x, weight, table).square().sum(), (x, weight))
    theirs = torch.autograd.grad(sparse_conv_gather(x, weight, table.neighbours()).square().sum(), (x, weight))
    for a, b in zip(ours, theirs):
        torch.testing.assert_close(a, b)


def test_no_sites():
    given = sites(0.0)
    for settings in (SUBMANIFOLD, *STRIDED):
        outputs, table = table_of(given, settings)
        assert len(outputs) == 0
        assert sparse_conv(random(0, 4), random(len(table.counts), 4, 3), table).shape == (0, 3)


def test_autocast_computes_in_the_precision_of_the_features():
    given = sites()
    table = submanifold_table(given)
    x, weight = random(len(given), 4), random(27, 4, 3, seed=1)
    with torch.autocast("cpu", torch.bfloat16):
        found = sparse_conv(x, weight, table)
    assert torch.equal(found, sparse_conv(x, weight, table))


def test_wrong_table():
    table = submanifold_table(sites())
    with pytest.raises(ValueError, match=f"joins {table.inputs} rows under 27 offsets, got 5 rows and 27 matrices"):
        sparse_conv(random(5, 4), random(27, 4, 3), table)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_gpu_equals_cpu():
    index = sites().index
    x, weight = random(len(index), 4), random(27, 4, 3, seed=1)
    on_gpu = submanifold_table(sort_sites(index.cuda(), SHAPE, 2)[0])
    found = sparse_conv(x.cuda(), weight.cuda(), on_gpu).cpu()
    expected = sparse_conv(x, weight, submanifold_table(sort_sites(index, SHAPE, 2)[0]))
    torch.testing.assert_close(found, expected, atol=1e-4, rtol=1e-4)

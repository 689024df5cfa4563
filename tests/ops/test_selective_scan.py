import pytest
import torch

from tests.oracles.selective_scan import selective_scan_sequential
from voxway.ops.selective_scan import selective_scan

NAMES = ("u", "delta", "A", "B", "C", "D", "z", "delta_bias")


def inputs(length, samples=2, channels=6, states=4, groups=None, dtype=torch.float32, seed=0):
    """All eight arguments; decays between e^-3 and almost 1 per step, after softplus."""
    g = torch.Generator().manual_seed(seed)

    def normal(*shape):
        return torch.randn(*shape, generator=g, dtype=torch.float64).to(dtype)

    grouped = () if groups is None else (groups,)
    A = -(0.1 + 3 * torch.rand(channels, states, generator=g, dtype=torch.float64)).to(dtype)
    return (
        normal(samples, length, channels),
        normal(samples, length, channels) - 1,
        A,
        normal(samples, length, *grouped, states),
        normal(samples, length, *grouped, states),
        normal(channels),
        normal(samples, length, channels),
        0.3 * normal(channels),
    )


def with_gradients(operator, tensors, **options):
    """Output, last state, and gradients of a sum over both, by argument."""
    tensors = [t.detach().requires_grad_() for t in tensors]
    y, last = operator(*tensors, softplus=True, **options)
    g = torch.Generator().manual_seed(9)
    weights = [torch.randn(t.shape, generator=g, dtype=torch.float64).to(t.dtype) for t in (y, last)]
    grads = torch.autograd.grad((y, last), tensors, weights)
    return {"y": y.detach(), "last": last.detach(), **dict(zip(NAMES, grads))}


def assert_equal(found, expected, rtol=1e-4):
    """Of every tensor, numbers near zero may differ by a tenth of that share of its largest."""
    for name, tensor in expected.items():
        scale = float(tensor.abs().max())
        torch.testing.assert_close(found[name], tensor, rtol=rtol, atol=0.1 * rtol * scale)


@pytest.mark.parametrize("length", [1, 7, 64, 4096])
@pytest.mark.parametrize("chunk", [None, 1, 5, 64, 10000])
def test_equals_the_sequential_form(length, chunk):
    tensors = inputs(length)
    exact = with_gradients(selective_scan_sequential, [t.double() for t in tensors])
    assert_equal(with_gradients(selective_scan, tensors, chunk=chunk), {k: v.float() for k, v in exact.items()})


@pytest.mark.parametrize("sizes", [{"groups": 1}, {"groups": 3}, {"groups": 6}, {"samples": 1}, {"states": 1}])
def test_groups_and_sizes(sizes):
    tensors = inputs(33, dtype=torch.float64, **sizes)
    assert_equal(
        with_gradients(selective_scan, tensors, chunk=8), with_gradients(selective_scan_sequential, tensors), 1e-12
    )


def test_known_values():
    """One channel of one state that halves at every step of 1, B = 3, C = 2: by hand."""
    u, one = torch.tensor([[[1.0], [0.0], [4.0]]]), torch.ones(1, 3, 1)
    A = torch.tensor([[0.5]]).log()
    y, last = selective_scan(u, one, A, 3 * one, 2 * one)
    torch.testing.assert_close(y, torch.tensor([[[6.0], [3.0], [25.5]]]))
    torch.testing.assert_close(last, torch.tensor([[[12.75]]]))
    y, _ = selective_scan(u, one, A, 3 * one, 2 * one, D=torch.tensor([10.0]))
    torch.testing.assert_close(y, torch.tensor([[[16.0], [3.0], [65.5]]]))


def test_only_what_is_given():
    tensors = inputs(9)
    for options in ({}, {"D": tensors[5]}, {"z": tensors[6]}, {"delta_bias": tensors[7]}, {"softplus": True}):
        found, expected = (scan(*tensors[:5], **options) for scan in (selective_scan, selective_scan_sequential))
        torch.testing.assert_close(found, expected)


def test_gradients_of_single_arguments():
    tensors = [t.requires_grad_(name in ("A", "C")) for name, t in zip(NAMES, inputs(9))]
    y, _ = selective_scan(*tensors)
    y.sum().backward()
    assert [t.grad is not None for t in tensors] == [name in ("A", "C") for name in NAMES]


def test_gradcheck():
    tensors = [t.requires_grad_() for t in inputs(5, channels=2, states=2, dtype=torch.float64)]
    assert torch.autograd.gradcheck(lambda *t: selective_scan(*t, softplus=True, chunk=2), tensors)


def test_bfloat16():
    """Terms of 16 bits, states of 32: as exact as the same numbers with 32 bits, up to the rounding of the output."""
    tensors = [t.bfloat16() if name in ("u", "delta", "B", "C", "z") else t for name, t in zip(NAMES, inputs(300))]
    wide = [t.float() for t in tensors]
    y, last = selective_scan(*tensors, softplus=True)
    expected, expected_last = selective_scan(*wide, softplus=True)
    assert y.dtype == torch.bfloat16 and last.dtype == torch.float32
    torch.testing.assert_close(last, expected_last)
    torch.testing.assert_close(y, expected.bfloat16())
    found = with_gradients(selective_scan, tensors)
    assert [found[name].dtype for name in NAMES] == [t.dtype for t in tensors]
    for name, plain in with_gradients(selective_scan, wide).items():
        torch.testing.assert_close(found[name].float(), plain, rtol=2e-2, atol=2e-2 * float(plain.abs().max()))


def test_under_autocast_states_keep_their_digits():
    tensors = inputs(300)
    with torch.autocast("cpu", torch.bfloat16):
        found = with_gradients(selective_scan, tensors)
    assert_equal(found, with_gradients(selective_scan, tensors), 1e-6)


def test_long_sequences_that_forget_at_once_and_never():
    """Decays of e^-60 and of 1: products of many are zero, or one."""
    tensors = list(inputs(2000, samples=1, dtype=torch.float64))
    for rate in (-60.0, 0.0):
        tensors[2] = torch.full_like(tensors[2], rate)
        expected = with_gradients(selective_scan_sequential, tensors)
        found = with_gradients(selective_scan, [t.float() for t in tensors])
        assert all(t.isfinite().all() for t in found.values())
        assert_equal(found, {name: t.float() for name, t in expected.items()})


def test_repeats_itself():
    first, again = (with_gradients(selective_scan, inputs(500)) for _ in range(2))
    assert all(torch.equal(first[name], again[name]) for name in first)


def test_tensors_need_not_be_contiguous():
    tensors = inputs(21, dtype=torch.float64)
    strided = [t.movedim(-1, 0).contiguous().movedim(0, -1) for t in tensors]
    assert_equal(with_gradients(selective_scan, strided), with_gradients(selective_scan, tensors), 1e-12)


def test_a_later_position_changes_nothing_before_it():
    tensors = list(inputs(40))
    y, _ = selective_scan(*tensors)
    tensors[0] = tensors[0].clone()
    tensors[0][:, 25] += 1
    moved, _ = selective_scan(*tensors)
    assert torch.equal(moved[:, :25], y[:, :25]) and not torch.equal(moved[:, 25:], y[:, 25:])


def test_errors():
    with pytest.raises(ValueError, match=r"needs a sample, a position and channels that split into 4 groups, got"):
        selective_scan(*inputs(5, groups=4)[:5])
    for empty in ({"length": 0}, {"length": 5, "samples": 0}):
        with pytest.raises(ValueError, match="needs a sample, a position"):
            selective_scan(*inputs(**empty))


@pytest.mark.usefixtures("annotations_unchecked")
def test_sequences_of_unlike_size():
    u, delta, A, B, C, *_ = inputs(5)
    for wrong in ((u, delta[:, :4], A, B, C), (u, delta, A, B[:, :4], C), (u, delta, A, B, C[:1])):
        with pytest.raises(ValueError, match="needs terms for every position of every sample, got u"):
            selective_scan(*wrong)


def test_leaves_the_number_of_threads_as_it_was():
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        with_gradients(selective_scan, inputs(50))
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from voxway.ops.space_filling import column_order, inverse, voxel_order

sides = st.integers(1, 40)


def steps(order, ny):
    """How far each step goes along x and y."""
    place = torch.stack([order // ny, order % ny])
    return (place[:, 1:] - place[:, :-1]).abs()


@settings(deadline=None, max_examples=60)
@given(nx=sides, ny=sides, curve=st.sampled_from(["hilbert", "h2he"]))
def test_every_column_once(nx, ny, curve):
    assert column_order((nx, ny), curve).sort().values.tolist() == list(range(nx * ny))


@settings(deadline=None, max_examples=60)
@given(nx=sides, ny=sides)
def test_hilbert_steps_to_neighbours(nx, ny):
    order = column_order((nx, ny), "hilbert")
    assert order[0] == 0
    taken = steps(order, ny)
    assert taken.numel() == 0 or taken.max() <= 1
    odd_and_even = max(nx, ny) % 2 and not min(nx, ny) % 2
    assert int((taken.sum(0) > 1).sum()) <= (1 if odd_and_even else 0)


def test_hilbert_on_squares_of_powers_of_two():
    assert column_order((2, 2), "hilbert").tolist() == [0, 1, 3, 2]
    for side in (4, 8, 16, 64):
        order = column_order((side, side), "hilbert").view(-1, side * side // 4)
        quadrant = order // side // (side // 2) * 2 + order % side // (side // 2)
        assert (quadrant == quadrant[:, :1]).all(), "one quadrant after the other"
        assert (steps(order.flatten(), side).sum(0) == 1).all()


def test_h2he_never_turns_its_quadrants():
    order = column_order((8, 8), "h2he").view(4, 16)
    assert order[0].tolist() == [0, 1, 9, 8, 2, 3, 11, 10, 18, 19, 27, 26, 16, 17, 25, 24]
    for quadrant, shift in zip(order, (0, 4, 36, 32)):
        assert quadrant.tolist() == (order[0] + shift).tolist()
    kept = column_order((8, 8), "h2he")
    kept = kept[(kept // 8 < 5) & (kept % 8 < 6)]
    assert column_order((5, 6), "h2he").tolist() == (kept // 8 * 6 + kept % 8).tolist()


@pytest.mark.parametrize("curve", ["hilbert", "h2he"])
def test_voxels_of_a_column_follow_each_other_upwards(curve):
    columns = column_order((6, 5), curve)
    order = voxel_order((6, 5, 3), curve).view(-1, 3)
    assert (order // 3 == columns[:, None]).all() and (order % 3 == torch.arange(3)).all()


@pytest.mark.parametrize("curve", ["hilbert", "h2he"])
def test_other_walks(curve):
    shape = (6, 4, 3)
    flat = torch.arange(72).view(shape)
    other = flat.transpose(0, 1).flatten()[voxel_order((4, 6, 3), curve)]
    assert voxel_order(shape, curve, transposed=True).tolist() == other.tolist()
    opposite = flat.flip(0, 1).flatten()[voxel_order(shape, curve)]
    assert voxel_order(shape, curve, mirrored=True).tolist() == opposite.tolist()


def test_inverse():
    order = voxel_order((5, 3, 2), "hilbert")
    assert order[inverse(order)].tolist() == list(range(30))


def test_errors():
    with pytest.raises(ValueError, match=r"at least one voxel along each axis, got \(4, 0, 2\)"):
        voxel_order((4, 0, 2), "hilbert")

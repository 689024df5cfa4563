"""The privileged branch of MonoOcc on tiny inputs: several frames, in batches, and what may be missing."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from tests.methods.tiny import TINY, sample
from voxway.core.errors import InputError
from voxway.core.sample import collate
from voxway.methods.shared.frames import views_of

CONFIG = replace(TINY["monoocc"], frames=3, cross_view=True, backbone="internimage-nano")
SIZE = (64, 96)


def pose(forward):
    T_world_ego = torch.eye(4).double()
    T_world_ego[0, 3] = forward
    return T_world_ego


def drive(seed=0, size=SIZE, speed=1.0):
    """A key frame at 10 m with two frames before it."""
    frames = [replace(sample(seed + i, size), pose=pose(10 - speed * i)) for i in range(3)]
    return replace(frames[0], earlier=tuple(frames[1:]))


def build():
    torch.manual_seed(0)
    network = CONFIG.build()
    for parameter in network.backbone.parameters():  # the offsets' zero start would hide a missing gradient
        if not parameter.any():
            torch.nn.init.normal_(parameter, std=0.02)
    return network


def test_point_seen_from_an_earlier_frame():
    images, cameras = views_of(collate([drive(speed=2.0)]), 3)
    assert images.shape == (1, 3, 3, *SIZE)
    point = torch.tensor([[5.0, 1.0, 0.5]])
    pixels, depth = cameras[0].project(point)
    assert depth[:, 0].tolist() == pytest.approx([5, 7, 9])
    # Two metres farther back, the same point stands where one two metres farther away stands in the key frame.
    shifted, _ = cameras[0].project(point + torch.tensor([2.0, 0, 0]))
    torch.testing.assert_close(pixels[1], shifted[0])


def test_standing_still_equals_more_cameras():
    _, cameras = views_of(collate([drive(speed=0.0)]), 3)
    torch.testing.assert_close(cameras.projection[:, 0], cameras.projection[:, 2])


def test_learns_and_reaches_every_parameter():
    network, batch = build().train(), collate([drive()])
    optimizer = torch.optim.AdamW(network.parameters(), lr=1e-3)
    losses = []
    for _ in range(4):
        loss = torch.stack(list(network.loss(network(batch), batch).values())).sum()
        optimizer.zero_grad()
        loss.backward()
        losses.append(loss.item())
        if len(losses) == 2:
            assert not [n for n, p in network.named_parameters() if p.grad is None or not p.grad.any()]
        optimizer.step()
    assert losses[-1] < losses[0]


@torch.no_grad()
def test_batch_of_two_equals_two_batches_of_one():
    network, samples = build().eval(), [drive(0), drive(5, size=(64, 80))]
    together = network(collate(samples)).logits
    alone = torch.cat([network(collate([s])).logits for s in samples])
    torch.testing.assert_close(together, alone, atol=1e-5, rtol=1e-5)


@torch.no_grad()
def test_earlier_frames_matter():
    network, one, other = build().eval(), drive(), drive()
    changed = replace(other.earlier[0], images=255 - other.earlier[0].images)
    other = replace(other, earlier=(changed, other.earlier[1]))
    assert not torch.allclose(network(collate([one])).logits, network(collate([other])).logits)


def test_what_is_missing_is_named():
    network = build()
    assert network.inputs == {"images", "proposals", "pose"}
    with pytest.raises(InputError, match="earlier frames: expected 2"):
        network(collate([replace(drive(), earlier=())]))
    with pytest.raises(InputError, match="pose: expected present"):
        network(collate([replace(drive(), pose=None)]))
    with pytest.raises(ValueError, match="at least two views"):
        replace(CONFIG, frames=1)

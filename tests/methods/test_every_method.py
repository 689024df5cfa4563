"""What every method must do, whatever it is. A new method inherits all of it by its entry in TINY."""

from __future__ import annotations

import hashlib
from dataclasses import replace

import pytest
import torch

from tests.methods.tiny import LISTED, TINY, sample_for
from voxway.core.config import from_json, to_json
from voxway.core.errors import InputError
from voxway.core.sample import collate
from voxway.methods.contract import Method, MethodConfig
from voxway.methods.registry import config_name, config_type

PINNED = {
    "box": (3_399_720, "1ce1fcd593fe"),
    "effocc": (2_933_964, "5d276a67ce3f"),
    "monoocc": (2_901_304, "54970d6f86d0"),
    "occle": (11_491_237, "702bad7a42af"),
    "qpn": (52_505, "e8398154d08d"),
    "vlscene": (3_016_008, "dc0c12c24775"),
}
"""Parameters of the tiny networks, and a digest of their names: a change breaks everyone's checkpoints."""


@pytest.fixture(params=LISTED)
def name(request):
    return request.param


def build(name, seed=0):
    torch.manual_seed(seed)
    return TINY[name].build()


def test_is_listed_and_described(name):
    assert config_type(name) is type(TINY[name]) and config_name(TINY[name]) == name
    assert from_json(type(TINY[name]), to_json(TINY[name]), "test") == TINY[name]


def test_forward_and_contract(name):
    network = build(name)
    assert isinstance(network, Method) and isinstance(network.config, MethodConfig)
    prediction = network.eval()(collate([sample_for(name, 0), sample_for(name, 1)]))
    assert prediction.logits.shape == (2, len(network.task.classes), *network.task.grid.shape)
    assert prediction.classes.dtype == torch.uint8


def test_parameters_are_pinned(name):
    network = build(name)
    names = "\n".join(f"{key} {tuple(value.shape)}" for key, value in network.state_dict().items())
    digest = hashlib.sha256(names.encode()).hexdigest()[:12]
    assert (sum(p.numel() for p in network.parameters()), digest) == PINNED[name]


def test_learns_one_sample_and_reaches_every_parameter(name):
    network = build(name).train()
    batch = collate([sample_for(name, 0)])
    optimizer = torch.optim.AdamW(network.parameters(), lr=2e-3)
    losses = []
    for _ in range(8):
        terms = network.loss(network(batch), batch)
        loss = torch.stack(list(terms.values())).sum()
        optimizer.zero_grad()
        loss.backward()
        losses.append(loss.item())
        if len(losses) == 2:  # zero-initialised projections pass nothing on in the first step
            silent = [n for n, p in network.named_parameters() if p.grad is None or not p.grad.any()]
            assert not silent
        optimizer.step()
    assert losses[-1] < 0.8 * losses[0]


def test_evaluation_is_deterministic(name):
    network, batch = build(name).eval(), collate([sample_for(name, 0)])
    with torch.no_grad():
        assert torch.equal(network(batch).logits, network(batch).logits)


@pytest.mark.parametrize("second", [(48, 80), (40, 72)], ids=["images alike", "images of unlike size"])
def test_batch_of_two_equals_two_batches_of_one(name, second):
    network = build(name).eval()
    samples = [sample_for(name, 0, size=(48, 80)), sample_for(name, 1, size=second)]
    with torch.no_grad():
        together = network(collate(samples)).logits
        alone = torch.cat([network(collate([s])).logits for s in samples])
    torch.testing.assert_close(together, alone, atol=1e-5, rtol=1e-5)


def test_training_and_evaluation_compute_the_same(name):
    network, batch = build(name).eval(), collate([sample_for(name, 0)])
    with torch.no_grad():
        plain = network(batch).logits
    torch.testing.assert_close(network(batch).logits, plain, atol=1e-5, rtol=1e-5)


def test_bfloat16_is_close(name):
    network, batch = build(name).eval(), collate([sample_for(name, 0)])
    with torch.no_grad():
        exact = network(batch).logits
        with torch.autocast("cpu", torch.bfloat16):
            rough = network(batch).logits
    assert (rough.float() - exact).abs().mean() < 0.05 * exact.std()


def test_bfloat16_trains(name):
    """A step as the engine does it: the forward pass under autocast, the loss beside it."""
    if name == "qpn":
        pytest.skip("on some processors PyTorch's bfloat16 convolution of a volume as small as here reads stray memory")
    network, batch = build(name).train(), collate([sample_for(name, 0), sample_for(name, 1)])
    with torch.autocast("cpu", torch.bfloat16):
        prediction = network(batch)
    torch.stack(list(network.loss(prediction, batch).values())).sum().backward()
    grads = [p.grad for p in network.parameters() if p.grad is not None]
    assert grads and all(grad.isfinite().all() for grad in grads)


def without(batch, field):
    if field in batch.extras:
        return replace(batch, extras={n: tensor for n, tensor in batch.extras.items() if n != field})
    return replace(batch, **{field: None})


def test_missing_field_is_named(name):
    network = build(name)
    for field in network.inputs - getattr(network, "dispensable", frozenset()):
        with pytest.raises(InputError, match=f"{field}: expected present"):
            network(without(collate([sample_for(name, 0)]), field))


def test_nothing_labelled_gives_a_finite_loss(name):
    batch = collate([sample_for(name, 0)])
    batch = replace(
        batch,
        target=torch.full_like(batch.target, 255),
        semantics_2d=torch.full_like(batch.semantics_2d, 255),
        point_labels=None if batch.point_labels is None else torch.full_like(batch.point_labels, 255),
        pseudo_labels=None if batch.pseudo_labels is None else torch.full_like(batch.pseudo_labels, 255),
        depth=torch.zeros_like(batch.depth),
        evidence=torch.zeros_like(batch.evidence),
    )
    network = build(name)
    terms = network.loss(network(batch), batch)
    assert all(torch.isfinite(term) and term == 0 for term in terms.values())
    torch.stack(list(terms.values())).sum().backward()

"""Every method computes and learns on a GPU as it does on a CPU."""

from __future__ import annotations

import pytest
import torch

from tests.methods.tiny import TINY, sample_for
from voxway.core.sample import collate

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU"),
]


@pytest.mark.parametrize("name", sorted(TINY))
def test_gpu_equals_cpu(name, device):
    """Logits, loss terms and gradients; what lies on the border of a cell may fall to either side."""
    torch.manual_seed(0)
    network = TINY[name].build().eval()
    batch = collate([sample_for(name, 0), sample_for(name, 1)])
    found = []
    for place in ("cpu", "cuda"):
        network = network.to(place)
        network.zero_grad()
        prediction = network(batch.to(place))
        terms = network.loss(prediction, batch.to(place))
        torch.stack(list(terms.values())).sum().backward()
        grads = {n: p.grad.cpu().clone() for n, p in network.named_parameters() if p.grad is not None}
        found.append((prediction.logits.detach().cpu(), {n: float(t) for n, t in terms.items()}, grads))
    (logits, terms, grads), (logits_gpu, terms_gpu, grads_gpu) = found
    assert ((logits - logits_gpu).abs() <= 1e-4 * logits.abs().max()).float().mean() >= 0.995
    assert terms_gpu == pytest.approx(terms, rel=1e-2)
    assert grads.keys() == grads_gpu.keys()
    for parameter, grad in grads.items():
        assert (grad - grads_gpu[parameter]).norm() <= 2e-2 * grad.norm() + 1e-6, parameter

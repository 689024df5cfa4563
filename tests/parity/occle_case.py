"""What the OccLE parity tests share: weights of a block by their public names, and the comparison of a tensor."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

from tests.conftest import Reference
from tests.parity.conftest import Close


def weights(reference: Reference, block: str) -> dict[str, torch.Tensor]:
    """Weights of one block by their names in it, in the order of the manifest."""
    names = {n: shape for n, shape in reference.manifest().items() if n.startswith(f"{block}.")}
    return {name.removeprefix(f"{block}."): tensor for name, tensor in reference.state(names).items()}


def fill(module: nn.Module, given: dict[str, torch.Tensor], names: dict[str, str]) -> nn.Module:
    """Load a module with weights of other names, and put it into evaluation.

    Args:
        module: ours.
        given: weights by their public names.
        names: ours -> theirs, of parts; what follows a part's name is called alike.
    """
    state = {}
    for name in module.state_dict():
        part = max((own for own in names if name == own or name.startswith(f"{own}.")), key=len)
        state[name] = _kernel(given[names[part] + name.removeprefix(part)])
    module.load_state_dict(state)
    return module.eval()


def _kernel(tensor: torch.Tensor) -> torch.Tensor:
    """Sparse kernels as we keep them: (x, y, z, in, out) instead of (out, z, y, x, in)."""
    sparse = tensor.dim() == 5 and tensor.shape[3] in (1, 3) and tensor.shape[1] == 3
    return tensor.permute(3, 2, 1, 4, 0).contiguous() if sparse else tensor


def compare(reference: Reference, key: str, found: torch.Tensor, close: Close, rows: int = 1) -> None:
    """Check a stored tensor, of which there may be every so-manieth entry: each may differ by 1e-4 of itself and 1e-5
    of the largest.

    Args:
        reference: the case.
        key: of the tensor.
        found: ours, on any device.
        close: judges.
        rows: of how many rows one is stored.
    """
    (stored,) = [name for name in reference.keys(key) if name.split("@")[0] == key]
    expected = torch.from_numpy(np.asarray(reference[stored]))
    _, _, step = stored.partition("@flat")
    sampled = found.detach().cpu()
    if step:
        sampled = sampled.flatten()[:: int(step)]
    elif rows > 1:
        sampled = sampled[::rows]
    assert sampled.shape == expected.shape, (key, sampled.shape, expected.shape)
    allowed = 1e-4 * expected.abs() + 1e-5 * expected.abs().max()
    close(key, (sampled - expected).abs() / allowed, 1.0)

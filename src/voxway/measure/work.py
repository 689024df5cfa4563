"""What a forward pass has to do, operator by operator, and how long a machine of given rates needs for it at least."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch._ops import OpOverload
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import flop_registry

from voxway.core.sample import Batch


@dataclass(frozen=True)
class Operation:
    """One call of one operator.

    Attributes:
        flops: of matrix products and convolutions, a multiply-add counts two; 0 of other operators.
        moved_bytes: of its inputs and outputs, each tensor once and whole, also where a gather reads a part of it.
    """

    flops: int
    moved_bytes: int


@dataclass(frozen=True)
class Work:
    """A forward pass. Kernels that PyTorch does not dispatch, such as Triton's, are not in it.

    Attributes:
        operations: in order; views, which move nothing, left out.
        least_bytes: parameters, the batch's fields that are read, and the logits: what no program can avoid moving.
    """

    operations: tuple[Operation, ...]
    least_bytes: int

    @property
    def flops(self) -> int:
        """Of all operators."""
        return sum(operation.flops for operation in self.operations)

    @property
    def moved_bytes(self) -> int:
        """Of all operators, one after the other."""
        return sum(operation.moved_bytes for operation in self.operations)

    def floor_s(self, flops_per_s: float, bytes_per_s: float) -> float:
        """Seconds that no program can beat: products at full rate, or the unavoidable bytes, whichever is longer."""
        return max(self.flops / flops_per_s, self.least_bytes / bytes_per_s)

    def unfused_s(self, flops_per_s: float, bytes_per_s: float) -> float:
        """About the seconds it takes if every operator reads and writes memory: of each, the longer of the two."""
        return sum(max(one.flops / flops_per_s, one.moved_bytes / bytes_per_s) for one in self.operations)


@torch.no_grad()
def forward_work(network: nn.Module, batch: Batch) -> Work:
    """Run a network once and note what it does."""
    with _Watch() as watch:
        prediction = network.eval()(batch)
    weights = (tensor.nbytes for tensor in (*network.parameters(), *network.buffers()))
    inputs: frozenset[str] = network.inputs  # ty: ignore[invalid-assignment]  # a method has them
    given = (value.nbytes for name, value in vars(batch).items() if name in inputs and isinstance(value, Tensor))
    return Work(tuple(watch.operations), sum(weights) + sum(given) + prediction.logits.nbytes)


class _Watch(TorchDispatchMode):
    """Notes every operator that is dispatched."""

    def __init__(self) -> None:
        super().__init__()
        self.operations: list[Operation] = []

    def __torch_dispatch__(
        self, func: OpOverload, types: tuple[type, ...], args: tuple = (), kwargs: Mapping[str, object] | None = None
    ) -> object:
        given = dict(kwargs or {})
        out = func(*args, **given)
        if not func.is_view and "empty" not in func.name():
            counts: Callable[..., int] | None = flop_registry.get(func.overloadpacket)
            flops = counts(*args, **given, out_val=out) if counts else 0
            tensors = {id(leaf): leaf for leaf in tree_leaves((args, given, out)) if isinstance(leaf, Tensor)}
            self.operations.append(Operation(int(flops), sum(_stored_bytes(tensor) for tensor in tensors.values())))
        return out


def _stored_bytes(tensor: Tensor) -> int:
    """Bytes of a tensor, those of an expanded axis once."""
    return min(tensor.nbytes, tensor.untyped_storage().nbytes())

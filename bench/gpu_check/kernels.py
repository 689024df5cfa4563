"""Triton's kernels beside their plain twins: values and gradients against float64, and seconds."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from importlib.util import find_spec
from unittest.mock import patch

import torch
from torch import Tensor

from gpu_check.setting import FAILED, OK, SKIPPED, Row, Setting
from gpu_check.timing import precision, seconds
from voxway.ops import dcnv3 as dcnv3_module
from voxway.ops import deform_attn as attention_module
from voxway.ops import selective_scan as scan_module
from voxway.ops.triton_use import use_triton

TITLE = "Triton's kernels"
ABOUT = """Against the plain form in float64: largest error over the largest value, of the output and of all gradients;
for the kernel at most 1e-5, or four times the plain form's in float32. In bfloat16 the map has 16 bits and is compared
with the same map in float64, at most 1e-2; so has the input of a scan. Milliseconds of the forward pass, and of it with
the backward pass."""
BUDGET_S = 75.0

Operator = Callable[..., Tensor]
Case = tuple[Operator, list[Tensor], tuple[object, ...]]


def items(setting: Setting) -> tuple[str, ...]:
    """See `Part`."""
    return ("used", "attention on an image", "attention on a volume", "dcnv3", "selective scan")


def rows(item: str, setting: Setting) -> Iterator[Row]:
    """See `Part`."""
    if find_spec("triton") is None:
        yield {"what": item, "state": f"{SKIPPED}: no Triton here"}
        return
    if item == "used":
        # Kernels can be launched here only with a C compiler and Python's headers; networks fall back silently.
        used = use_triton(torch.zeros(1, device=setting.device))
        said = OK if used else f"{SKIPPED}: networks use the plain forms here"
        yield {"what": "networks use them", "state": said}
        return
    operator, tensors, more = case(item, setting)
    exact = evaluate(operator, [tensor.double() for tensor in tensors], more, plain=True)
    rough = [tensors[0].bfloat16(), *tensors[1:]]
    exact_rough = evaluate(operator, [tensor.double() for tensor in rough], more, plain=True)
    plain = errors(evaluate(operator, tensors, more, plain=True), exact)
    yield _row(item, "plain", plain, "", times(operator, tensors, more, setting, plain=True))
    found = errors(evaluate(operator, tensors, more, plain=False), exact)
    good = all(mine <= max(1e-5, 4 * theirs) for mine, theirs in zip(found, plain))
    state = OK if good else f"{FAILED}: too far from float64"
    yield _row(item, "Triton", found, state, times(operator, tensors, more, setting, plain=False))
    found = errors(evaluate(operator, rough, more, plain=False), exact_rough)
    state = OK if max(found) <= 1e-2 else f"{FAILED}: too far from float64"
    yield _row(item, "Triton, bfloat16", found, state, times(operator, rough, more, setting, plain=False))


def _row(item: str, form: str, found: tuple[float, float], state: str, took: tuple[float, float]) -> Row:
    return {
        "what": item,
        "form": form,
        "error": f"{found[0]:.1e}",
        "error of gradients": f"{found[1]:.1e}",
        "forward ms": f"{1e3 * took[0]:.3f}",
        "both ms": f"{1e3 * took[1]:.3f}",
        "state": state or OK,
    }


def case(item: str, setting: Setting) -> Case:
    """Operator, tensors that have gradients, and further arguments: sizes of the large networks."""
    torch.manual_seed(0)
    if item == "dcnv3":
        height, width, groups, channels = (3, 4, 2, 4) if setting.small else (93, 307, 12, 192)
        value = torch.randn(1, height, width, channels, device=setting.device)
        # Away from pixel borders, where gradients of positions jump and any rounding decides to which side.
        offset = (24 * torch.randn(1, height, width, groups, 9, 2, device=setting.device)).round() / 16 + 1 / 32
        mask = torch.randn(1, height, width, groups, 9, device=setting.device).softmax(-1)
        return dcnv3_module.dcnv3, [value, offset, mask], (2.0,)
    if item == "selective scan":
        length, channels, states = (20, 6, 4) if setting.small else (16_384, 256, 16)
        u, delta = torch.randn(2, 1, length, channels, device=setting.device).unbind()
        B, C = torch.randn(2, 1, length, states, device=setting.device).unbind()
        A = -torch.arange(1.0, states + 1, device=setting.device).repeat(channels, 1)
        return _scan, [u, 0.1 * delta.exp(), A, B, C], ()
    size = (24, 77) if item == "attention on an image" else (512, 512)
    queries, heads, points, channels = (50_000, 8, 8, 16) if item == "attention on an image" else (262_144, 8, 4, 16)
    if setting.small:
        size, queries, heads, points = (6, 7), 6, 2, 2
    value = torch.randn(size[0] * size[1], heads, channels, device=setting.device)
    x, y = (torch.rand(queries, heads, points, device=setting.device) * (count + 3) - 2 for count in (size[1], size[0]))
    weights = torch.randn(queries, heads, points, device=setting.device).softmax(-1)
    return _attention, [value, x, y, weights], (size,)


def _attention(value: Tensor, x: Tensor, y: Tensor, weights: Tensor, size: tuple[int, int]) -> Tensor:
    return attention_module.deformable_attention(value, size, x, y, weights)


def _scan(u: Tensor, delta: Tensor, A: Tensor, B: Tensor, C: Tensor) -> Tensor:
    return scan_module.selective_scan(u, delta, A, B, C)[0]


def evaluate(operator: Operator, tensors: list[Tensor], more: tuple[object, ...], plain: bool) -> list[Tensor]:
    """Output and gradients, of a gradient of the output that is the same for all precisions."""
    given = [tensor.detach().requires_grad_() for tensor in tensors]
    with _form(plain), precision("float32", str(given[0].device)):
        out = operator(*given, *more)
        weights = torch.linspace(-1, 1, out.numel(), device=out.device, dtype=torch.float64).view(out.shape).sin()
        grads = torch.autograd.grad(out, given, weights.to(out.dtype))
    return [out.detach(), *grads]


def errors(found: list[Tensor], exact: list[Tensor]) -> tuple[float, float]:
    """Largest error over the largest value: of the output, and of the gradients; infinite if not a number."""
    each = []
    for mine, right in zip(found, exact):
        error = float((mine.double() - right.double()).abs().max() / right.double().abs().max())
        each.append(error if error == error else float("inf"))
    return each[0], max(each[1:])


def times(
    operator: Operator, tensors: list[Tensor], more: tuple[object, ...], setting: Setting, plain: bool
) -> tuple[float, float]:
    """Seconds of the forward pass, and of forward and backward."""
    runs = 1 if setting.small else 10
    given = [tensor.detach().requires_grad_() for tensor in tensors]
    with torch.no_grad(), _form(plain):
        forward = seconds(lambda: operator(*given, *more), setting.device, runs, warmup=min(runs, 3) - 1)

    def both() -> None:
        out = operator(*given, *more)
        torch.autograd.grad(out, given, torch.ones_like(out))

    with _form(plain):
        return forward, seconds(both, setting.device, runs, warmup=min(runs, 3) - 1)


@contextmanager
def _form(plain: bool) -> Iterator[None]:
    """Whether operators take their plain form, or Triton's kernels wherever they are."""
    answer = (lambda tensor: False) if plain else (lambda tensor: True)
    with ExitStack() as stack:
        for module in (dcnv3_module, attention_module, scan_module):
            stack.enter_context(patch.object(module, "use_triton", answer))
        yield

"""Selective scan of one sequence on a CPU, ours beside the sequential form of its definition, in one run.

The sequential form has all decays and entries in memory, (b, d, l, n) each, and walks along them in Python. Each form
runs in a process of its own, in turn, whose threads wait as those of voxway's programs; a fast form makes several
passes. Memory is the largest of the process, less what it had with the inputs; Linux tells it. Outputs and gradients
are compared first, on a shorter sequence.

    python bench/selective_scan.py                       65,536 positions, 256 channels, 16 states
    python bench/selective_scan.py --length 16384 --rounds 1
    python bench/selective_scan.py --passes forward      without the backward pass, minutes of the sequential form
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Iterable
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from voxway.engine.threads import share_cores
from voxway.measure.passes import describe_machine
from voxway.ops.selective_scan import selective_scan

FORMS = ("sequential", "ours")
PASSES = ("forward", "forward and backward")
ENOUGH_S = 5.0
"""Seconds that one form is measured for, at least one pass."""


def sequential(u: Tensor, delta: Tensor, A: Tensor, B: Tensor, C: Tensor, D: Tensor) -> Tensor:
    """The definition, one position after the other."""
    steps = F.softplus(delta).mT
    decay = torch.exp(torch.einsum("bdl,dn->bdln", steps, A))
    enter = torch.einsum("bdl,bln,bdl->bdln", steps, B, u.mT)
    state = u.new_zeros(len(u), *A.shape)
    out = []
    for a, b, c in zip(along(decay, 2), along(enter, 2), along(C, 1)):
        state = a * state + b
        out.append(torch.einsum("bdn,bn->bd", state, c))
    return torch.stack(out, 1) + u * D


def along(tensor: Tensor, axis: int) -> Iterable[Tensor]:
    """Positions by index, as published; at once where there is a gradient, which for an index has the size of all."""
    if tensor.requires_grad:
        return tensor.unbind(axis)
    return (tensor.select(axis, i) for i in range(tensor.shape[axis]))


def ours(u: Tensor, delta: Tensor, A: Tensor, B: Tensor, C: Tensor, D: Tensor) -> Tensor:
    """The operator."""
    return selective_scan(u, delta, A, B, C, D, softplus=True)[0]


def inputs(length: int, channels: int, states: int) -> list[Tensor]:
    """As a network has them at the start of training: steps between 0.001 and 0.1, decays of 1 to n."""
    torch.manual_seed(0)
    u = torch.randn(1, length, channels)
    steps = torch.empty(1, length, channels).uniform_(-6.9, -2.3).exp()
    delta = steps + (-torch.expm1(-steps)).log()
    A = -torch.arange(1.0, states + 1).repeat(channels, 1)
    B, C = torch.randn(2, 1, length, states).unbind()
    return [u, delta, A, B, C, torch.ones(channels)]


def measure(form: str, kind: str, length: int, channels: int, states: int) -> dict[str, float]:
    """Median seconds of a pass, on the clock and of all processors, and GiB above the inputs at its peak."""
    operator = {"sequential": sequential, "ours": ours}[form]
    tensors = inputs(length, channels, states)
    one_pass(operator, [t[:, :64] if t.ndim == 3 else t for t in tensors], kind)  # starts threads and libraries
    before = memory("VmRSS")
    Path("/proc/self/clear_refs").write_text("5")  # forget the peak so far
    took: list[tuple[float, float]] = []
    while sum(wall for wall, _ in took) < ENOUGH_S:
        start = time.perf_counter(), time.process_time()
        one_pass(operator, tensors, kind)
        took.append((time.perf_counter() - start[0], time.process_time() - start[1]))
    wall, processor = (statistics.median(times) for times in zip(*took))
    return {"seconds": wall, "processor seconds": processor, "GiB": memory("VmHWM") - before}


def memory(kind: str) -> float:
    """GiB of this process: "VmRSS" now, "VmHWM" at the peak."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith(kind)).split()[1]) / 2**20


def one_pass(operator, tensors: list[Tensor], kind: str) -> list[Tensor]:
    """Output, and gradients of its sum of squares if asked for."""
    if kind == "forward":
        with torch.no_grad():
            return [operator(*tensors)]
    given = [t.detach().requires_grad_() for t in tensors]
    out = operator(*given)
    return [out.detach(), *torch.autograd.grad(out, given, out.detach())]


def compare(channels: int, states: int) -> float:
    """Largest difference over the largest value, of outputs and gradients."""
    tensors = inputs(2048, channels, states)
    pairs = zip(*(one_pass(operator, tensors, PASSES[1]) for operator in (sequential, ours)))
    return max(float((a - b).abs().max() / a.abs().max()) for a, b in pairs)


def main() -> None:
    """Measure both forms in turn, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--length", type=int, default=65536)
    parser.add_argument("--channels", type=int, default=256)
    parser.add_argument("--states", type=int, default=16)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--passes", nargs="+", choices=PASSES, default=list(PASSES))
    parser.add_argument("--measure", nargs=2, help=argparse.SUPPRESS)
    given = parser.parse_args()
    sizes = (given.length, given.channels, given.states)
    if given.measure:
        print(json.dumps(measure(*given.measure, *sizes)))
        return
    share_cores()  # what it sets, the processes that measure are started with
    print(describe_machine())
    print(f"largest difference {compare(given.channels, given.states):.1e} of the largest value, 2,048 positions")
    found: dict[tuple[str, str], list[dict[str, float]]] = {}
    words = [f"--{name}={size}" for name, size in zip(("length", "channels", "states"), sizes)]
    for _ in range(given.rounds):
        for kind in given.passes:
            for form in FORMS:
                command = [sys.executable, __file__, "--measure", form, kind, *words]
                done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
                found.setdefault((form, kind), []).append(json.loads(done.stdout))
    print(f"{given.length} positions, {given.channels} channels, {given.states} states; medians of {given.rounds}\n")
    print(f"{'':42}{'sequential':>12}{'ours':>12}{'ratio':>10}")
    for kind in given.passes:
        for what in found[FORMS[0], kind][0]:
            theirs, mine = (statistics.median(one[what] for one in found[form, kind]) for form in FORMS)
            print(f"{f'{kind}, {what}':42}{theirs:>12.2f}{mine:>12.2f}{theirs / mine:>10.1f}")


if __name__ == "__main__":
    main()

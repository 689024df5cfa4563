"""MonoOcc-S at full size (370 x 1226, 17 000 proposals, float32, 2 threads): ours against the plain form.

The plain form is what the released code computes where it has no CUDA kernel: deformable attention by `grid_sample`
over all queries at once, and the head on an upsampled volume in all channels. Both have the same weights and give the
same logits, which is checked. Each form runs in a process of its own, in turn, so that peak memory is its own.

    python bench/monoocc.py                  both, ratio, and distance from the floor
    python bench/monoocc.py --form ours      one form alone
    python bench/monoocc.py --form plain
    python bench/monoocc.py --precision bfloat16    ours under autocast against ours in float32: time, memory, error
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import torch
import torch.nn.functional as F
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import FlopCounterMode, flop_registry

from voxway.core.frame_shape import FrameShape
from voxway.engine.memory import keep_freed_memory
from voxway.measure.made_up import made_up_batch
from voxway.measure.passes import describe_machine, measure
from voxway.methods.monoocc import attention, model
from voxway.recipes.networks.monoocc import MONOOCC_S

THREADS = 2


def plain_attention(value, size, x_px, y_px, weights):
    """All samples of all queries at once."""
    height, width = size
    maps = value.permute(1, 2, 0).unflatten(-1, size)
    grid = torch.stack([(x_px + 0.5) / width, (y_px + 0.5) / height], -1).transpose(0, 1) * 2 - 1
    samples = F.grid_sample(maps, grid, align_corners=False)
    return (samples * weights.transpose(0, 1)[:, None]).sum(-1).permute(2, 0, 1).flatten(1)


def plain_head(self, voxels):
    """Upsample in all channels, then norm and linear."""
    shape = tuple(count * times for count, times in zip(voxels.shape, self.factor))
    fine = F.interpolate(voxels.permute(3, 0, 1, 2)[None], shape, mode="trilinear", align_corners=True)[0]
    return self.classify(self.norm(fine.permute(1, 2, 3, 0))).permute(3, 0, 1, 2)


def network_and_batch():
    """The network with weights that attend somewhere, and a street."""
    torch.manual_seed(0)
    network = MONOOCC_S.build().eval()
    for name, parameter in network.named_parameters():
        if ".offsets.weight" in name or ".weights.weight" in name:
            torch.nn.init.normal_(parameter, std=0.05)
    frame = FrameShape(cameras=1, image_px=(370, 1226), proposals=17_000)
    return network, made_up_batch(network.task, network.inputs, frame)


def run_form(form: str, runs: int) -> dict:
    """Measure one form in this process."""
    torch.set_num_threads(THREADS)
    keep_freed_memory()
    if form == "plain":
        attention.deformable_attention = plain_attention
        attention.CHUNK = 2**30
        model.VoxelHead.forward = plain_head
    network, batch = network_and_batch()
    passes = measure(network, batch, runs, 1, training=False)
    with torch.no_grad():
        logits = network(batch).logits[0, :, ::37, ::37, ::7]
    return {
        "wall_s": statistics.median(p.wall_s for p in passes),
        "cpu_s": statistics.median(p.cpu_s for p in passes),
        "peak_gb": passes[-1].peak_gb,
        "logits": logits.flatten()[::7].tolist(),
    }


class ProductsByType(TorchDispatchMode):
    """Counts floating-point operations of matrix products and convolutions by the type that they are computed in."""

    def __init__(self):
        super().__init__()
        self.operations = Counter()

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        out = func(*args, **(kwargs or {}))
        if func.overloadpacket in flop_registry:
            self.operations[str(out.dtype)] += flop_registry[func.overloadpacket](*args, **(kwargs or {}), out_val=out)
        return out


def run_precision(precision: str, runs: int, file: Path) -> dict:
    """Measure ours in this process, in one precision; logits go to a file."""
    torch.set_num_threads(THREADS)
    keep_freed_memory()
    network, batch = network_and_batch()
    with torch.autocast("cpu", torch.bfloat16, enabled=precision == "bfloat16"):
        passes = measure(network, batch, runs, 1, training=False)
        with torch.no_grad(), ProductsByType() as products:
            torch.save(network(batch).logits, file)
    total = sum(products.operations.values())
    return {
        "wall_s": statistics.median(p.wall_s for p in passes),
        "cpu_s": statistics.median(p.cpu_s for p in passes),
        "peak_gb": passes[-1].peak_gb,
        "products": {name: count / total for name, count in products.operations.items()},
    }


def in_own_process(*arguments: str) -> dict:
    """Run this program with further arguments and read what it prints as JSON."""
    command = [sys.executable, __file__, "--json", *arguments]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def compare_precisions(runs: int) -> None:
    """Both precisions in turn, and how far their logits and classes are apart."""
    with tempfile.TemporaryDirectory() as folder:
        files = {name: Path(folder, name) for name in ("float32", "bfloat16")}
        rows = {
            name: in_own_process("--precision", name, "--logits", str(file), "--runs", str(runs))
            for name, file in files.items()
        }
        exact, rough = (torch.load(file).float() for file in files.values())
    for name, row in rows.items():
        shares = ", ".join(f"{share:.1%} of products in {kind}" for kind, share in row["products"].items())
        print(f"{name:<8} {row['wall_s']:6.2f} s wall  {row['cpu_s']:6.2f} s CPU  {row['peak_gb']:5.2f} GB  {shares}")
    difference = (exact - rough).abs()
    agree = (exact.argmax(1) == rough.argmax(1)).float().mean()
    print(
        f"logits differ by {difference.max():.3f} at most, {difference.mean():.4f} on average "
        f"(their standard deviation is {exact.std():.2f}); {agree:.2%} of voxels get the same class"
    )


def floor() -> tuple[float, float]:
    """Floating-point operations of the matrix products and convolutions, and this machine's rate for such products."""
    torch.set_num_threads(THREADS)
    network, batch = network_and_batch()
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        network(batch)
    x, w = torch.randn(4096, 128), torch.randn(128, 256)
    best = 1e9
    for _ in range(50):
        start = time.perf_counter()
        x @ w
        best = min(best, time.perf_counter() - start)
    return counter.get_total_flops(), 2 * 4096 * 128 * 256 / best


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--form", choices=("ours", "plain"))
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--precision", choices=("float32", "bfloat16"))
    parser.add_argument("--logits", type=Path, help="measure one precision alone and write its logits here")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    if options.logits:
        print(json.dumps(run_precision(options.precision, options.runs, options.logits)))
        return
    if options.precision:
        compare_precisions(options.runs)
        return
    if options.form:
        found = run_form(options.form, options.runs)
        if options.json:
            print(json.dumps(found))
        else:
            print({name: round(value, 2) for name, value in found.items() if name != "logits"})
        return
    found = {}
    for form in ("ours", "plain"):
        found[form] = in_own_process("--form", form, "--runs", str(options.runs if form == "ours" else 1))
    ours, plain = found["ours"], found["plain"]
    worst = max(abs(a - b) for a, b in zip(ours["logits"], plain["logits"]))
    torch.set_num_threads(THREADS)
    print(describe_machine())
    for form, row in found.items():
        print(f"{form:<6} {row['wall_s']:6.2f} s wall  {row['cpu_s']:6.2f} s CPU  {row['peak_gb']:5.2f} GB peak")
    print(f"ratio  {plain['wall_s'] / ours['wall_s']:6.2f}        {plain['cpu_s'] / ours['cpu_s']:6.2f}        "
          f"{plain['peak_gb'] / ours['peak_gb']:5.2f}   (logits differ by {worst:.1e} at most)")  # fmt: skip
    operations, rate = floor()
    print(
        f"floor: {operations / 1e9:.0f} GFLOP of matrix products and convolutions at {rate / 1e9:.0f} GFLOP/s "
        f"= {operations / rate:.2f} s; ours takes {ours['wall_s'] * rate / operations:.1f} times that"
    )


if __name__ == "__main__":
    main()

"""MonoOcc-S at full size (370 x 1226, 17 000 proposals, float32, 2 threads): ours against the plain form.

The plain form is what the released code computes where it has no CUDA kernel: deformable attention by `grid_sample`
over all queries at once, and the head on an upsampled volume in all channels. Both have the same weights and give the
same logits, which is checked. Each form runs in a process of its own, in turn, so that peak memory is its own.

    python bench/monoocc.py                  both, ratio, and distance from the floor
    python bench/monoocc.py --form ours      one form alone
    python bench/monoocc.py --form plain
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import time

import torch
import torch.nn.functional as F
from torch.utils.flop_counter import FlopCounterMode

from voxway.core.benchmark import SEMANTIC_KITTI
from voxway.engine.measure import describe_machine, measure, street_batch
from voxway.methods.monoocc import MonoOccConfig, attention, model

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
    network = MonoOccConfig().build().eval()
    for name, parameter in network.named_parameters():
        if ".offsets.weight" in name or ".weights.weight" in name:
            torch.nn.init.normal_(parameter, std=0.05)
    return network, street_batch(SEMANTIC_KITTI.grid, size_px=(370, 1226))


def run_form(form: str, runs: int) -> dict:
    """Measure one form in this process."""
    torch.set_num_threads(THREADS)
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
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    if options.form:
        found = run_form(options.form, options.runs)
        if options.json:
            print(json.dumps(found))
        else:
            print({name: round(value, 2) for name, value in found.items() if name != "logits"})
        return
    found = {}
    for form in ("ours", "plain"):
        command = [
            sys.executable,
            __file__,
            "--form",
            form,
            "--json",
            "--runs",
            str(options.runs if form == "ours" else 1),
        ]
        found[form] = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
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

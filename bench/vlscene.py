"""VLScene at full size (a pair of 384 x 1280, float32, 2 threads): ours against the plain form, and in bfloat16.

The plain form is what the released code computes where it has no CUDA kernel, with the same weights and the same
logits: sparse layers as dense convolutions whose outputs are masked, correlations for all disparities and then
`grid_sample`, attention with its maps in memory, and the head on an upsampled volume in all channels. Each form runs in
a process of its own, in turn, so that peak memory is its own.

    python bench/vlscene.py                  all, ratios, and distance from the floor
    python bench/vlscene.py --form ours      one form alone; or plain, or bfloat16
    python bench/vlscene.py --parts          where ours spends its time
    python bench/vlscene.py --form ours --keep     with freed memory kept, as commands do without --spare-memory
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from pathlib import Path

import torch
import torch.nn.functional as F

from voxway.core.frame_shape import FrameShape
from voxway.engine.memory import keep_freed_memory, spare_memory, use_huge_pages
from voxway.measure.made_up import made_up_batch
from voxway.measure.passes import count_flops, describe_machine, measure
from voxway.methods.vlscene import awareness, interaction, model, stereo
from voxway.recipes.networks.vlscene import VLSCENE

THREADS = 2
FORMS = ("ours", "plain", "bfloat16")
ROWS = ("ours", "ours --keep", "plain", "bfloat16", "bfloat16 --keep")
"""What is compared: a form, and what becomes of freed memory."""


def network_and_batch():
    """The network without what only training uses, and a pair."""
    torch.manual_seed(0)
    network = VLSCENE.build().eval()
    frame = FrameShape(cameras=2, image_px=(384, 1280))
    return network, made_up_batch(network.task, network.inputs, frame)


def plain_forms() -> None:
    """Put the plain form of every operator in place of ours."""
    awareness.pays = lambda active: False
    awareness.levels_of = lambda sites: sites
    awareness.SparseUNet.forward = plain_unet
    stereo.depth_volume = plain_volume
    interaction.F = type("F", (), {**vars(F), "scaled_dot_product_attention": staticmethod(plain_attention)})
    model.VoxelHead.forward = plain_head


def plain_unet(self, x, sites):
    """The sparse U-Net as dense convolutions, masked."""
    dense = x.new_zeros(sites.samples, *sites.shape, x.shape[1])
    place = tuple(sites.index.unbind(1))
    dense[place] = x
    fine = x.new_zeros(sites.samples, 1, *sites.shape)
    fine[place[0], 0, place[1], place[2], place[3]] = 1
    half, quarter = (F.max_pool3d(fine, 3, 2, 1), F.max_pool3d(F.max_pool3d(fine, 3, 2, 1), 3, 2, 1))
    volume = dense.movedim(-1, 1)

    def conv(volume, weight, mask, stride=1):
        kernel = weight.permute(4, 3, 0, 1, 2)
        return F.conv3d(volume, kernel, stride=stride, padding=tuple(n // 2 for n in kernel.shape[2:])) * mask

    def layer(one, volume, mask):
        out = F.leaky_relu(conv(volume, one.weight, mask), 0.01)
        norm = one.norm
        return F.batch_norm(out, norm.running_mean, norm.running_var, norm.weight, norm.bias, eps=norm.eps) * mask

    def two(paths, volume, mask):
        return sum(layer(second, layer(first, volume, mask), mask) for first, second in paths.paths)

    def rise(one, volume, shortcut, coarse, mask):
        kernel = one.up.permute(3, 4, 0, 1, 2)
        up = F.conv_transpose3d(layer(one.enter, volume, coarse), kernel, stride=2, padding=1, output_padding=1)
        volume = up * mask + shortcut
        for inner in one.layers:
            volume = layer(inner, volume, mask)
        return volume

    kept = two(self.fine, two(self.enter, volume, fine), fine)
    kept_half = two(self.coarse, conv(kept, self.halve, half, 2), half)
    volume = conv(kept_half, self.quarter, quarter, 2)
    volume = rise(self.to_fine, rise(self.to_coarse, volume, kept_half, quarter, half), kept, half, fine)
    first, *others = (conv(volume, weight, fine) for weight in self.gate.weights)
    for norm in self.gate.norms:
        shape = (1, -1, 1, 1, 1)
        scale = norm.weight / (norm.running_var + norm.eps).sqrt()
        first = (first * scale.view(shape) + (norm.bias - norm.running_mean * scale).view(shape)).sigmoid()
    both = torch.cat([(first + others[0] + others[1]) * volume, volume], 1)
    return both.movedim(1, -1)[place]


def plain_volume(left, right, steps, groups):
    """Correlations for every disparity, then read at those of the bins."""
    (samples, _, height, width), count = left.shape, steps.shape[1]
    volume = left.new_zeros(samples, groups, count, height, width)
    for shift in range(count):
        product = left[..., shift:] * right[..., : width - shift]
        volume[:, :, shift, :, shift:] = product.unflatten(1, (groups, -1)).mean(2)
    rows = volume.flatten(3)
    at = steps.to(left) / (count - 1) * 2 - 1
    across = torch.linspace(-1, 1, rows.shape[-1], dtype=left.dtype)
    grid = torch.stack([across.expand(samples, count, -1), at[..., None].expand(-1, -1, rows.shape[-1])], -1)
    return F.grid_sample(rows, grid, align_corners=True).unflatten(3, (height, width))


def plain_attention(query, key, value, scale):
    """With the map of all pairs in memory."""
    return (query @ key.transpose(1, 2) * scale).softmax(-1) @ value


def plain_head(self, voxels):
    """Upsample in all channels, then norm and linear."""
    shape = tuple(count * times for count, times in zip(voxels.shape, self.factor))
    fine = F.interpolate(voxels.permute(3, 0, 1, 2)[None], shape, mode="trilinear", align_corners=True)[0]
    return self.classify(self.norm(fine.permute(1, 2, 3, 0))).permute(3, 0, 1, 2)


def run_form(form: str, runs: int, keep: bool, file: Path | None) -> dict:
    """Measure one form in this process; logits go to a file."""
    torch.set_num_threads(THREADS)
    (keep_freed_memory if keep else spare_memory)()
    if form == "plain":
        plain_forms()
    network, batch = network_and_batch()
    with torch.autocast("cpu", torch.bfloat16, enabled=form == "bfloat16"), torch.no_grad():
        passes = measure(network, batch, runs, 1, training=False)
        if file is not None:
            torch.save(network(batch).logits.float(), file)
    return {
        "wall_s": statistics.median(p.wall_s for p in passes),
        "cpu_s": statistics.median(p.cpu_s for p in passes),
        "peak_gb": passes[-1].peak_gb,
    }


def parts(runs: int, bfloat16: bool, keep: bool) -> None:
    """Seconds of every part of a pass, whatever it holds."""
    torch.set_num_threads(THREADS)
    (keep_freed_memory if keep else spare_memory)()
    network, batch = network_and_batch()
    spent: dict[str, list[float]] = defaultdict(list)
    named = {
        "backbone": network.backbone, "neck": network.neck, "depth net": network.depth_net, "pair": network.stereo,
        "interaction": network.interaction, "propagation": network.awareness.propagate,
        "sparse U-Net": network.awareness.interact, "trunk, convolution": network.trunk.conv,
        "trunk, narrowing": network.trunk.diffuse.enter, "trunk, axes": network.trunk.diffuse.blocks,
        "trunk, dilations": network.trunk.diffuse.dilated, "head": network.head,
    }  # fmt: skip
    begun: dict[str, float] = {}
    for name, module in named.items():
        module.register_forward_pre_hook(lambda *_, name=name: begun.__setitem__(name, time.perf_counter()))
        module.register_forward_hook(lambda *_, name=name: spent[name].append(time.perf_counter() - begun[name]))
    with torch.autocast("cpu", torch.bfloat16, enabled=bfloat16):
        whole = statistics.median(p.wall_s for p in measure(network, batch, runs, 1, training=False))
    for name, times in spent.items():
        print(f"{name:20} {statistics.median(times[1:]):6.2f} s")
    print(f"{'rest':20} {whole - sum(statistics.median(t[1:]) for t in spent.values()):6.2f} s")
    print(f"{'whole':20} {whole:6.2f} s")


def floor() -> tuple[float, dict[torch.dtype, float]]:
    """Floating-point operations of the dense layers, and this machine's rates for a dense convolution."""
    torch.set_num_threads(THREADS)
    operations = count_flops(*network_and_batch())
    rates = {}
    for dtype in (torch.float32, torch.bfloat16):
        x, w = torch.randn(1, 128, 64, 64, 16, dtype=dtype), torch.randn(128, 128, 3, 3, 3, dtype=dtype)
        best = 1e9
        for _ in range(8):
            start = time.perf_counter()
            F.conv3d(x, w, padding=1)
            best = min(best, time.perf_counter() - start)
        rates[dtype] = 2 * 27 * 128 * 128 * 64 * 64 * 16 / best
    return operations, rates


def in_own_process(*arguments: str) -> dict:
    """Run this program with further arguments and read what it prints as JSON."""
    command = [sys.executable, __file__, "--json", *arguments]
    return json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.splitlines()[-1])


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--form", choices=FORMS)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--parts", action="store_true", help="of ours; with --form bfloat16 in that precision")
    parser.add_argument("--keep", action="store_true", help="keep freed memory for what comes next")
    parser.add_argument("--logits", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--json", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.parts:
        parts(options.runs, options.form == "bfloat16", options.keep)
        return
    if options.form:
        found = run_form(options.form, options.runs, options.keep, options.logits)
        print(json.dumps(found) if options.json else {name: round(value, 2) for name, value in found.items()})
        return
    use_huge_pages()  # what it sets, the processes that measure are started with
    with tempfile.TemporaryDirectory() as folder:
        files = {row: Path(folder, row) for row in ROWS}
        rows = {
            row: in_own_process("--form", *row.split(), "--logits", str(file), "--runs", str(options.runs))
            for row, file in files.items()
        }
        logits = {form: torch.load(files[form]) for form in FORMS}
    print(describe_machine())
    ours = rows["ours"]
    for form, row in rows.items():
        wall, cpu, memory = (row[name] / ours[name] for name in ("wall_s", "cpu_s", "peak_gb"))
        print(
            f"{form:<15} {row['wall_s']:6.2f} s wall  {row['cpu_s']:6.2f} s CPU  {row['peak_gb']:5.2f} GB peak; "
            f"times ours: {wall:.2f}, {cpu:.2f}, {memory:.2f}"
        )
    for form in ("plain", "bfloat16"):
        difference = (logits[form] - logits["ours"]).abs()
        alike = (logits[form].argmax(1) == logits["ours"].argmax(1)).float().mean()
        print(
            f"{form}: logits differ by {difference.max():.1e} at most, {difference.mean():.1e} on average (standard "
            f"deviation {logits['ours'].std():.2f}); {alike:.3%} of voxels get the same class"
        )
    operations, rates = floor()
    for dtype, rate in rates.items():
        print(
            f"floor: {operations / 1e9:.0f} GFLOP of dense layers at {rate / 1e9:.0f} GFLOP/s in {dtype} "
            f"= {operations / rate:.2f} s"
        )


if __name__ == "__main__":
    main()

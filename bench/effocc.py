"""FlashOcc-R50 and the fusion network with ResNet-18 at full size (six images of 256 x 704, batch 1, float32).

Ours against the plain form, which has the same weights and gives the same logits (checked): contiguous feature maps,
norms apart from convolutions, lifted features stored and added up, LiDAR's map dense before it is joined, and sparse
convolutions by the textbook rule, whose tables every layer builds for itself. Each form runs in a process of its own,
in turn; both keep freed memory, as ``voxway predict`` and ``eval`` do.

    python bench/effocc.py                            both networks, both forms, ratios
    python bench/effocc.py --form ours --network fusion
    python bench/effocc.py --sparse                   the sparse encoder alone
    python bench/effocc.py --sweeps 10                as many points as ten LiDAR sweeps
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import statistics
import subprocess
import sys
import time

import torch

from voxway.core.frame_shape import FrameShape
from voxway.engine.memory import keep_freed_memory
from voxway.measure.made_up import made_up_batch, scans
from voxway.measure.passes import describe_machine, measure
from voxway.methods.effocc import camera, lidar
from voxway.nn.backbone import ImageBackbone
from voxway.nn.conv_norm import ConvNorm
from voxway.nn.linear import Linear
from voxway.ops.sparse_map import SparseMap
from voxway.ops.voxelize import voxelize
from voxway.recipes.networks.effocc import FLASHOCC_R50, FUSION_R18

THREADS = 2
NETWORKS = {"camera": FLASHOCC_R50, "fusion": FUSION_R18}
SIZE_PX = (256, 704)


def plain_sparse_conv(features, index, samples, shape, weight, kernel, stride, padding, submanifold):
    """Textbook rule: for every kernel offset look up all neighbours, gather, multiply, add."""
    out_shape = tuple((n + 2 * p - k) // s + 1 for n, k, s, p in zip(shape, kernel, stride, padding))

    def keys(cells, of):
        return ((cells[:, 0] * of[0] + cells[:, 1]) * of[1] + cells[:, 2]) * of[2] + cells[:, 3]

    offsets = torch.cartesian_prod(*(torch.arange(k) for k in kernel))
    pairs = []
    for offset in offsets:
        step = index[:, 1:] + torch.tensor(padding) - offset
        cell = step.div(torch.tensor(stride), rounding_mode="floor")
        valid = ((cell * torch.tensor(stride) == step) & (cell >= 0) & (cell < torch.tensor(out_shape))).all(1)
        rows = valid.nonzero()[:, 0]
        pairs.append((rows, keys(torch.cat([index[rows, :1], cell[rows]], 1), out_shape)))
    if submanifold:
        outputs, order = keys(index, shape).sort()
    else:
        outputs, order = torch.cat([found for _, found in pairs]).unique(), None
    out = features.new_zeros(len(outputs), weight.shape[-1])
    for (rows, found), matrix in zip(pairs, weight.flatten(0, 2)):
        place = torch.searchsorted(outputs, found).clamp(max=len(outputs) - 1)
        hit = outputs[place] == found
        target = place[hit] if order is None else order[place[hit]]
        out.index_add_(0, target, features[rows[hit]] @ matrix)
    if submanifold:
        return out, index, shape
    nz, ny, nx = out_shape
    cells = torch.stack([outputs // (nz * ny * nx), outputs // (ny * nx) % nz, outputs // nx % ny, outputs % nx], 1)
    return out, cells, out_shape


def plain_lidar(self, points, point_offsets):
    """`LidarBranch.forward` with a table for every layer."""
    config, samples = self.config, len(point_offsets) - 1
    voxels = voxelize(points, point_offsets, self.grid, config.max_points, config.voxels)
    x, index, shape = voxels.mean, voxels.index, self.shape
    same = ((3, 3, 3), (1, 1, 1), (1, 1, 1), True)

    def layer(part, x, index, shape, kernel, stride, padding, submanifold):
        x, index, shape = plain_sparse_conv(x, index, samples, shape, part.weight, kernel, stride, padding, submanifold)
        x = part.norm(x)
        return (x.relu() if part.relu else x), index, shape

    x, _, _ = layer(self.stem, x, index, shape, *same)
    for blocks, down, settings in zip(self.blocks, self.down, lidar.downsampling(len(config.widths))):
        for block in blocks:
            y, _, _ = layer(block.first, x, index, shape, *same)
            y, _, _ = layer(block.second, y, index, shape, *same)
            x = (y + x).relu()
        x, index, shape = layer(down, x, index, shape, *settings, False)
    return SparseMap(x, lidar.Sites(index, shape, samples)).dense().contiguous()


def plain_splat(self, probabilities, context, cameras, size_px):
    """Lifted features stored, then added up; the cells are found anew every time."""
    cells = self.cells(cameras, size_px, tuple(context.shape[-2:]))
    lifted = probabilities[..., None] * context.movedim(2, -1)[:, :, None]
    samples, channels, (nx, ny, _) = context.shape[0], context.shape[2], self.grid.shape
    out = lifted.new_zeros(samples * ny * nx + 1, channels)
    out = out.index_add(0, cells.flatten(), lifted.reshape(-1, channels))  # what lies outside is added to one cell more
    return out[:-1].view(samples, ny, nx, channels).permute(0, 3, 1, 2).contiguous()


def plain_conv_norm(self, x):
    """Convolution, norm, ReLU."""
    y = self.norm(self.conv(x))
    return y.relu() if self.relu else y


def make_plain() -> None:
    """Swap in the plain forms, in this process."""
    lidar.LidarBranch.forward = plain_lidar
    camera.CameraBranch.splat = plain_splat
    ConvNorm.forward = plain_conv_norm
    ImageBackbone.forward = lambda self, images: self.network(images.contiguous())
    Linear.forward = torch.nn.Linear.forward


def settle(network: torch.nn.Module) -> None:
    """Weights and statistics under which signals neither vanish nor explode."""
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm1d | torch.nn.BatchNorm2d):
            torch.nn.init.uniform_(module.running_var, 0.5, 1.5)
            torch.nn.init.uniform_(module.weight, 0.8, 1.2)


def run_form(form: str, name: str, runs: int, sweeps: int) -> dict:
    """Measure one form of one network in this process."""
    torch.set_num_threads(THREADS)
    keep_freed_memory()
    if form == "plain":
        make_plain()
    torch.manual_seed(0)
    network = NETWORKS[name].build().eval()
    settle(network)
    if form == "plain":
        network.to(memory_format=torch.contiguous_format)
    batch = made_up_batch(network.task, network.inputs, FrameShape(image_px=SIZE_PX, columns=5, sweeps=sweeps))
    passes = measure(network, batch, runs, 1, training=False)
    with torch.no_grad():
        logits = network(batch).logits[0, :, ::9, ::9, ::3]
    return {
        "wall_s": statistics.median(p.wall_s for p in passes),
        "cpu_s": min(p.cpu_s for p in passes),
        "peak_gb": passes[-1].peak_gb,
        "logits": logits.flatten()[::7].tolist(),
    }


def sparse_encoder(runs: int, sweeps: int) -> None:
    """The sparse encoder alone: points to map, all forms in turn in this process; spconv's where it is installed."""
    torch.set_num_threads(THREADS)
    torch.manual_seed(0)
    branch = FUSION_R18.build().eval().lidar
    points = scans(sweeps, 5, torch.Generator().manual_seed(0))
    offsets = torch.tensor([0, len(points)])
    voxels = len(voxelize(points, offsets, branch.grid, branch.config.max_points, branch.config.voxels).mean)
    forms = {"ours": lambda: branch(points, offsets).dense(), "plain": lambda: plain_lidar(branch, points, offsets)}
    if importlib.util.find_spec("spconv"):
        from spconv_encoder import spconv_encoder

        forms["spconv"] = spconv_encoder(branch, points)  # random weights, and voxels are given to it
    found, times = {}, {form: [] for form in forms}
    for _ in range(runs + 1):
        for form, forward in forms.items():
            start = time.process_time()
            with torch.no_grad():
                found[form] = forward()
            times[form].append(time.process_time() - start)
    best = {form: min(took[1:]) for form, took in times.items()}
    for form, seconds in best.items():
        print(f"{form:<6} {seconds:6.2f} s CPU  {seconds / best['ours']:5.2f} times ours")
    worst = (found["ours"] - found["plain"]).abs().max()
    print(f"{len(points)} points, {voxels} voxels; maps of ours and plain differ by {worst:.1e} at most")


def compare(name: str, runs: int, sweeps: int) -> None:
    """Both forms, each in a process of its own."""
    found = {}
    for form in ("ours", "plain"):
        options = ["--form", form, "--network", name, "--runs", str(runs), "--sweeps", str(sweeps), "--json"]
        result = subprocess.run([sys.executable, __file__, *options], check=True, capture_output=True, text=True)
        found[form] = json.loads(result.stdout)
    ours, plain = found["ours"], found["plain"]
    worst = max(abs(a - b) for a, b in zip(ours["logits"], plain["logits"]))
    print(name)
    for form, row in found.items():
        print(f"{form:<6} {row['wall_s']:6.2f} s wall  {row['cpu_s']:6.2f} s CPU  {row['peak_gb']:5.2f} GB peak")
    print(f"ratio  {plain['wall_s'] / ours['wall_s']:6.2f}        {plain['cpu_s'] / ours['cpu_s']:6.2f}        "
          f"{plain['peak_gb'] / ours['peak_gb']:5.2f}   (logits differ by {worst:.1e} at most)")  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--form", choices=("ours", "plain"))
    parser.add_argument("--network", choices=tuple(NETWORKS))
    parser.add_argument("--sparse", action="store_true")
    parser.add_argument("--sweeps", type=int, default=1)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    if options.sparse:
        sparse_encoder(options.runs, options.sweeps)
    elif options.form:
        for name in [options.network] if options.network else NETWORKS:
            row = run_form(options.form, name, options.runs, options.sweeps)
            shown = row if options.json else {key: round(v, 2) for key, v in row.items() if key != "logits"}
            print(json.dumps(shown))
    else:
        torch.set_num_threads(THREADS)
        print(describe_machine())
        for name in [options.network] if options.network else NETWORKS:
            compare(name, options.runs, options.sweeps)


if __name__ == "__main__":
    main()

"""Seconds and memory of RayIoU: frames cast and counted in truth and prediction, by one process on one thread.

Run: python bench/rayiou.py [--frames 5] [--reference case_a.npz] [--processes 2]
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import platform
import resource
import time

import numpy as np

from voxway.data.nuscenes.benchmark import OCC3D_NUSCENES as BENCHMARK
from voxway.metrics.rays.metric import RayMetric

LIDAR_M = (0.985, 0.0, 1.84)
"""Where nuScenes' LiDAR stands in the ego frame."""
Frame = tuple[np.ndarray, np.ndarray, np.ndarray]
"""Truth, prediction, origins."""


def street(seed: int) -> Frame:
    """A road with houses, trees and cars, a prediction that is shifted and has holes, eight origins along a drive."""
    rng = np.random.default_rng(seed)
    truth = np.full(BENCHMARK.grid.shape, BENCHMARK.free, np.uint8)
    names = {name: number for number, name in enumerate(BENCHMARK.classes)}
    truth[:, :, 2] = names["terrain"]
    truth[:, 80:120, 2] = names["driveable_surface"]
    for _ in range(40):
        x, y = rng.integers(0, 180, 2)
        if 70 < y < 125:
            truth[x : x + 11, rng.integers(82, 110) :][:, :5, 3:7] = names["car"]
        else:
            long, wide = rng.integers(8, 30, 2)
            kind = names["manmade"] if rng.random() < 0.5 else names["vegetation"]
            truth[x : x + long, y : min(y + wide, 70 if y < 70 else 200), 3 : rng.integers(8, 16)] = kind
    origins = np.array(LIDAR_M) + np.linspace(-30, 30, 8)[:, None] * (1, 0.02, 0)
    for x, y, _ in np.floor((origins - BENCHMARK.grid.lower) / 0.4).astype(int):
        truth[x - 1 : x + 2, y - 1 : y + 2, 3:] = BENCHMARK.free  # where the car itself drives
    prediction = np.roll(truth, 1, axis=int(rng.integers(0, 2)))
    prediction[rng.random(prediction.shape) < 0.05] = BENCHMARK.free
    return truth, prediction, origins


def empty(seed: int) -> Frame:
    """The worst case: every ray crosses the whole grid."""
    nothing = np.full(BENCHMARK.grid.shape, BENCHMARK.free, np.uint8)
    return nothing, nothing, street(seed)[2]


def stored(path: str) -> list[Frame]:
    """Frames of a file with `truth`, `prediction`, `origins` and `origin_count`."""
    arrays = np.load(path)
    counts = enumerate(arrays["origin_count"])
    return [(arrays["truth"][n], arrays["prediction"][n], arrays["origins"][n, :count]) for n, count in counts]


def seconds(frames: list[Frame], repeats: int) -> list[float]:
    """Of each frame, the fastest of several runs, CPU time."""
    metric = RayMetric(BENCHMARK, {str(n): origins for n, (_, _, origins) in enumerate(frames)}, ())
    found = []
    for number, (truth, prediction, _) in enumerate(frames):
        runs = []
        for _ in range(repeats):
            start = time.process_time()
            metric.update(truth, prediction, keys=[str(number)])
            runs.append(time.process_time() - start)
        found.append(min(runs))
    return found


def count(frame: Frame) -> None:
    """Cast and count one frame."""
    truth, prediction, origins = frame
    RayMetric(BENCHMARK, {"0": origins}, ()).update(truth, prediction, keys=["0"])


def shared(frames: list[Frame], processes: int) -> float:
    """Seconds of the clock that frames take so many processes, which have started and counted one each."""
    with multiprocessing.get_context("spawn").Pool(processes) as pool:
        pool.map(count, frames[:1] * processes, chunksize=1)
        start = time.perf_counter()
        pool.map(count, frames, chunksize=1)
        return time.perf_counter() - start


def main() -> None:
    """Time frames of each kind."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--frames", type=int, default=5, help="frames of each kind")
    parser.add_argument("--repeats", type=int, default=3, help="the fastest of so many runs counts")
    parser.add_argument("--reference", default=None, help="file of further frames")
    parser.add_argument("--processes", type=int, default=0, help="also share 40 streets among so many, by the clock")
    arguments = parser.parse_args()
    kinds = {kind.__name__: [kind(seed) for seed in range(arguments.frames)] for kind in (street, empty)}
    if arguments.reference:
        kinds[os.path.basename(arguments.reference)] = stored(arguments.reference)
    print(f"{platform.machine()}, numpy {np.__version__}, one process; 14,040 rays from up to 8 origins, two volumes")
    for name, frames in kinds.items():
        each = seconds(frames, arguments.repeats)
        whole = 6019 * float(np.mean(each)) / 60
        said = " ".join(f"{one:.3f}" for one in each)
        print(f"{name}: {np.mean(each):.3f} s a frame ({said}), 6,019 frames in {whole:.1f} min")
    if arguments.processes:
        frames = [street(seed) for seed in range(5)] * 8
        one, several = (min(shared(frames, count) for _ in range(3)) for count in (1, arguments.processes))
        print(f"40 streets: {one:.1f} s with one process, {several:.1f} s with {arguments.processes}")
    print(f"largest memory of the process: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MiB")


if __name__ == "__main__":
    main()

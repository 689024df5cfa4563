"""How much computing beside busy processes costs, by how long threads wait awake for each other.

MonoOcc-S's forward pass and a training step of the world's recipe, alone and beside one or two busy processes, for
several settings of OpenMP. Settings take turns within each round, so that a change of the machine concerns all of
them; every measurement is a process of its own, as OpenMP reads its settings when PyTorch is loaded. The value that
`voxway.engine.threads` sets is the one that loses at most 3 % alone and takes most of the loss beside a neighbour.

    python bench/neighbour.py                            all settings; about an hour on two free cores
    python bench/neighbour.py --what step --rounds 2
    python bench/neighbour.py --small                    a network of a fraction of the size, to try the bench itself
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import statistics
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager

SETTINGS: dict[str, dict[str, str]] = {
    "as PyTorch comes": {},
    **{f"spin {count}": {"GOMP_SPINCOUNT": str(count)} for count in (0, 100, 1000, 3000, 10000, 30000, 100000)},
    "passive": {"OMP_WAIT_POLICY": "PASSIVE"},
    "one thread": {"OMP_NUM_THREADS": "1"},
}
CHOSEN_BY_US = ("GOMP_SPINCOUNT", "OMP_WAIT_POLICY", "OMP_NUM_THREADS")
WHAT = ("forward", "step")
NEIGHBOURS = (0, 1, 2)


def busy() -> None:
    """Compute without an end, on one thread."""
    number = 1
    while True:
        number = number * 3 % 1_000_003


@contextmanager
def beside(count: int) -> Generator[None]:
    """So many busy processes while the block runs."""
    processes = [multiprocessing.Process(target=busy, daemon=True) for _ in range(count)]
    for process in processes:
        process.start()
    try:
        yield
    finally:
        for process in processes:
            process.kill()
            process.join()


def measure(what: str, runs: int, small: bool) -> dict[str, float]:
    """Seconds on the clock and of all processors that one pass takes: medians. In a process of its own."""
    from dataclasses import replace

    import torch

    from voxway.engine.memory import keep_freed_memory
    from voxway.measure.passes import measure as passes
    from voxway.measure.passes import network_and_batch
    from voxway.recipes import recipe

    keep_freed_memory()
    chosen = recipe("monoocc-world" if small or what == "step" else "monoocc-s", "nowhere")
    frame = chosen.data.frame_shape()
    network, batch = network_and_batch(chosen.method, replace(frame, image_px=(64, 128)) if small else frame)
    found = passes(network, batch, runs, warmup=1, training=what == "step")
    return {
        "wall_s": statistics.median(one.wall_s for one in found),
        "cpu_s": statistics.median(one.cpu_s for one in found),
        "threads": torch.get_num_threads(),
    }


def measured(setting: str, what: str, runs: int, small: bool) -> dict[str, float]:
    """`measure` in a process with one setting."""
    rest = {name: value for name, value in os.environ.items() if name not in CHOSEN_BY_US}
    command = [sys.executable, __file__, "--measure", what, "--runs", str(runs), *(["--small"] if small else [])]
    done = subprocess.run(command, env=rest | SETTINGS[setting], stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


def table(found: dict[tuple[str, str, int], list[float]], what: str) -> str:
    """Seconds per pass: the median over rounds, with the least and the most."""
    lines = [f"\n{what}, seconds per pass (least to most over rounds)"]
    lines.append(f"{'':18}" + "".join(f"{'alone' if n == 0 else f'beside {n}':>24}" for n in NEIGHBOURS))
    for setting in SETTINGS:
        cells = [found.get((setting, what, count), []) for count in NEIGHBOURS]
        said = [f"{statistics.median(c):.2f} ({min(c):.2f} to {max(c):.2f})" if c else "-" for c in cells]
        lines.append(f"{setting:18}" + "".join(f"{cell:>24}" for cell in said))
    return "\n".join(lines)


def main() -> None:
    """Measure all settings in turn, and print tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--what", choices=WHAT, help="only that; default: both")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--runs", type=int, default=3, help="passes per measurement, after one that does not count")
    parser.add_argument("--settings", nargs="+", choices=SETTINGS, default=list(SETTINGS))
    parser.add_argument("--small", action="store_true")
    parser.add_argument("--measure", choices=WHAT, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.measure:
        print(json.dumps(measure(given.measure, given.runs, given.small)))
        return
    found: dict[tuple[str, str, int], list[float]] = {}
    kinds = [given.what] if given.what else list(WHAT)
    for number in range(given.rounds):
        for what in kinds:
            for count in NEIGHBOURS:
                for setting in given.settings:
                    with beside(count):
                        one = measured(setting, what, given.runs, given.small)
                    found.setdefault((setting, what, count), []).append(one["wall_s"])
                    print(
                        f"round {number + 1}: {what} beside {count}, {setting}: {one['wall_s']:.2f} s, "
                        f"{one['cpu_s']:.2f} processor seconds, {one['threads']} threads",
                        flush=True,
                    )
    for what in kinds:
        print(table(found, what))


if __name__ == "__main__":
    main()

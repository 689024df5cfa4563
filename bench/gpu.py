"""Check a GPU and measure on it, in one call of some minutes; the outcome is one Markdown file.

Parity with reference tensors on the card, tests that need one, Triton's kernels, every network of published size in
three precisions beside the card's floor, training steps. It needs PyTorch with CUDA, timm, einops, jaxtyping,
safetensors, rich and pytest, and no extra. A part that fails or runs out of time is a row of the table; the others go
on, and the exit code says that something failed.

    python bench/gpu.py --out bench/GPU.md
    python bench/gpu.py --parts card kernels --out kernels.md
    python bench/gpu.py --only vlscene vlscene-alone --parts card parity networks training --out vlscene.md
    python bench/gpu.py --small --device cpu --out small.md          every step in small, to see that it works
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from gpu_check.parts import PARTS
from gpu_check.report import write_report
from gpu_check.setting import Setting
from gpu_check.watch import watch
from gpu_check.worker import work

ROOT = Path(__file__).resolve().parents[1]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=ROOT / "bench" / "GPU.md", help="table to write")
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--small", action="store_true", help="every step with small networks")
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument("--only", nargs="+", default=[], help="networks or methods, of parts that have them")
    parser.add_argument("--reference", type=Path, default=ROOT.parent / "shared" / "reference")
    parser.add_argument("--minutes", type=float, default=9.0, help="time for all parts together")
    parser.add_argument("--commit", default="", help="what the table says was measured; default: git's word")
    parser.add_argument("--work", nargs=2, metavar=("TODO", "EVENTS"), help=argparse.SUPPRESS)
    given = parser.parse_args()
    setting = Setting(device=given.device, small=given.small, reference=given.reference.resolve(), root=ROOT)
    if given.work:
        todo, events = map(Path, given.work)
        return work(setting, todo, events)
    rows = watch(setting, given.parts, 60 * given.minutes, given.only)
    failed = write_report(given.out, setting, rows, given.commit)
    print(f"{given.out}: {len(rows)} rows, {failed} failed", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())

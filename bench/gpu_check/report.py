"""The Markdown file."""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

import torch

from gpu_check.parts import PARTS
from gpu_check.setting import FAILED, Row, Setting
from voxway.measure.passes import describe_machine


def write_report(path: Path, setting: Setting, rows: Sequence[tuple[str, Row]], commit: str) -> int:
    """Write the tables and return how many rows failed."""
    failed = [row for _, row in rows if row["state"].startswith(FAILED)]
    lines = ["# Measured on a GPU", "", *facts(setting, commit), "", verdict(len(rows), len(failed)), ""]
    for name, part in PARTS.items():
        own = [row for of, row in rows if of == name]
        if own:
            about = " ".join(part.ABOUT.split())
            lines += [f"## {part.TITLE}", "", about, "", *table(own), ""]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines))
    return len(failed)


def facts(setting: Setting, commit: str) -> list[str]:
    """What must be said beside such numbers."""
    query = ("--query-gpu=driver_version,name,memory.total", "--format=csv,noheader")
    return [
        "`make gpu`" + (", in small: these numbers say nothing but that it works" if setting.small else ""),
        "",
        f"* {_machine(setting)}, CUDA {torch.version.cuda}, cuDNN {torch.backends.cudnn.version()}, "
        f"Triton {_version('triton')}",
        f"* driver and card: {_said('nvidia-smi', *query)}",
        f"* commit {commit or _said('git', '-C', str(setting.root), 'describe', '--always', '--dirty')}, "
        f"{time.strftime('%Y-%m-%d')}",
    ]


def verdict(count: int, failed: int) -> str:
    """One sentence."""
    return f"{count} rows, {failed} failed." if failed else f"{count} rows, none failed."


def table(rows: Sequence[Row]) -> list[str]:
    """A Markdown table whose columns are all headings, in the order in which they first occur, the state last."""
    headings = [heading for heading in dict.fromkeys(name for row in rows for name in row) if heading != "state"]
    headings.append("state")
    lines = [headings, ["---"] * len(headings), *([row.get(name, "") for name in headings] for row in rows)]
    return [f"| {' | '.join(text.replace('|', '/') for text in line)} |" for line in lines]


def _machine(setting: Setting) -> str:
    """The card and the versions, or why nobody can say; the tables are written in any case."""
    try:
        return describe_machine(setting.device)
    except (RuntimeError, AssertionError) as error:
        return f"{setting.device}: {str(error).strip().splitlines()[0]}, PyTorch {torch.__version__}"


def _version(package: str) -> str:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version(package)
    except PackageNotFoundError:
        return "absent"


def _said(*command: str) -> str:
    """First line that a program prints, if it is there and willing."""
    if not shutil.which(command[0]):
        return "unknown"
    done = subprocess.run(command, capture_output=True, text=True)
    return done.stdout.strip().splitlines()[0] if done.returncode == 0 and done.stdout.strip() else "unknown"

"""What is printed: names as they are, on any terminal, and whether or not somebody still reads."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from pathlib import Path

import pytest

import voxway
from voxway.cli.screen import patient_output, show
from voxway.data.checks.report import Report
from voxway.data.semantickitti.benchmark import SEMANTIC_KITTI

NAMES = ("drive [old]", "a [/b] c", "[bold]", ":car:", "Müller", "道路", "a\udcffb")


@pytest.mark.parametrize("name", NAMES)
def test_names_in_tables_are_printed_as_they_are(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.TextIOWrapper(io.BytesIO(), encoding="utf-8", errors="surrogateescape")
    monkeypatch.setattr(sys, "stdout", stream)
    report = Report(benchmark=SEMANTIC_KITTI, split="val")
    report.add("error", name, f"found {name}", "Look.")
    show(report.table())
    stream.seek(0)
    assert name in stream.read()


@pytest.mark.parametrize("encoding", ["ascii", "utf-8", "cp1252"])
@pytest.mark.parametrize("name", NAMES)
def test_no_letter_stops_a_command(name: str, encoding: str, monkeypatch: pytest.MonkeyPatch) -> None:
    streams = [io.TextIOWrapper(io.BytesIO(), encoding=encoding) for _ in range(2)]
    monkeypatch.setattr(sys, "stdout", streams[0])
    monkeypatch.setattr(sys, "stderr", streams[1])
    with patient_output():
        report = Report(benchmark=SEMANTIC_KITTI, split="val")
        report.add("error", name, "missing", "Look.")
        show(report.table())
        sys.stdout.write(name)
        sys.stderr.write(name)
    for stream in streams:
        stream.seek(0)
        assert stream.read()


@pytest.mark.parametrize("stream", ["stdout", "stderr"])
def test_a_command_goes_on_after_its_reader_left(stream: str, tmp_path: Path) -> None:
    done = tmp_path / "done"
    code = (
        "import sys; from pathlib import Path; from voxway.cli.screen import patient_output\n"
        f"with patient_output():\n  for _ in range(5): print('x' * 9999, file=sys.{stream}); sys.{stream}.flush()\n"
        f"  Path({str(done)!r}).touch()"
    )
    read, write = os.pipe()
    os.close(read)
    others = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, stream: write}
    environment = {**os.environ, "PYTHONPATH": str(Path(voxway.__file__).parent.parent)}
    run = subprocess.run([sys.executable, "-c", code], check=False, env=environment, **others)
    os.close(write)
    assert run.returncode == 0 and done.exists() and not run.stdout and not run.stderr

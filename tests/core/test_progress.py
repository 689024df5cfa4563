"""Progress: plain lines where there is no terminal, a bar where there is one, nothing where it is hidden."""

from __future__ import annotations

import os
import pty
import subprocess
import sys

import pytest

from voxway.core.progress import PlainLines, duration, progress_bar

SCRIPT = """
import sys, time
from voxway.core.progress import progress_bar
with progress_bar("training", 6, 2, every_s=0.05, first_s=0.0) as bar:
    for step in range(4):
        time.sleep(0.06)
        bar.advance(f"loss {step}.5")
"""


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0.4, "0 s"), (59.4, "59 s"), (261.0, "4 min 21 s"), (3599.6, "1 h 00 min"), (11_100.0, "3 h 05 min")],
)
def test_duration(seconds, said):
    assert duration(seconds) == said


def test_lines_come_first_soon_then_at_intervals_and_at_the_end(capsys):
    now = [0.0]
    lines = PlainLines("training", 40, 4, every_s=30.0, first_s=5.0, clock=lambda: now[0])
    for _ in range(36):
        now[0] += 2
        lines.advance("loss 3.214")
    lines.end()
    said = capsys.readouterr().err.splitlines()
    assert said == [
        "training: 7 of 40, 0.50/s, 1 min 06 s left, loss 3.214",
        "training: 22 of 40, 0.50/s, 36 s left, loss 3.214",
        "training: 37 of 40, 0.50/s, 6 s left, loss 3.214",
        "training: 40 of 40, 0.50/s, 1 min 12 s in all, loss 3.214",
    ]


def test_slow_things_and_several_at_once(capsys):
    now = [0.0]
    lines = PlainLines("drawing", 10, every_s=0.0, first_s=0.0, clock=lambda: now[0])
    now[0] = 60.0
    lines.advance(count=3)
    lines.update(4, 20, "08")
    assert capsys.readouterr().err.splitlines() == [
        "drawing: 3 of 10, 20.0 s each, 2 min 20 s left",
        "drawing: 4 of 20, 15.0 s each, 4 min 00 s left, 08",
    ]


def test_a_process_whose_error_stream_is_a_file(tmp_path):
    with (tmp_path / "log").open("w") as file:
        subprocess.run([sys.executable, "-c", SCRIPT], stderr=file, check=True)
    said = (tmp_path / "log").read_text().splitlines()
    assert len(said) == 4 and said[0].startswith("training: 3 of 6, ") and said[0].endswith(" s left, loss 0.5")
    assert said[-1].startswith("training: 6 of 6, ") and said[-1].endswith(" in all, loss 3.5")


def on_terminal(**environment: str) -> str:
    """What a terminal would show."""
    parent, child = pty.openpty()
    process = subprocess.Popen([sys.executable, "-c", SCRIPT], stderr=child, env=os.environ | environment)
    os.close(child)
    said = b""
    try:
        while part := os.read(parent, 4096):
            said += part
    except OSError:  # the end of a terminal
        pass
    process.wait()
    return said.decode()


def test_a_terminal_shows_a_bar():
    said = on_terminal(TERM="xterm-256color", NO_COLOR="")
    assert "━" in said and " left" not in said


def test_a_dumb_terminal_shows_lines_and_none_has_colours_it_does_not_want():
    assert "training: 6 of 6" in on_terminal(TERM="dumb")
    assert "\x1b[38" not in on_terminal(TERM="xterm-256color", NO_COLOR="1")


def test_hidden(capsys):
    with progress_bar("training", 3, show=False) as bar:
        bar.advance("x")
        bar.update(2, 3)
    assert capsys.readouterr().err == ""

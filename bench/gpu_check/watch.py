"""The watcher: a process that outlives crashes, hangs and exhausted budgets of the worker."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from gpu_check.parts import PARTS
from gpu_check.setting import FAILED, SKIPPED, Row, Setting

Item = tuple[str, str]
"""Name of a part, and what of it."""


@dataclass
class Watched:
    """What is to be done, what came out so far, and how long each part took."""

    todo: list[Item]
    rows: list[tuple[str, Row]] = field(default_factory=list)
    spent_s: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    current: Item | None = None

    def take(self, event: dict) -> None:
        """Note what the worker says."""
        if "start" in event:
            self.current = tuple(event["start"])
        elif "row" in event:
            self.rows.append((event["part"], event["row"]))
        else:
            self.drop(tuple(event["done"]))

    def drop(self, item: Item, state: str = "") -> None:
        """One is done with, or given up for a reason."""
        if state:
            self.rows.append((item[0], {"what": item[1], "state": state}))
        self.todo = [other for other in self.todo if other != item]
        self.current = None


def watch(setting: Setting, parts: Sequence[str], seconds: float, only: Sequence[str] = ()) -> list[tuple[str, Row]]:
    """Do all parts; rows with the names of their parts, and a row for whatever failed.

    Args:
        setting: of this call.
        parts: names, in order.
        seconds: for all together.
        only: items to do of parts that have any of them; empty for all.
    """
    end = time.monotonic() + seconds
    items = {name: PARTS[name].items(setting) for name in parts}
    chosen = {name: [item for item in all_ if item in only] or all_ for name, all_ in items.items()}
    watched = Watched([(name, item) for name in parts for item in chosen[name]])
    while watched.todo:
        if time.monotonic() > end:
            for item in list(watched.todo):
                watched.drop(item, f"{FAILED}: no time was left")
            break
        _one_worker(setting, watched, end)
    return watched.rows


def _one_worker(setting: Setting, watched: Watched, end: float) -> None:
    """Run a worker until it is done, dies, or has to be stopped."""
    before = len(watched.todo)
    with tempfile.TemporaryDirectory() as folder:
        todo, events = Path(folder) / "todo.json", Path(folder) / "events.jsonl"
        todo.write_text(json.dumps(watched.todo))
        events.touch()
        given = ["--device", setting.device, "--reference", str(setting.reference), "--work", str(todo), str(events)]
        command = [sys.executable, sys.argv[0], *given, *(["--small"] if setting.small else [])]
        # Triton decides when it is imported whether its kernels are interpreted, which is how a CPU runs them.
        environment = os.environ | ({} if setting.on_gpu else {"TRITON_INTERPRET": "1"})
        worker = subprocess.Popen(command, env=environment, start_new_session=True)
        try:
            with events.open() as stream:
                reason = _follow(worker, stream, watched, end)
        finally:
            if worker.poll() is None:
                os.killpg(worker.pid, signal.SIGKILL)
                worker.wait()
    # A worker that left between items, since it could not use the GPU any more, is followed by another one.
    if reason or watched.current or len(watched.todo) == before:
        _give_up(watched, reason or f"{FAILED}: the process ended with code {worker.returncode}", whole=bool(reason))


def _follow(worker: subprocess.Popen, stream, watched: Watched, end: float) -> str:
    """Read what the worker says until it ends; otherwise why it has to be stopped."""
    last = time.monotonic()
    while True:
        running = worker.poll() is None
        for line in iter(stream.readline, ""):
            watched.take(json.loads(line))
        now = time.monotonic()
        part = (watched.current or (watched.todo or [("", "")])[0])[0]
        watched.spent_s[part] += now - last
        last = now
        if not running:
            return ""
        if now > end:
            return f"{FAILED}: no time was left"
        if part and watched.spent_s[part] > PARTS[part].BUDGET_S:
            return f"{FAILED}: the part's {PARTS[part].BUDGET_S:.0f} s were over"
        time.sleep(0.1)


def _give_up(watched: Watched, reason: str, whole: bool) -> None:
    """Drop the item that a worker was at, and the rest of its part if that had its time."""
    given_up = watched.current or watched.todo[0]
    print(f"{' '.join(given_up)}: {reason}", flush=True)
    watched.drop(given_up, reason)
    if whole:
        for item in [item for item in watched.todo if item[0] == given_up[0]]:
            watched.drop(item, f"{SKIPPED}: the part's time was over")

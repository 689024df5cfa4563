"""Runs tests in a process of their own and hands on what they record, while they run."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from gpu_check.setting import Setting


def records(setting: Setting, arguments: Sequence[str]) -> Iterator[dict]:
    """What `--records` of our tests writes: a differing tensor or the outcome of a test each.

    No plugin of pytest is needed, and none is loaded.

    Raises:
        RuntimeError: pytest itself failed, with the end of its output.
    """
    with tempfile.TemporaryDirectory() as folder:
        place, log = Path(folder) / "records.jsonl", Path(folder) / "log.txt"
        place.touch()
        more = ["-o", "addopts=-q", "-p", "no:cacheprovider", "--device", setting.device, "--records", str(place)]
        environment = os.environ | {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
        with log.open("w") as out:
            command = [sys.executable, "-m", "pytest", *arguments, *more]
            run = subprocess.Popen(command, cwd=setting.root, env=environment, stdout=out, stderr=out)
            with place.open() as stream:
                running = True
                while running:
                    running = run.poll() is None
                    yield from map(json.loads, iter(stream.readline, ""))
                    time.sleep(0.1 if running else 0)
        if run.returncode not in (0, 1, 5):  # all well; some test failed, which is recorded; there was none
            raise RuntimeError(" ".join(log.read_text().split())[-200:])

"""The worker: does items one after the other and says at once what comes out."""

from __future__ import annotations

import json
import sys
import time
import traceback
from pathlib import Path

from gpu_check.parts import PARTS
from gpu_check.setting import FAILED, Setting

BROKEN = 3
"""Exit code where the GPU cannot be used any more by this process."""


def work(setting: Setting, todo: Path, events: Path) -> int:
    """Do all items of `todo`, a JSON file of pairs (part, item), and append events to `events`, a line of JSON each."""
    started = time.monotonic()
    with events.open("a") as stream:

        def tell(**event: object) -> None:
            print(json.dumps(event), file=stream, flush=True)

        for name, item in json.loads(todo.read_text()):
            tell(start=[name, item])
            try:
                for row in PARTS[name].rows(item, setting):
                    tell(part=name, row=row)
                    said = ", ".join(f"{heading} {text}" for heading, text in row.items() if text)
                    print(f"{time.monotonic() - started:6.1f} s  {name}: {said}", flush=True)
            except Exception as error:  # whatever it is, it is a row, and the other items go on
                traceback.print_exc(file=sys.stdout)
                text = f"{type(error).__name__}: {str(error).strip().splitlines()[0] if str(error).strip() else ''}"
                tell(part=name, row={"what": item, "state": f"{FAILED}: {text[:200]}"})
            tell(done=[name, item])
            if setting.on_gpu and not _usable(setting.device):
                return BROKEN
    return 0


def _usable(device: str) -> bool:
    """Whether this process can still use the GPU, which errors in kernels take away from it."""
    import torch

    try:
        torch.cuda.synchronize(device)
        torch.cuda.empty_cache()
    except RuntimeError:
        return False
    return True

"""The command line. One file per sub-command, imported only when it runs; torch is imported only when it is used."""

from __future__ import annotations

import importlib
import logging
import sys
from collections.abc import Sequence

from voxway.core.errors import UserError, nearest

COMMANDS = {
    "demo": "world, training, evaluation and a page to look at, in minutes",
    "world": "write synthetic streets in a benchmark's file layout",
    "check-data": "say what is missing from or wrong with a dataset",
    "prepare": "make proposals or training targets from raw data",
    "select": "choose the frames or voxels to label next",
    "train": "train a recipe, or continue it",
    "eval": "score a trained network, or the baseline",
    "predict": "predict frames: label files and a page",
    "view": "page or picture of stored predictions and truth",
    "convert": "turn a published checkpoint into ours, or back",
    "bench": "measure a method: parameters, seconds, memory",
    "submit": "check predictions and pack them for the test server",
    "export": "turn a trained network into an ONNX file, and compare the two",
    "compare": "put results side by side, if their protocols agree",
    "doctor": "say whether this installation works",
}

EXAMPLES = """\
examples:
  voxway demo --out demo                                   a trained model and a page, nothing else needed
  voxway check-data --root KITTI --split val               before a long run
  voxway train monoocc-s --root KITTI --out runs/s         train; the same command continues
  voxway eval runs/s/model --root KITTI --split val        score it
  voxway predict runs/s/model --root KITTI --keys 08/000000 --out out
"""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a sub-command and exit.

    Exit codes: 0 done, 1 the data or installation was found wanting, 2 unusable input, 130 stopped by Ctrl-C.
    """
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    if not arguments or arguments[0] in ("-h", "--help", "help"):
        print(_overview())
        return
    if arguments[0] in ("-V", "--version"):
        from voxway import __version__

        print(f"voxway {__version__}")
        return
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    try:
        sys.exit(_run(arguments[0], arguments[1:]))
    except UserError as error:
        _explain(error)
        sys.exit(2)
    except KeyboardInterrupt as stop:
        print(f"\n{str(stop) or 'stopped; files that were finished are kept'}", file=sys.stderr)
        sys.exit(130)
    except BrokenPipeError:
        # The reader of our output (head, less) left; that is not our failure.
        sys.stderr.close()
        sys.exit(0)


def _run(command: str, arguments: list[str]) -> int:
    if command not in COMMANDS:
        raise nearest(command, list(COMMANDS), "voxway: command")
    import tyro

    module = importlib.import_module(f"voxway.cli.{command.replace('-', '_').replace('eval', 'evaluate')}")
    options = tyro.cli(module.Options, prog=f"voxway {command}", description=module.__doc__, args=arguments)
    return module.run(options) or 0


def _overview() -> str:
    width = max(map(len, COMMANDS)) + 2
    lines = [f"  {name:<{width}}{what}" for name, what in COMMANDS.items()]
    head = "voxway: 3D semantic occupancy prediction for driving\n\nusage: voxway COMMAND [options]\n\ncommands:\n"
    return head + "\n".join(lines) + f"\n\nvoxway COMMAND --help tells about one command.\n\n{EXAMPLES}"


def _explain(error: UserError) -> None:
    rows = (("file", error.file), ("field", error.field), ("expected", error.expected), ("found", error.found))
    text = "\n".join(f"  {name:<9} {value}" for name, value in (*rows, ("remedy", error.remedy)))
    print(f"voxway cannot go on:\n{text}", file=sys.stderr)

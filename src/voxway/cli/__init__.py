"""The command line. One file per sub-command, imported only when it runs; torch is imported only when it is used."""

from __future__ import annotations

import importlib
import logging
import sys
from collections.abc import Sequence

from voxway.cli.screen import patient_output
from voxway.core.errors import InputError, UserError, nearest
from voxway.engine.memory import use_huge_pages
from voxway.engine.threads import share_cores

COMMANDS = {
    "demo": "world, training, evaluation and a page to look at, in minutes",
    "world": "write synthetic streets in a benchmark's file layout",
    "check-data": "say what is missing from or wrong with a dataset",
    "check-rig": "say what is wrong with a rig of one's own, and draw it",
    "prepare": "make proposals or training targets from raw data",
    "labels": "write voxel labels in the files of a benchmark",
    "select": "choose the frames or voxels to label next",
    "train": "train a recipe, or continue it",
    "eval": "score a trained network, or the baseline",
    "score": "score stored predictions, whoever wrote them",
    "predict": "predict frames: label files and a page",
    "view": "page or picture of stored predictions and truth",
    "convert": "turn a published checkpoint into ours, or back",
    "bench": "measure a method: parameters, seconds, memory",
    "submit": "check predictions and pack them for the test server",
    "export": "turn a trained network into an ONNX file, and compare the two",
    "compare": "put results side by side, if their protocols agree",
    "doctor": "say whether this installation works",
}

_MODULES = {"eval": "evaluate", "prepare occupancy": "occupancy"}
"""Commands whose module has another name: eval is a word of Python's. What has options of its own is named whole."""

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
    with patient_output():
        _main(list(sys.argv[1:] if arguments is None else arguments))


def _main(arguments: list[str]) -> None:
    if not arguments or arguments[0] in ("-h", "--help", "help"):
        print(_overview())
        return
    if arguments[0] in ("-V", "--version"):
        from voxway import __version__

        print(f"voxway {__version__}")
        return
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    share_cores()
    use_huge_pages()
    try:
        command, *rest = _with_plugins(arguments)
        sys.exit(_run(command, rest))
    except UserError as error:
        _explain(error)
        sys.exit(2)
    except KeyboardInterrupt as stop:
        print(f"\n{str(stop) or 'stopped; files that were finished are kept'}", file=sys.stderr)
        sys.exit(130)
    except OSError as error:
        # What no reader or writer foresaw: a folder that may not be looked into, a disk that went away.
        _explain(_of_the_system(error))
        sys.exit(2)
    except (MemoryError, RuntimeError) as error:
        if not _out_of_memory(error):
            raise
        _explain(_too_large(error))
        sys.exit(2)


def _with_plugins(arguments: list[str]) -> list[str]:
    """The command and its arguments, after modules were imported that make methods and datasets known: those named by
    ``--plugin`` before the command, and those that installed packages offer (entry points ``voxway.plugins``).
    """
    from importlib.metadata import entry_points

    for offered in entry_points(group="voxway.plugins"):
        offered.load()
    while arguments and arguments[0].split("=")[0] == "--plugin":
        first, *arguments = arguments
        name = first.partition("=")[2]
        if not name:
            name, *arguments = arguments or [""]
        if "" not in sys.path:
            sys.path.insert(0, "")  # the folder where the person stands, as `python -m` has it
        try:
            importlib.import_module(name)
        except (ImportError, ValueError) as error:
            raise InputError(
                file="--plugin",
                field="module",
                expected="a module that Python finds",
                found=error,
                remedy="Start where the module lies, or name its folder with PYTHONPATH.",
            ) from error
    if not arguments:
        raise InputError(
            file="voxway", field="command", expected=", ".join(COMMANDS), found="none", remedy="See `voxway --help`."
        )
    return arguments


def _run(command: str, arguments: list[str]) -> int:
    if command not in COMMANDS:
        raise nearest(command, list(COMMANDS), "voxway: command")
    import tyro

    if arguments and f"{command} {arguments[0]}" in _MODULES:
        command, arguments = f"{command} {arguments[0]}", arguments[1:]
    module = importlib.import_module(f"voxway.cli.{_MODULES.get(command, command.replace('-', '_'))}")
    options = tyro.cli(module.Options, prog=f"voxway {command}", description=module.__doc__, args=arguments)
    return module.run(options) or 0


def _overview() -> str:
    width = max(map(len, COMMANDS)) + 2
    lines = [f"  {name:<{width}}{what}" for name, what in COMMANDS.items()]
    head = "voxway: 3D semantic occupancy prediction for driving\n\nusage: voxway COMMAND [options]\n\ncommands:\n"
    more = "voxway COMMAND --help tells about one command.\nvoxway --plugin MODULE COMMAND knows what MODULE registers."
    return f"{head}{chr(10).join(lines)}\n\n{more}\n\n{EXAMPLES}"


def _of_the_system(error: OSError) -> InputError:
    """What the operating system refused, in five parts."""
    denied = isinstance(error, PermissionError)
    return InputError(
        file=error.filename or "the system",
        field="access",
        expected="permission" if denied else "files and memory that can be used",
        found=error.strerror or error,
        remedy="Give yourself the right to use it (ls -l and chmod, or ask its owner)."
        if denied
        else "Check that it exists and that disk and memory have space left, and try again.",
    )


def _out_of_memory(error: MemoryError | RuntimeError) -> bool:
    """Whether memory has run out, of the machine or of a GPU, as NumPy and PyTorch say it."""
    words = ("allocate memory", "out of memory")
    return isinstance(error, MemoryError) or any(word in str(error).lower() for word in words)


def _too_large(error: MemoryError | RuntimeError) -> InputError:
    return InputError(
        file="memory",
        field="size",
        expected="enough of it",
        found=(str(error).splitlines() or [type(error).__name__])[0],
        remedy="Use smaller micro-batches (--set train.micro_batch=1) or images, fewer reading processes, "
        "or a larger machine. Checkpoints are kept.",
    )


def _explain(error: UserError) -> None:
    rows = (("file", error.file), ("field", error.field), ("expected", error.expected), ("found", error.found))
    text = "\n".join(f"  {name:<9} {value}" for name, value in (*rows, ("remedy", error.remedy)))
    print(f"voxway cannot go on:\n{text}", file=sys.stderr)

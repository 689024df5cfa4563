"""Help: quick, complete, with examples that parse; wrong names are answered with the nearest right one."""

from __future__ import annotations

import ast
import importlib
import re
import shlex
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tyro

import voxway
from tests.small_world import execute
from voxway.cli import COMMANDS, EXAMPLES, main
from voxway.core.result import Protocol, Result
from voxway.data.registry import dataset, names
from voxway.data.semantickitti.benchmark import SEMANTIC_KITTI
from voxway.prepare import makers


def module(command: str):
    return importlib.import_module(f"voxway.cli.{command.replace('-', '_').replace('eval', 'evaluate')}")


def examples(text: str) -> list[str]:
    """Example lines of a help text, without what is said beside them."""
    return [re.split(r" {3,}", line.strip())[0] for line in text.splitlines() if line.startswith("  voxway ")]


ALL = [*examples(EXAMPLES), *(line for command in COMMANDS for line in examples(module(command).__doc__))]


@pytest.mark.parametrize("command", COMMANDS)
def test_help(command: str, capsys: pytest.CaptureFixture) -> None:
    assert execute(command, "--help") == 0
    said = capsys.readouterr().out
    assert f"usage: voxway {command}" in said
    lines = examples(module(command).__doc__)
    assert lines
    for line in lines:
        assert line.startswith(f"voxway {command}") and line in said


@pytest.mark.parametrize("line", ALL)
def test_example_parses(line: str) -> None:
    _, command, *arguments = shlex.split(line)
    tyro.cli(module(command).Options, args=arguments)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_option_is_explained(command: str, capsys: pytest.CaptureFixture) -> None:
    """Below every name in the help stands more than its default."""
    execute(command, "--help")
    said = capsys.readouterr().out
    for block in re.split(r"\n│ (?=\S)", said)[1:]:
        words = re.sub(r"[│╭╰─╮╯]|\((default|required).*", " ", block.split("\n╰")[0], flags=re.S).split()
        assert len(words) > 3, block


def test_overview_names_every_command(capsys: pytest.CaptureFixture) -> None:
    for arguments in ([], ["--help"], ["help"]):
        main(arguments)
        said = capsys.readouterr().out
        for command, what in COMMANDS.items():
            assert re.search(rf"^  {command} +{re.escape(what)}$", said, re.M)


def test_version(capsys: pytest.CaptureFixture) -> None:
    main(["--version"])
    assert re.fullmatch(r"voxway \d+\.\d+\.\d+\n", capsys.readouterr().out)


HEAVY = "[name for name in ('torch', 'timm', 'numpy', 'PIL', 'tyro') if name in sys.modules]"


def printed(script: str) -> str:
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip().splitlines()[-1]


def test_overview_imports_nothing_heavy() -> None:
    assert printed(f"import sys\nfrom voxway.cli import main\nmain(['--help'])\nprint({HEAVY})") == "[]"


def test_help_of_commands_does_not_import_torch() -> None:
    script = f"""
import contextlib, io, sys
from voxway.cli import main
for command in {list(COMMANDS)}:
    with contextlib.suppress(SystemExit), contextlib.redirect_stdout(io.StringIO()):
        main([command, '--help'])
    assert 'torch' not in sys.modules, command
print({HEAVY})
"""
    assert "torch" not in printed(script)


@pytest.mark.parametrize(
    ("line", "answer"),
    [
        ("trian", "Perhaps you meant 'train'"),
        ("check_data", "Perhaps you meant 'check-data'"),
        ("train monoocc-wrld --root x --out y", "Perhaps you meant 'monoocc-world'"),
        ("bench monooc-s", "Perhaps you meant 'monoocc-s'"),
        ("train monoocc-world --root x --out y --set train.step=3", "Perhaps you meant 'steps'"),
        ("compare result.json --allow inputz", "Perhaps you meant 'inputs'"),
        ("train monoocc-s --rooot x --out y", "--root"),
        ("world --out x --trian 3", "--train"),
        ("eval baseline --root x --splt val", "--split"),
        ("check-data --root x --split vall", "Expected one of ('train', 'val', 'test')"),
        ("check-data --root x --needs imgaes", "Expected one of ('images', 'points',"),
        ("prepare proposal --root x --out y", "Perhaps you meant 'proposals'"),
    ],
)
def test_wrong_name_is_answered_with_the_nearest(
    line: str, answer: str, capsys: pytest.CaptureFixture, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    protocol = Protocol(benchmark="semantickitti", split="val", samples=1, masks=())
    Result(task=SEMANTIC_KITTI.task, protocol=protocol, confusion=np.zeros((20, 20), np.int64)).save("result.json")
    assert execute(*shlex.split(line)) == 2
    said = re.sub(r"[│\s]+", " ", capsys.readouterr().err)
    assert answer in said


JOBS = {job for name in names() for job in dataset(name).jobs}
"""What datasets can make of their own files."""


def told() -> list[tuple[str, str]]:
    """Commands that messages and docstrings of the package name, in backquotes, with the file that does."""
    found = []
    for path in sorted(Path(voxway.__file__).parent.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                found += [(path.stem, line) for line in re.findall(r"`voxway ([^`]+)", " ".join(node.value.split()))]
    return found


@pytest.mark.parametrize(("file", "line"), sorted(set(told())))
def test_commands_that_are_told_exist(file: str, line: str, capsys: pytest.CaptureFixture) -> None:
    command, *words = line.split()
    if command in ("COMMAND", "--help"):
        return
    assert command in COMMANDS, f"{file} names `voxway {line}`"
    if command == "prepare" and words and not words[0].startswith("-"):
        assert words[0].replace("-", "_") in (*makers.MAKERS, *JOBS, "occupancy", "queries", "teacher"), (
            f"{file} names `voxway {line}`"
        )
    execute(command, "--help")
    known = capsys.readouterr().out
    for option in (word for word in words if word.startswith("--")):
        assert option in known, f"{file} names `voxway {line}`"

"""Checkpoints of other code: told apart by their contents, and nothing in them runs."""

from __future__ import annotations

import argparse
import os
import pickle
import subprocess
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from voxway.core.errors import InputError
from voxway.data.files.pickles import read_pickle
from voxway.engine.model_files import load_tensors
from voxway.engine.published_files import read_published

TENSORS = {"a.weight": torch.arange(6.0).reshape(2, 3), "b": torch.ones(2)}


@pytest.mark.parametrize(
    "save",
    [
        lambda p: torch.save(TENSORS, p),
        lambda p: torch.save({"state_dict": TENSORS, "epoch": 3, "optimizer": {"lr": 0.1}}, p),
        lambda p: torch.save({"model": {f"module.{n}": t for n, t in TENSORS.items()}}, p),
        lambda p: torch.save({"model_state_dict": TENSORS}, p),
        lambda p: torch.save(TENSORS, p, _use_new_zipfile_serialization=False),
        lambda p: save_file(TENSORS, p),
    ],
)
@pytest.mark.parametrize("name", ["a.pth", "a.safetensors", "a"])
def test_the_contents_tell_not_the_name(save: Callable[[Path], object], name: str, tmp_path: Path) -> None:
    save(tmp_path / name)
    read = read_published(tmp_path / name)
    assert read.keys() == TENSORS.keys()
    assert all(torch.equal(read[key], value) for key, value in TENSORS.items())


def archive(path: Path, *names: str) -> None:
    """A zip of members that are no checkpoint's."""
    with zipfile.ZipFile(path, "w") as file:
        for name in names:
            file.writestr(name, "x")


def cut(path: Path) -> None:
    """Half a checkpoint."""
    torch.save(TENSORS, path)
    path.write_bytes(path.read_bytes()[:400])


OTHERS: dict[str, tuple[Callable[[Path], object], str]] = {
    "a web page": (lambda p: p.write_text("<html>quota</html>"), "web page"),
    "a pointer": (lambda p: p.write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0\n"), "LFS pointer"),
    "an empty file": (lambda p: p.write_bytes(b""), "empty"),
    "text": (lambda p: p.write_text("404: not found, or moved"), "text"),
    "half a file": (cut, "cut short"),
    "a zip of something else": (lambda p: archive(p, "readme.txt"), "readme.txt"),
    "TorchScript": (lambda p: archive(p, "m/constants.pkl", "m/data.pkl", "m/code/a.py"), "TorchScript"),
    "a trainer's objects": (
        lambda p: torch.save({"state_dict": TENSORS, "args": argparse.Namespace(lr=1)}, p),
        "argparse.Namespace",
    ),
    "a trainer's objects, old form": (
        lambda p: torch.save({"args": argparse.Namespace(lr=1)}, p, _use_new_zipfile_serialization=False),
        "argparse.Namespace",
    ),
    "a whole network": (lambda p: torch.save(torch.nn.Linear(2, 2), p), "torch.nn.modules.linear.Linear"),
    "a pickled array": (lambda p: p.write_bytes(pickle.dumps({"a": np.zeros(2)})), "numpy"),
    "a list": (lambda p: torch.save([torch.zeros(2)], p), "list"),
    "settings": (lambda p: torch.save({"epoch": 3, "lr": 0.1}, p), "epoch: int"),
}


@pytest.mark.parametrize("kind", OTHERS)
def test_others_are_named(kind: str, tmp_path: Path) -> None:
    write, said = OTHERS[kind]
    write(tmp_path / "a.pth")
    with pytest.raises(InputError) as caught:
        read_published(tmp_path / "a.pth")
    error = caught.value
    assert (error.field, said in error.found) == ("contents", True)
    for part in (error.expected, error.found, error.remedy):
        assert "weights_only" not in part and "\x1b" not in part


def test_pages_and_pointers_instead_of_weights(tmp_path: Path) -> None:
    for name in ("a web page", "a pointer"):
        write, said = OTHERS[name]
        write(tmp_path / "model.safetensors")
        with pytest.raises(InputError, match=said):
            load_tensors(tmp_path / "model.safetensors")


class Calls:
    """Unpickled by a careless reader, it calls a function."""

    def __init__(self, function: Callable[..., Any], *arguments: Any) -> None:
        self.call = (function, arguments)

    def __reduce__(self) -> tuple[Any, ...]:
        return self.call


def gadgets(mark: Path) -> dict[str, object]:
    """What runs code in a careless reader; each would leave the mark."""
    touch, opened = f"touch {mark}", f"open({str(mark)!r}, 'w').close()"
    return {
        "os.system": Calls(os.system, touch),
        "subprocess": Calls(subprocess.check_output, ["touch", str(mark)]),
        "eval": Calls(eval, opened),
        "exec": Calls(exec, opened),
        "getattr": Calls(getattr, mark, "touch"),
        "import": Calls(__import__, "antigravity"),
        "open": Calls(open, str(mark), "w"),
        "pathlib": Calls(Path.touch, mark),
        "torch.load": Calls(torch.load, str(mark)),
        "torch.hub": Calls(torch.hub.load, "a", "b"),
        "numpy.load": Calls(np.load, str(mark)),
        "numpy.savetxt": Calls(np.savetxt, str(mark), [1]),
    }


@pytest.mark.parametrize("name", gadgets(Path("x")))
@pytest.mark.parametrize("place", ["top", "within", "beside tensors"])
def test_no_code_runs(name: str, place: str, tmp_path: Path) -> None:
    mark = tmp_path / "ran"
    harm = gadgets(mark)[name]
    content = {"top": harm, "within": {"infos": [{"token": harm}]}, "beside tensors": {"a": torch.zeros(2), "b": harm}}
    path = tmp_path / "a.pth"
    for protocol in (0, 2, 4):
        path.write_bytes(pickle.dumps(content[place], protocol=protocol))
        for read in (read_published, lambda p: read_pickle(p, "Fetch it again.")):
            with pytest.raises(InputError) as caught:
                read(path)
            assert caught.value.field == "contents"
            assert not mark.exists()
    for zipped in (True, False):
        torch.save(content[place], path, _use_new_zipfile_serialization=zipped)
        with pytest.raises(InputError, match="not loaded"):
            read_published(path)
        assert not mark.exists()

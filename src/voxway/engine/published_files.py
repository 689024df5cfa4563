"""Checkpoints that other code wrote: told apart by their contents, and read without running anything in them.

A torch file is a pickle, and a pickle may run any code. Only tensors and plain values are ever made of it. What else it
holds is named from the instructions of the pickle, which are looked at and not followed.
"""

from __future__ import annotations

import io
import pickletools
import warnings
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path

import torch
from torch import Tensor

from voxway.core.contents import contents, head_of, is_text
from voxway.core.errors import InputError
from voxway.engine.model_files import load_tensors

_WRAPPERS = ("state_dict", "model", "model_state_dict", "state_dict_ema", "ema_state_dict")
_SAFETENSORS = "a safetensors file"
# What checkpoints of tensors import, or begin with.
_PLAIN = ("torch._utils._rebuild", "torch.storage", "torch._tensor", "collections.OrderedDict", "torch.Size")
_KEEP_TENSORS = (
    "On the machine that trained it, or where its code is installed and you trust the file, load it and write its "
    'tensors alone: torch.save(checkpoint["state_dict"], "tensors.pth"); then name that file.'
)
_KEEP_WEIGHTS = "Where you trust it, load it with torch.jit.load, and write its state_dict() alone with torch.save."
_DAMAGED = "The file is damaged or cut short; download or copy it again."


def read_published(path: Path) -> dict[str, Tensor]:
    """Weights of a checkpoint that other code wrote: safetensors, or a torch file of tensors, wrapped or bare.

    The contents tell, not the name. Wrappers such as ``state_dict`` and ``model`` are opened, a ``module.`` prefix is
    stripped. Only tensors are ever unpickled.

    Raises:
        InputError: the file is absent, damaged, another kind of file, or holds something else than tensors.
    """
    kind = contents(head_of(path))
    if (kind is not None and kind.name == _SAFETENSORS) or (path.suffix == ".safetensors" and not _is_torch(path)):
        content: object = load_tensors(path)
    else:
        content = _load(path)
    for wrapper in _WRAPPERS:
        if isinstance(content, Mapping) and isinstance(content.get(wrapper), Mapping):
            content = content[wrapper]
    named = isinstance(content, Mapping) and all(isinstance(name, str) for name in content)
    if not named or not content or not all(isinstance(value, Tensor) for value in content.values()):
        remedy = "Write the network's state_dict alone, and name that file."
        raise _bad(path, "names with tensors", _told(content), remedy)
    return {name.removeprefix("module."): tensor for name, tensor in content.items()}


def _load(path: Path) -> object:
    """What a torch file holds, if that is tensors and plain values."""
    try:
        with path.open("rb") as file, warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of files that are refused in words of ours
            return torch.load(file, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise InputError(
            file=path, field="file", expected="present", found="absent", remedy="Check the path."
        ) from None
    except OSError as error:
        raise InputError(
            file=path, field="file", expected="a file", found=error.strerror or error, remedy="Check the path."
        ) from None
    except Exception:  # bytes that are no checkpoint make the unpickler raise anything
        found, remedy = _explained(path)
        raise _bad(path, "a torch checkpoint of tensors", found, remedy) from None


def _explained(path: Path) -> tuple[str, str]:
    """What a file is that is no checkpoint of tensors, and what to do."""
    head = head_of(path)
    kind = contents(head)
    if not head:
        return "an empty file", _DAMAGED
    if kind is not None and not _is_torch(path):
        return kind.name, kind.remedy
    if is_text(head):
        return "text", _DAMAGED
    if head.startswith(b"PK"):
        try:
            with zipfile.ZipFile(path) as archive:
                names = archive.namelist()
        except Exception as error:  # a damaged archive makes it raise anything
            return f"a zip archive that is cut short or damaged ({error})", _DAMAGED
        if any(name.endswith("constants.pkl") or "/code/" in name for name in names):
            return "a TorchScript archive, a program with its weights", _KEEP_WEIGHTS
        if not any(name.endswith("data.pkl") for name in names):
            return (
                f"a zip archive without a checkpoint: {', '.join(names[:3])}",
                "Unpack it; name the checkpoint itself.",
            )
    others = sorted({name for name in _globals(path) if not _is_plain(name)})
    if others:
        more = f" and {len(others) - 5} more" if len(others) > 5 else ""
        return f"objects besides tensors, which are not loaded: {', '.join(others[:5])}{more}", _KEEP_TENSORS
    return "damaged or cut short data", _DAMAGED


def _is_torch(path: Path) -> bool:
    head = head_of(path)
    return head.startswith((b"PK", b"\x80"))


def _is_plain(name: str) -> bool:
    return name.startswith(_PLAIN) or (name.startswith("torch.") and name.endswith("Storage")) or name == "torch.device"


def _globals(path: Path) -> Iterator[str]:
    """Names of whatever the pickles of a torch file would import, from their instructions."""
    try:
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:
                names = [name for name in archive.namelist() if name.endswith("data.pkl")]
                data = b"".join(archive.read(name) for name in names[:1])
        else:
            data = path.read_bytes()
        file = io.BytesIO(data)
        while file.tell() < len(data):
            yield from _imports(file)
    except Exception:  # instructions of a damaged pickle end anywhere
        return


def _imports(file: io.BytesIO) -> Iterator[str]:
    """Imports of one pickle. Module and name of the newer instruction are the last two texts before it."""
    texts: list[str] = []
    kept: dict[object, str | None] = {}
    last: str | None = None
    for instruction, argument, _ in pickletools.genops(file):
        if instruction.name == "MEMOIZE":
            kept[len(kept)] = last
        elif "PUT" in instruction.name:
            kept[argument] = last
        elif instruction.name in ("GLOBAL", "INST"):
            yield str(argument).replace(" ", ".")
        elif instruction.name == "STACK_GLOBAL" and len(texts) > 1:
            yield f"{texts[-2]}.{texts[-1]}"
        given = kept.get(argument) if "GET" in instruction.name else argument
        last = given if isinstance(given, str) else None
        texts += [] if last is None else [last]


def _told(content: object) -> str:
    if not isinstance(content, Mapping):
        return type(content).__name__
    kinds = [f"{name}: {type(value).__name__}" for name, value in list(content.items())[:4]]
    return f"{', '.join(kinds) or 'nothing'}{' ...' if len(content) > 4 else ''}"


def _bad(path: Path, expected: str, found: str, remedy: str) -> InputError:
    return InputError(file=path, field="contents", expected=expected, found=found, remedy=remedy)

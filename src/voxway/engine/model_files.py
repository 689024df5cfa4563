"""A trained network on disk: a folder with ``config.json`` and ``model.safetensors``."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from voxway.core.config import from_json, to_json
from voxway.core.contents import contents, head_of
from voxway.core.errors import InputError
from voxway.core.files import Json, atomic_path, read_json, reading, write_json
from voxway.core.version import __version__
from voxway.engine.shipped import check_shipped, model_folder
from voxway.methods import registry
from voxway.methods.contract import Buildable

WEIGHTS = "model.safetensors"
CONFIG = "config.json"


def save_tensors(path: Path, tensors: Mapping[str, Tensor]) -> None:
    """Write tensors as safetensors, atomically.

    Raises:
        OutputError: the folder is not writable or the disk is full.
    """
    with atomic_path(path) as temporary:
        try:
            save_file({name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}, temporary)
        except SafetensorError as error:  # it wraps the operating system's error
            raise OSError(str(error)) from error


def load_tensors(path: Path) -> dict[str, Tensor]:
    """Read safetensors.

    Raises:
        InputError: the file is absent or damaged.
    """
    try:
        with reading(path, "Check the folder's name."), path.open("rb"):  # safetensors calls any failure an absence
            pass
        return load_file(path)
    except InputError:
        raise
    except Exception as error:  # a damaged header makes it raise anything
        kind = contents(head_of(path))
        remedy = "The file is damaged: copy it again, or take an earlier checkpoint."
        told = kind is not None and "safetensors" not in kind.name
        raise InputError(
            file=path,
            field="contents",
            expected="a complete safetensors file",
            found=kind.name if kind is not None and told else error,
            remedy=kind.remedy if kind is not None and told else remedy,
        ) from error


def save_model(folder: Path, config: Buildable, state: Mapping[str, Tensor], **facts: object) -> None:
    """Write a network's configuration and weights.

    Args:
        folder: made if absent; the weights come last, so a folder with weights is complete.
        config: the method's configuration.
        state: its weights.
        facts: what else is known, e.g. ``ema=True`` or ``steps=2000``.

    Raises:
        InputError: the configuration's class is neither listed nor registered.
        OutputError: the folder cannot be written.
    """
    # Where weights come from is a matter of the first training; a saved network must not download them again.
    described = to_json(config) | ({"pretrained": False} if hasattr(config, "pretrained") else {})
    content = {
        "voxway": __version__,
        "method": registry.config_name(config),
        "config": described,
        "facts": facts,
    }
    write_json(folder / CONFIG, content)
    save_tensors(folder / WEIGHTS, state)


def read_description(folder: Path) -> dict[str, Json]:
    """What ``config.json`` says: method, config, facts.

    Raises:
        InputError: it is absent, not JSON, or not a network's description.
    """
    folder = model_folder(folder)
    content = read_json(folder / CONFIG, remedy="Name the folder that `voxway train` or `voxway convert` wrote.")
    if not isinstance(content, dict) or not {"method", "config", "facts"} <= set(content):
        raise InputError(
            file=folder / CONFIG,
            field="fields",
            expected="method, config and facts",
            found=(", ".join(content) or "nothing") if isinstance(content, dict) else type(content).__name__,
            remedy="Name the folder that `voxway train` or `voxway convert` wrote.",
        )
    return content


def read_config(folder: Path) -> Buildable:
    """A network's configuration.

    Raises:
        InputError: ``config.json`` is absent or damaged, or its method is neither listed nor registered.
    """
    content = read_description(folder)
    if content["method"] not in registry.names():
        raise InputError(
            file=folder / CONFIG,
            field="method",
            expected=f"one of {', '.join(registry.names())}",
            found=repr(content["method"]),
            remedy="Import the module that registers it first; on the command line, voxway --plugin MODULE does.",
        )
    return from_json(registry.config_type(content["method"]), content["config"], folder / CONFIG)


def load_model(folder: Path, device: torch.device | str = "cpu") -> nn.Module:
    """A network with its weights, in evaluation mode.

    Raises:
        InputError: a file is absent or damaged, the method is not known, or the weights belong to another
            configuration.
    """
    folder = model_folder(folder)
    network = read_config(folder).build()
    check_shipped(folder, folder / WEIGHTS, fingerprint)
    load_weights(network, load_tensors(folder / WEIGHTS), folder / WEIGHTS)
    return network.to(device).eval()


def load_weights(network: nn.Module, state: Mapping[str, Tensor], source: Path) -> None:
    """Load weights strictly.

    Raises:
        InputError: names or shapes differ, or a weight is not finite; lists them.
    """
    require_alike(network.state_dict(), state, source)
    require_finite(state, source)
    network.load_state_dict(state)


def require_alike(own: Mapping[str, Tensor], state: Mapping[str, Tensor], source: Path) -> None:
    """Make sure that the tensors of a file have the names and shapes of our own.

    Raises:
        InputError: they do not; lists those that differ.
    """
    differing = [
        f"{name} ({_shape(state.get(name))} in the file, {_shape(own.get(name))} in the network)"
        for name in [*own, *(n for n in state if n not in own)]
        if _shape(state.get(name)) != _shape(own.get(name))
    ]
    if differing:
        raise InputError(
            file=source,
            field="parameters",
            expected=f"the {len(own)} parameters of the configured network",
            found=f"{len(differing)} that differ: {'; '.join(differing[:3])}{' ...' if len(differing) > 3 else ''}",
            remedy="The weights were trained with another configuration: use the config.json that stands beside them.",
        )


def _shape(tensor: Tensor | None) -> str:
    return "absent" if tensor is None else "x".join(map(str, tensor.shape)) or "scalar"


def fingerprint(folder: Path) -> str:
    """SHA-256 of a network's weights, by which results name it."""
    return file_fingerprint(model_folder(folder) / WEIGHTS)


def file_fingerprint(path: Path) -> str:
    """SHA-256 of a file.

    Raises:
        InputError: it is absent or cannot be read.
    """
    with reading(path), path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def require_finite(state: Mapping[str, Tensor], source: object) -> None:
    """Refuse weights that are not numbers.

    Raises:
        InputError: a tensor holds NaN or infinity; names it.
    """
    broken = [name for name, tensor in state.items() if tensor.is_floating_point() and not tensor.isfinite().all()]
    if broken:
        some = f"{', '.join(broken[:3])}{' ...' if len(broken) > 3 else ''}"
        raise InputError(
            file=source,
            field="weights",
            expected="finite numbers",
            found=f"NaN or infinity in {len(broken)} of {len(state)} tensors: {some}",
            remedy="Training went astray, or the file is damaged: take an earlier checkpoint, or copy it again.",
        )

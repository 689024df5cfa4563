"""What modules of published names do alike: saying what a file is not, and refusing networks that no file can hold."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields, is_dataclass
from typing import TypeVar

from torch import Tensor

from voxway.core.errors import InputError
from voxway.core.task import Task
from voxway.methods.contract import MethodConfig

Config = TypeVar("Config")


def of_type(variants: Sequence[MethodConfig], kind: type[Config]) -> list[Config]:
    """The variants, known to be of one method.

    Raises:
        TypeError: none is given, or one is another method's.
    """
    own: list[Config] = [variant for variant in variants if isinstance(variant, kind)]
    if len(own) < len(variants) or not own:
        raise TypeError(f"variants must be {kind.__name__}, at least one, got {[type(v).__name__ for v in variants]}")
    return own


def not_a_checkpoint(published: Mapping[str, Tensor], source: object, name: str, method: str) -> InputError:
    """The error for a file without the name that every file of a method has.

    Args:
        published: what the file holds.
        source: the file.
        name: the name that was looked for.
        method: how the method is called.
    """
    return InputError(
        file=source,
        field="names",
        expected=f"{name}, as every {method} file has",
        found=f"{len(published)} names such as {', '.join(list(published)[:3])}",
        remedy=f"Check that the file is a checkpoint of {method}.",
    )


def check_readable(
    read: Callable[[Mapping[str, Tensor], object, Sequence[MethodConfig]], tuple[MethodConfig, dict[str, Tensor]]],
    config: MethodConfig,
    published: Mapping[str, Tensor],
    variants: Sequence[MethodConfig],
    training: frozenset[str],
) -> None:
    """Refuse a network whose file under published names would be read back as another network, or as none.

    A published file holds weights alone. All else must follow from them and from the published variants.

    Args:
        read: the method's `from_published`.
        config: of the network.
        published: its file.
        variants: configurations of published networks.
        training: dotted fields (with all that lies below them) that matter in training alone.

    Raises:
        InputError: says in which fields the configuration differs from the nearest published one.
    """
    try:
        again, _ = read(published, "this network", variants)
        differing = differences(config, again, training)
    except InputError:
        differing = min((differences(config, variant, training) for variant in variants), key=len)
        differing = differing or {"parameters": ("of another shape", "as published")}
    if differing:
        raise InputError(
            file=type(config).__name__,
            field=", ".join(differing),
            expected=", ".join(f"{name} {theirs}" for name, (_, theirs) in differing.items()) + ", as published",
            found=", ".join(f"{name} {mine}" for name, (mine, _) in differing.items()),
            remedy="Files with published names hold weights of published networks alone: keep the folder as it is.",
        )


def differences(config: object, other: object, training: frozenset[str]) -> dict[str, tuple[object, object]]:
    """Dotted fields in which two configurations differ, with both values; of a task, all that shapes a network."""
    mine, theirs = _flat(config, "", training), _flat(other, "", training)
    names = dict.fromkeys([*mine, *theirs])
    return {n: (mine.get(n), theirs.get(n)) for n in names if mine.get(n) != theirs.get(n)}


def _flat(value: object, name: str, training: frozenset[str]) -> dict[str, object]:
    if name in training:
        return {}
    if isinstance(value, Task):
        facts = {"grid": value.grid, "classes": len(value.classes), "free": value.free}
        return {f"{name}.{fact}": known for fact, known in facts.items()}
    if is_dataclass(value):
        inner = {f"{name}.{f.name}".lstrip("."): getattr(value, f.name) for f in fields(value)}
        return {key: known for path, item in inner.items() for key, known in _flat(item, path, training).items()}
    return {name: value}

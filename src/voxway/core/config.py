"""Configurations to JSON and back: frozen dataclasses of plain values, tuples, paths and other such dataclasses."""

from __future__ import annotations

import json
import types
import typing
from collections.abc import Mapping
from dataclasses import fields, is_dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

from voxway.core.errors import InputError, nearest

T = TypeVar("T")


def to_json(value: Any) -> Any:
    """The JSON form of a configuration."""
    if is_dataclass(value) and not isinstance(value, type):
        return {f.name: to_json(getattr(value, f.name)) for f in fields(value)}
    if isinstance(value, Mapping):
        return {key: to_json(item) for key, item in value.items()}
    if isinstance(value, tuple | list):
        return [to_json(item) for item in value]
    if isinstance(value, frozenset | set):
        return sorted(to_json(item) for item in value)
    if isinstance(value, Path):
        return str(value)
    return value


def from_json(kind: type[T], value: Any, source: object) -> T:
    """A configuration of type `kind` from its JSON form.

    Args:
        kind: a dataclass, or the type of one of its fields.
        value: what `to_json` made.
        source: the file it stands in, for errors.

    Raises:
        InputError: an unknown or missing field, or a value of another type.
    """
    return _parse(kind, value, source)


def override(config: Any, path: str, value: str) -> Any:
    """The configuration with one field replaced; see `override_all`."""
    return override_all(config, {path: value})


def override_all(config: Any, settings: Mapping[str, str]) -> Any:
    """The configuration with some fields replaced, all at once: values may fit each other only together.

    Args:
        config: any configuration.
        settings: dotted name of a field, e.g. ``"method.width"``, with its new value as text.

    Raises:
        InputError: no such field, or a text does not fit its type or the other fields.
    """
    return _override(config, {tuple(path.split(".")): (path, value) for path, value in settings.items()})


def _override(config: Any, settings: Mapping[tuple[str, ...], tuple[str, str]]) -> Any:
    known = [f.name for f in fields(config)] if is_dataclass(config) else []
    changed: dict[str, Any] = {}
    for (name, *rest), (path, value) in settings.items():
        if name not in known:
            raise nearest(name, known, f"setting {path}")
        if not rest and is_dataclass(getattr(config, name)):
            inner = [f"{path}.{f.name}" for f in fields(getattr(config, name))]
            raise _misfit(f"setting {path}", path, f"one of its fields: {', '.join(inner)}", value)
        if not rest:
            changed[name] = _parse(typing.get_type_hints(type(config))[name], _value(value), f"setting {path}")
    deeper = {name: {} for name, *rest in settings if rest}
    for (name, *rest), setting in settings.items():
        if rest:
            deeper[name][tuple(rest)] = setting
    changed |= {name: _override(changed.get(name, getattr(config, name)), inner) for name, inner in deeper.items()}
    try:
        return replace(config, **changed)
    except ValueError as error:
        paths = ", ".join(path for path, _ in settings.values())
        raise _misfit(
            f"setting {paths}", "value", "values that fit each other and the other settings", error
        ) from error


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        return text


def _parse(kind: Any, value: Any, source: object) -> Any:
    if is_dataclass(kind):
        return _parse_dataclass(kind, value, source)
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if kind is Any:
        return value
    if origin in (types.UnionType, typing.Union):
        if value is None and type(None) in arguments:
            return None
        (kind,) = (a for a in arguments if a is not type(None))
        return _parse(kind, value, source)
    if origin is typing.Literal:
        if value not in arguments:
            raise _misfit(source, "choice", f"one of {', '.join(map(str, arguments))}", repr(value))
        return value
    if origin is tuple and isinstance(value, list | tuple):
        kinds = [arguments[0]] * len(value) if arguments[-1] is Ellipsis else arguments
        if len(kinds) == len(value):
            return tuple(_parse(k, v, source) for k, v in zip(kinds, value))
    elif origin is frozenset and isinstance(value, list | tuple):
        return frozenset(value)
    elif kind is Path and isinstance(value, str):
        return Path(value)
    elif kind is float and isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    elif isinstance(kind, type) and type(value) is kind:
        return value
    raise _misfit(source, "value", getattr(kind, "__name__", str(kind)), repr(value))


def _parse_dataclass(kind: Any, value: Any, source: object) -> Any:
    if not isinstance(value, Mapping):
        raise _misfit(source, kind.__name__, "named fields", repr(value))
    hints = typing.get_type_hints(kind)
    for name in value:
        if name not in hints:
            raise nearest(name, list(hints), f"{source}: field of {kind.__name__}")
    parsed = {name: _parse(hints[name], item, source) for name, item in value.items()}
    try:
        return kind(**parsed)
    except (TypeError, ValueError) as error:
        raise _misfit(source, kind.__name__, f"values that {kind.__name__} accepts", error) from error


def _misfit(source: object, field: str, expected: object, found: object) -> InputError:
    return InputError(file=source, field=field, expected=expected, found=found, remedy="Correct it and start again.")

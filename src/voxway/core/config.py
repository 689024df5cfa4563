"""Configurations to JSON and back: frozen dataclasses of plain values, tuples, paths, mappings and such dataclasses.

Where a field may hold one of several dataclasses, JSON tells them apart by an entry ``"kind"``: the class's constant
``kind: ClassVar[str]``, or its name.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import is_dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

from voxway.core.errors import nearest
from voxway.core.files import Json
from voxway.core.parsing import Form, field_types, item_type, kind_name, kind_names, misfit, optional, parse, value_type

T = TypeVar("T")

_Settings = Mapping[tuple[str, ...], tuple[str, str]]
"""What is left of each dotted name, with the whole name and the new value."""


def to_json(value: object) -> Json:
    """The JSON form of a configuration."""
    return _written(value, Any)


def from_json(kind: type[T], value: Json, source: object) -> T:
    """A configuration of type `kind` from its JSON form.

    Args:
        kind: a dataclass, or the type of one of its fields.
        value: what `to_json` made.
        source: the file it stands in, for errors.

    Raises:
        InputError: an unknown or missing field, or a value of another type.
    """
    return parse(kind, value, source)


def override(config: T, path: str, value: str) -> T:
    """The configuration with one field replaced; see `override_all`."""
    return override_all(config, {path: value})


def override_all(config: T, settings: Mapping[str, str]) -> T:
    """The configuration with some fields replaced, all at once: values may fit each other only together.

    Args:
        config: any configuration.
        settings: dotted name of a field, e.g. ``"method.width"``, with its new value as text, JSON or plain words.
            Below a field that is a mapping the rest of the name is a key: ``"train.rate_factors.backbone"``.

    Raises:
        InputError: no such field, or a text does not fit its type or the other fields.
    """
    return _override(config, {tuple(path.split(".")): (path, value) for path, value in settings.items()})


def _override(config: T, settings: _Settings) -> T:
    hints = field_types(type(config))
    changed: dict[str, object] = {}
    deeper: dict[str, dict[tuple[str, ...], tuple[str, str]]] = {}
    for (name, *rest), (path, value) in settings.items():
        if name not in hints:
            raise nearest(name, list(hints), f"setting {path}")
        if rest:
            deeper.setdefault(name, {})[tuple(rest)] = (path, value)
        else:
            changed[name] = _replaced(hints[name], getattr(config, name), path, value)
    for name, inner in deeper.items():
        changed[name] = _changed(hints[name], changed.get(name, getattr(config, name)), name, inner)
    assert is_dataclass(config) and not isinstance(config, type)
    try:
        return replace(config, **changed)
    except ValueError as error:
        paths = ", ".join(path for path, _ in settings.values())
        expected = "values that fit each other and the other settings"
        raise misfit(f"setting {paths}", "value", expected, error) from error


def _replaced(kind: Form, current: object, path: str, text: str) -> object:
    """A field's new value as a whole."""
    value = _value(text)
    whole = (value is None and optional(kind)) or (isinstance(value, Mapping) and len(kind_names(kind)) > 1)
    if is_dataclass(current) and not whole:
        inner = ", ".join(f"{path}.{name}" for name in field_types(type(current)))
        raise misfit(f"setting {path}", path, f"one of its fields: {inner}", text)
    return parse(kind, value, f"setting {path}")


def _changed(kind: Form, current: Any, name: str, settings: _Settings) -> object:
    """A field's value with something inside it replaced: fields of a dataclass, or keys of a mapping."""
    if is_dataclass(current) and not isinstance(current, type):
        return _override(current, settings)
    item = value_type(kind)
    if is_dataclass(item):
        return _changed_items(current, name, settings)
    if item is not None:
        new = {".".join(rest): parse(item, _value(v), f"setting {path}") for rest, (path, v) in settings.items()}
        return {**(current or {}), **new}
    rest, (path, _) = next(iter(settings.items()))
    whole = path.removesuffix("." + ".".join(rest))
    kinds, found = list(kind_names(kind)), "none" if current is None else repr(current)
    if not kinds:
        raise misfit(f"setting {path}", name, "a field with fields of its own", found, "Set the field as a whole.")
    example = f'{{"kind": "{kinds[0]}", ...}}' if len(kinds) > 1 else "{...}"
    choices = f" (kinds: {', '.join(kinds)})" if len(kinds) > 1 else ""
    raise misfit(
        f"setting {path}",
        name,
        "something that has fields",
        found,
        f"Choose it as a whole first, on the command line or as JSON: {whole}='{example}'{choices}.",
    )


def _changed_items(current: Mapping[str, object], name: str, settings: _Settings) -> object:
    """A mapping with something inside its items replaced."""
    inner: dict[str, dict[tuple[str, ...], tuple[str, str]]] = {}
    for (key, *rest), (path, value) in settings.items():
        if key not in current:
            raise nearest(key, list(current), f"setting {path}: {name}")
        if not rest:
            fields = ", ".join(f"{path}.{field}" for field in field_types(type(current[key])))
            raise misfit(f"setting {path}", path, f"one of its fields: {fields}", value)
        inner.setdefault(key, {})[tuple(rest)] = (path, value)
    return {**current, **{key: _override(current[key], some) for key, some in inner.items()}}


def _value(text: str) -> Json:
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        return text


def _written(value: object, kind: Form) -> Json:
    if is_dataclass(value) and not isinstance(value, type):
        hints = field_types(type(value))
        content = {name: _written(getattr(value, name), hint) for name, hint in hints.items()}
        return {"kind": kind_name(type(value)), **content} if len(kind_names(kind)) > 1 else content
    if isinstance(value, Mapping):
        return {key: _written(item, value_type(kind)) for key, item in value.items()}
    if isinstance(value, tuple | list):
        return [_written(item, item_type(kind, number)) for number, item in enumerate(value)]
    if isinstance(value, frozenset | set):
        return sorted(to_json(item) for item in value)
    if isinstance(value, Path):
        return str(value)
    return value

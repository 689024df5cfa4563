"""Plain values from JSON made into what a type asks for, and the questions about types that this needs."""

from __future__ import annotations

import types
import typing
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import fields, is_dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeAlias

from voxway.core.errors import InputError, nearest
from voxway.core.files import Json

Form: TypeAlias = Any
"""A type, or what annotations make of some: ``A | None``, ``tuple[int, ...]``, ``Literal["a", "b"]``."""

_REMEDY = "Correct it and start again."
_MAPPINGS = (Mapping, dict)


@lru_cache
def field_types(kind: Form) -> dict[str, Form]:
    """Type of every field of a dataclass, in order."""
    hints = typing.get_type_hints(kind)
    return {f.name: hints[f.name] for f in fields(kind)}


def alternatives(kind: Form) -> tuple[Form, ...]:
    """The types that a type allows, None left out: of ``A | B | None`` A and B, of any other the type itself."""
    if typing.get_origin(kind) in (types.UnionType, typing.Union):
        return tuple(one for one in typing.get_args(kind) if one is not type(None))
    return (kind,)


def optional(kind: Form) -> bool:
    """Whether a type allows None."""
    return type(None) in typing.get_args(kind) or kind in (Any, None, type(None))


def value_type(kind: Form) -> Form:
    """The type of the values where a type allows a mapping from text; None where it does not."""
    for one in alternatives(kind):
        if typing.get_origin(one) in _MAPPINGS:
            return typing.get_args(one)[1]
        if one in _MAPPINGS:
            return Any
    return None


def item_type(kind: Form, number: int) -> Form:
    """The type of one item where a type allows a tuple; any type where it does not."""
    for one in alternatives(kind):
        arguments = typing.get_args(one)
        if typing.get_origin(one) is tuple:
            return arguments[0] if arguments[-1] is Ellipsis else arguments[min(number, len(arguments) - 1)]
    return Any


def kind_names(kind: Form) -> dict[str, type]:
    """The dataclasses among the alternatives of a type, by the names that tell them apart."""
    return {kind_name(one): one for one in alternatives(kind) if is_dataclass(one)}


def misfit(source: object, field: str, expected: object, found: object, remedy: str = _REMEDY) -> InputError:
    """The error for a value that does not fit."""
    return InputError(file=source, field=field, expected=expected, found=found, remedy=remedy)


def kind_name(kind: Form) -> str:
    """The name that tells a dataclass from others."""
    own = {f.name for f in fields(kind)}
    return kind.__name__ if "kind" in own else getattr(kind, "kind", kind.__name__)


def parse(kind: Form, value: Json, source: object) -> Any:
    """A value of type `kind` from its JSON form; see `voxway.core.config.from_json`.

    Raises:
        InputError: it does not fit.
    """
    if is_dataclass(kind):
        return _parse_dataclass(kind, value, source)
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if kind is Any:
        return value
    if origin in (types.UnionType, typing.Union):
        return _parse_union(kind, value, source)
    if origin is typing.Literal:
        if value not in arguments:
            raise misfit(source, "choice", f"one of {', '.join(map(str, arguments))}", repr(value))
        return value
    if origin is tuple and isinstance(value, list | tuple):
        kinds = [arguments[0]] * len(value) if arguments[-1] is Ellipsis else arguments
        if len(kinds) == len(value):
            return tuple(parse(k, v, source) for k, v in zip(kinds, value))
    elif (origin in _MAPPINGS or kind in _MAPPINGS) and isinstance(value, Mapping):
        return {str(key): parse(value_type(kind), item, f"{source}: {key}") for key, item in value.items()}
    elif origin is frozenset and isinstance(value, list | tuple):
        return frozenset(value)
    elif kind is Path and isinstance(value, str):
        return Path(value)
    elif kind is float and isinstance(value, int | float) and not isinstance(value, bool):
        with suppress(OverflowError):  # a whole number without an end
            return float(value)
    elif isinstance(kind, type) and type(value) is kind:
        return value
    raise misfit(source, "value", _type_name(kind), repr(value))


def _parse_union(kind: Form, value: Json, source: object) -> object:
    if value is None and optional(kind):
        return None
    choices, named = alternatives(kind), kind_names(kind)
    if len(choices) == 1:
        return parse(choices[0], value, source)
    if len(named) > 1 and isinstance(value, Mapping):
        chosen = value.get("kind")
        if chosen not in named:
            raise nearest(str(chosen), list(named), f"{source}: kind")
        return parse(named[chosen], {key: item for key, item in value.items() if key != "kind"}, source)
    for one in choices:
        if not is_dataclass(one) or isinstance(value, Mapping):
            try:
                return parse(one, value, source)
            except InputError:
                continue
    raise misfit(source, "value", _expected(kind), repr(value))


def _expected(kind: Form) -> str:
    """What a union accepts, in words."""
    named = kind_names(kind)
    plain = [_type_name(one) for one in alternatives(kind) if not is_dataclass(one) and not _is_protocol(one)]
    told = [f'named fields with "kind", one of {", ".join(named)}'] if len(named) > 1 else list(map(_type_name, named))
    return ", or ".join([*plain, *told, *(["null"] if optional(kind) else [])])


def _is_protocol(kind: Form) -> bool:
    return bool(getattr(kind, "_is_protocol", False))


def _type_name(kind: Form) -> str:
    return str(kind) if typing.get_args(kind) else getattr(kind, "__name__", str(kind))


def _parse_dataclass(kind: Form, value: Json, source: object) -> object:
    if not isinstance(value, Mapping):
        raise misfit(source, kind.__name__, "named fields", repr(value))
    hints = field_types(kind)
    for name in value:
        if name not in hints:
            raise nearest(name, list(hints), f"{source}: field of {kind.__name__}")
    parsed = {name: parse(hints[name], item, source) for name, item in value.items()}
    try:
        return kind(**parsed)
    except (TypeError, ValueError) as error:
        raise misfit(source, kind.__name__, f"values that {kind.__name__} accepts", error) from error

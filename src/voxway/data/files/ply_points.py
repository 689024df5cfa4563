"""Point clouds as PLY: properties of the element `vertex`, ascii or binary of either byte order (Turk 1994)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from jaxtyping import Shaped

from voxway.core.errors import InputError
from voxway.data.files.pcd import MOST_POINTS
from voxway.data.files.raw import read_bytes

_OLD = ("char", "uchar", "short", "ushort", "int", "uint", "float", "double")
_NEW = ("int8", "uint8", "int16", "uint16", "int32", "uint32", "float32", "float64")
_KINDS = ("i1", "u1", "i2", "u2", "i4", "u4", "f4", "f8")
_TYPES = dict(zip((*_OLD, *_NEW), _KINDS * 2))
_ORDERS = {"ascii": "", "binary_little_endian": "<", "binary_big_endian": ">"}


def read_ply(path: Path | str) -> Mapping[str, Shaped[np.ndarray, "p"]]:
    """Properties of every vertex, by name.

    Raises:
        InputError: missing, truncated, no PLY file, or one whose vertices do not come first or have lists.
    """
    data = read_bytes(path)
    end = data.find(b"end_header")
    start = data.find(b"\n", end) + 1
    if not data.startswith(b"ply") or end < 0 or start == 0:
        raise _bad(path, "header", "ply ... end_header", "none")
    lines = [line.split() for line in data[:end].decode("ascii", "replace").splitlines()]
    form = next((line[1] for line in lines if line[:1] == ["format"] and len(line) > 1), "none")
    elements = [number for number, line in enumerate(lines) if line[:1] == ["element"]]
    if form not in _ORDERS:
        raise _bad(path, "format", ", ".join(_ORDERS), form)
    try:
        _, name, count = lines[elements[0]]
        own = lines[elements[0] + 1 : elements[1] if len(elements) > 1 else None]
        properties = [(line[2], _ORDERS[form] + _TYPES[line[1]]) for line in own if line[:1] == ["property"]]
        row: np.dtype = np.dtype(properties)
        points = int(count)
        if name != "vertex" or not 0 < points <= MOST_POINTS:
            raise ValueError(f"element {name} of {points}")
    except (ValueError, IndexError, KeyError, TypeError) as error:
        raise _bad(path, "element", "vertex first, with plain properties", error) from None
    body = data[start:]
    try:
        if form == "ascii":
            words = body.split()[: points * len(properties)]
            numbers = np.array(words, np.float64).reshape(points, len(properties))
            return {name: numbers[:, column] for column, (name, _) in enumerate(properties)}
        rows = np.frombuffer(body[: points * row.itemsize], row)
        if len(rows) < points:
            raise ValueError(f"{len(rows)} points")
    except ValueError as error:
        raise _bad(path, "points", f"{points} points, {form}", error) from None
    return {name: rows[name].astype(rows[name].dtype.newbyteorder("=")) for name, _ in properties}


def _bad(path: Path | str, field: str, expected: object, found: object) -> InputError:
    remedy = "Write the cloud again, as .ply (binary) with properties x y z intensity, or copy it again."
    return InputError(file=path, field=field, expected=expected, found=found, remedy=remedy)

"""Point clouds of the Point Cloud Library (`.pcd`): ascii, binary and compressed binary, of any fields.

Source: the library's page on the format (version 0.7). The compressed form is LZF: literal runs and references back.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Shaped

from voxway.core.errors import InputError
from voxway.data.files.raw import read_bytes

_KINDS = {"F": "f", "I": "i", "U": "u"}
_REMEDY = "Write the cloud again, as .pcd (binary) with fields x y z intensity, or copy it again."
MOST_POINTS = 1 << 26
"""Of one scan: beyond that a header is damaged."""


@dataclass(frozen=True)
class _Header:
    names: tuple[str, ...]
    kinds: tuple[str, ...]
    counts: tuple[int, ...]
    points: int
    form: str
    start: int
    """Where the points begin, in bytes."""

    @property
    def row(self) -> np.dtype:
        """Of one point; padding fields ("_") have names of their own."""
        fields = zip(self.names, self.kinds, self.counts)
        return np.dtype([(f"{name}{n}" if name == "_" else name, k, (c,)) for n, (name, k, c) in enumerate(fields)])


def read_pcd(path: Path | str) -> Mapping[str, Shaped[np.ndarray, "p"]]:
    """Fields of every point, by name; of fields of several numbers, the first.

    Raises:
        InputError: missing, truncated, or no point cloud of that kind.
    """
    data = read_bytes(path)
    header = _header(data, path)
    body = data[header.start :]
    try:
        if header.form == "ascii":
            return _ascii(body, header)
        if header.form == "binary":
            rows = np.frombuffer(body[: header.points * header.row.itemsize], header.row)
            if len(rows) < header.points:
                raise ValueError(f"{len(rows)} points, of {header.points}")
            return {name: rows[name][:, 0] for name in header.names if name != "_"}
        packed, whole = np.frombuffer(body[:8], "<u4").tolist()
        if whole != header.points * header.row.itemsize:
            raise ValueError(f"{whole} bytes, of {header.points * header.row.itemsize}")
        return _columns(lzf_unpacked(body[8 : 8 + packed], whole), header)
    except ValueError as error:
        raise _bad(path, "points", f"{header.points} points, {header.form}", error) from None


def lzf_unpacked(packed: bytes, size: int) -> bytes:
    """What LZF has packed.

    Args:
        packed: runs: a byte n below 32 and n + 1 bytes as they are, or a reference: three bits of length (7: another
            byte is added), thirteen bits of how far back.
        size: bytes that come out.

    Raises:
        ValueError: another number of bytes comes out, or a reference to before the first.
    """
    found, at = bytearray(), 0
    while at < len(packed):
        control, at = packed[at], at + 1
        if control < 32:
            found += packed[at : at + control + 1]
            at += control + 1
            continue
        length, need = control >> 5, 1 if control >> 5 < 7 else 2
        if at + need > len(packed):
            raise ValueError("a reference that is cut off")
        if length == 7:
            length, at = length + packed[at], at + 1
        back, at = ((control & 31) << 8) + packed[at] + 1, at + 1
        length += 2
        if back > len(found) or len(found) + length > size:
            raise ValueError("a reference to bytes that there are not")
        start = len(found) - back
        piece = found[start : start + length]
        found += (piece * (length // len(piece) + 1))[:length]
    if len(found) != size:
        raise ValueError(f"{len(found)} bytes after unpacking, of {size}")
    return bytes(found)


def _columns(data: bytes, header: _Header) -> dict[str, np.ndarray]:
    """Of the compressed form, in which each field's numbers lie together."""
    found, at = {}, 0
    for name, kind, count in zip(header.names, header.kinds, header.counts):
        size = np.dtype(kind).itemsize * count * header.points
        found[name] = np.frombuffer(data[at : at + size], kind).reshape(header.points, count)[:, 0]
        at += size
    return {name: column for name, column in found.items() if name != "_"}


def _ascii(body: bytes, header: _Header) -> dict[str, np.ndarray]:
    words = body.split()
    width = sum(header.counts)
    if len(words) < header.points * width:
        raise ValueError(f"{len(words) // width} points")
    numbers = np.array(words[: header.points * width], np.float64).reshape(header.points, width)
    first = np.cumsum([0, *header.counts[:-1]])
    return {name: numbers[:, at] for name, at in zip(header.names, first) if name != "_"}


def _header(data: bytes, path: Path | str) -> _Header:
    """Raises: InputError where it is none."""
    said: dict[str, list[str]] = {}
    at = 0
    while "DATA" not in said:
        end = data.find(b"\n", at)
        if end < 0 or end > 1 << 16:
            raise _bad(path, "header", "VERSION, FIELDS, SIZE, TYPE, COUNT, WIDTH, HEIGHT, POINTS, DATA", sorted(said))
        name, *words = data[at:end].decode("ascii", "replace").split() or ["#"]
        at = end + 1
        if not name.startswith("#"):
            said[name] = words
    try:
        names, types, sizes = said["FIELDS"], said["TYPE"], [int(word) for word in said["SIZE"]]
        counts = [int(word) for word in said.get("COUNT", ["1"] * len(names))]
        points = int(said["POINTS"][0]) if "POINTS" in said else int(said["WIDTH"][0]) * int(said["HEIGHT"][0])
        kinds = [f"<{_KINDS[letter]}{size}" for letter, size in zip(types, sizes, strict=True)]
        for kind in kinds:
            np.dtype(kind)
        if not len(names) == len(kinds) == len(counts) or min(counts) < 1 or not 0 < points <= MOST_POINTS:
            raise ValueError(f"{len(names)} fields, {len(kinds)} types, {points} points")
        header = _Header(tuple(names), tuple(kinds), tuple(counts), points, said["DATA"][0], at)
        header.row  # noqa: B018 - two fields of one name are refused here
    except (KeyError, IndexError, ValueError, TypeError, OverflowError) as error:
        raise _bad(path, "header", "FIELDS, SIZE, TYPE, WIDTH, HEIGHT of a point cloud", error) from None
    if header.form not in ("ascii", "binary", "binary_compressed"):
        raise _bad(path, "DATA", "ascii, binary or binary_compressed", header.form)
    return header


def _bad(path: Path | str, field: str, expected: object, found: object) -> InputError:
    return InputError(file=path, field=field, expected=expected, found=found, remedy=_REMEDY)

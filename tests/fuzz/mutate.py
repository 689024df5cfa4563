"""Damage to files: of their bytes, of their text, and of the values that they hold."""

from __future__ import annotations

import io
import json
import pickle
import re
from collections.abc import Callable
from typing import Any

import numpy as np

Random = np.random.Generator
Mutation = Callable[[bytes, Random], bytes]

FOREIGN = (
    b"", b"\0" * 4096, b"\xff" * 4096,
    b"<!DOCTYPE html><html><body>quota</body></html>", b"not found " * 40,
    b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 3\n", b"\x93NUMPY\x01\0",
    b"PK\x03\x04" + bytes(60),
    b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff\xe0", b"\x80\x04.", b"{}", b"[]", b"null", b"1",
    b"[[[[", b"\x1f\x8b\x08" + bytes(50),
)  # fmt: skip
FLOATS = (np.nan, np.inf, -np.inf, 0.0, -0.0, 1e30, -1e30, 1e-40, 3.4e38, -1.0, 1e5, 0.5)
WHOLE = (0, 1, -1, 127, 128, 255, 256, 65535, 2**31 - 1, -(2**31), 2**32 - 1)
WORDS = (
    "nan",
    "inf",
    "-inf",
    "1e400",
    "-1",
    "0",
    "1e-320",
    "",
    "x",
    "1_0",
    "99999999999999999999",
    "1,5",
    "\u0663",
    "0x10",
)
VALUES: tuple[Any, ...] = (
    None, "", "x", 0, -1, 1e308, float("nan"), float("inf"), [], {}, True, 2**70, [[1]], {"a": 1}, "../..",
    [None], 10**400,    [1, 2, 3], [0.0] * 16, "scene-0001", 0.5,
)  # fmt: skip
KINDS = (
    "<f4", ">f4", "<f8", "<f2", "u1", "i1", "<u2", "<i4", "<i8", ">i8", "<u8", "?", "<c8", "U3", "S2", "O", "M8[s]",
    "V4",
)  # fmt: skip


def some(random: Random, choices: Any) -> Any:
    """One of them."""
    return choices[int(random.integers(len(choices)))]


def of_bytes(data: bytes, random: Random) -> bytes:
    """Bytes flipped, cut, moved, repeated, replaced."""
    kind, size = int(random.integers(11)), max(len(data), 1)
    first, second = sorted(int(n) for n in random.integers(0, size + 1, 2))
    if kind == 0:
        return some(random, FOREIGN)
    if kind == 1:
        return data[: int(random.choice([first, second, len(data) - 1, len(data) // 2, 4 * (first // 4)]))]
    if kind == 2:
        return data + random.bytes(int(random.integers(1, 65)))
    if kind == 3:
        return data[:first] + data[second:]
    if kind == 4:
        return data[:second] + data[first:]
    if kind == 5:
        return data[:first] + bytes(second - first) + data[second:]
    changed = bytearray(data)
    if kind == 6:
        for place in random.integers(0, size, int(random.integers(1, 9))) if data else ():
            changed[place] ^= 1 << int(random.integers(8))
    elif kind == 7 and len(data) > 8:
        for _ in range(int(random.integers(1, 6))):
            place = 4 * int(random.integers(len(data) // 4))
            changed[place : place + 4] = np.array(some(random, FLOATS)).astype("<f4").tobytes()[: len(data) - place]
    elif kind == 8 and len(data) > 8:
        place = int(random.integers(min(len(data), 200)))
        word = np.array(some(random, WHOLE) % 2**32).astype("<u4").tobytes()
        changed[place : place + 4] = word[: len(data) - place]
    elif kind == 9:
        length = int(random.integers(1, 65))
        changed[first : first + length] = random.bytes(length)
    else:
        half = len(data) // 2
        return data[half:] + data[:half]
    return bytes(changed)


def of_text(data: bytes, random: Random) -> bytes:
    """Words replaced, lines left out, repeated, swapped, joined."""
    lines = data.decode().splitlines()
    kind, place = int(random.integers(6)), int(random.integers(len(lines)))
    if kind == 0:
        del lines[place]
    elif kind == 1:
        lines.insert(place, lines[int(random.integers(len(lines)))])
    elif kind == 2:
        words = lines[place].split(" ")
        words[int(random.integers(len(words)))] = some(random, WORDS)
        lines[place] = " ".join(words)
    elif kind == 3:
        factor = float(some(random, (1000, 0.001, -1, 100, 0, 57.3, 1e9)))
        lines = [re.sub(r"\S*\d\S*", lambda n: _scaled(n[0], factor), line) for line in lines]
    elif kind == 4:
        lines[place] += " " + some(random, WORDS)
    else:
        lines[place] = " ".join(reversed(lines[place].split(" ")))
    return ("\n".join(lines) + "\n").encode()


def _scaled(word: str, factor: float) -> str:
    try:
        return repr(float(word) * factor)
    except ValueError:
        return word


def of_json(data: bytes, random: Random) -> bytes:
    """A value somewhere in JSON replaced, left out or repeated."""
    return json.dumps(_changed(json.loads(data), random)).encode()


def of_pickle(data: bytes, random: Random) -> bytes:
    """A value somewhere in a pickle replaced, left out or repeated; arrays of other types and shapes."""
    return pickle.dumps(_changed(pickle.loads(data), random), protocol=int(random.integers(2, 6)))


def _changed(value: Any, random: Random) -> Any:
    """A copy with one change, as deep as chance has it."""
    if isinstance(value, np.ndarray):
        return array(value, random)
    if not isinstance(value, dict | list) or not value or random.random() < 0.08:
        if isinstance(value, int | float) and not isinstance(value, bool) and random.random() < 0.5:
            return value * some(random, (1000, 1e-3, -1, 1e-6, 0, 1e6))
        return some(random, VALUES)
    if isinstance(value, list):
        place, copy = int(random.integers(len(value))), list(value)
        if random.random() < 0.1:
            del copy[place]
        elif random.random() < 0.1:
            copy.append(copy[place])
        else:
            copy[place] = _changed(copy[place], random)
        return copy
    name, copied = some(random, list(value)), dict(value)
    if random.random() < 0.15:
        del copied[name]
    else:
        copied[name] = _changed(copied[name], random)
    return copied


def array(given: np.ndarray, random: Random) -> np.ndarray:
    """The array with another type, shape, order of axes, or other values."""
    kind = int(random.integers(7))
    with np.errstate(all="ignore"):
        if kind == 0 or not given.size:
            return _typed(given, some(random, KINDS))
        if kind == 1:
            return given.reshape(-1) if random.random() < 0.5 else given[None]
        if kind == 2:
            return given.T if random.random() < 0.5 else np.asfortranarray(given)
        if kind == 3:
            return given[: int(random.integers(len(given)))] if given.ndim else given
        if kind == 4:
            return given * some(random, (1000, -1, 0, 1e-3, 1e30)) if given.dtype.kind in "buif" else given
        changed = given.copy().reshape(-1)
        choices = FLOATS if given.dtype.kind == "f" else WHOLE
        for place in random.integers(0, changed.size, int(random.integers(1, 5))):
            changed[place] = np.array(some(random, choices)).astype(given.dtype)
        return changed.reshape(given.shape)


def _typed(given: np.ndarray, kind: str) -> np.ndarray:
    try:
        return given.astype(kind)
    except (TypeError, ValueError):
        return np.zeros(3, kind)


def of_npy(data: bytes, random: Random) -> bytes:
    """Another array in a `.npy` file."""
    return _npy(array(np.load(io.BytesIO(data)), random))


def _npy(value: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, value, allow_pickle=True)
    return buffer.getvalue()


def of_npz(data: bytes, random: Random) -> bytes:
    """Other arrays in a `.npz` file, or other names for them."""
    with np.load(io.BytesIO(data)) as archive:
        arrays = {name: archive[name] for name in archive.files}
    name, kind = some(random, list(arrays)), int(random.integers(5))
    if kind == 0:
        del arrays[name]
    elif kind == 1:
        arrays["other"] = arrays.pop(name)
    else:
        arrays[name] = array(arrays[name], random)
    buffer = io.BytesIO()
    save = np.savez_compressed if random.random() < 0.1 else np.savez  # which is far quicker
    save(buffer, **arrays)
    return buffer.getvalue()

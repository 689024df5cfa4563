"""Reading pickles that came from outside: plain containers and NumPy arrays, and nothing that could run code."""

from __future__ import annotations

import io
import pickle
from collections.abc import Callable
from pathlib import Path

from voxway.core.contents import contents, head_of, is_text
from voxway.core.errors import InputError

_SMALL = 1_000_000
"""Bytes up to which a file is read with care, in a second at most."""
_BYTES: dict[str, type] = {"bytes": bytes, "bytearray": bytearray}
_TEXT_PICKLES = (b"(", b"c", b"I", b"L", b"S")
"""How pickles of protocol 0 begin, which are text."""
_PLAIN = {"list", "dict", "tuple", "set", "frozenset", "int", "float", "complex", "str", "bytes", "bytearray", "bool"}
_NUMPY = {"_reconstruct", "scalar", "_frombuffer", "ndarray", "dtype"}
_ALLOWED = {
    **dict.fromkeys(("builtins", "__builtin__"), _PLAIN),
    **dict.fromkeys(
        (
            "numpy",
            "numpy.core.multiarray",
            "numpy._core.multiarray",
            "numpy.core.numeric",
            "numpy._core.numeric",
        ),
        _NUMPY,
    ),
    "collections": {"OrderedDict", "defaultdict"},
    # How arrays that older Pythons pickled hold their bytes.
    "_codecs": {"encode"},
}


class _Refused(Exception):
    pass


def _filled(kind: type) -> Callable[..., object]:
    """A type of bytes that is made from contents alone: a mere number would ask for so much memory."""

    def make(*contents: object) -> object:
        if contents and isinstance(contents[0], int):
            raise _Refused(f"{kind.__name__} of {contents[0]} zeros")
        return kind(*contents)

    return make


def _found(find: Callable[[str, str], object], module: str, name: str) -> object:
    """What plain containers and arrays are made of, and nothing else.

    Raises:
        _Refused: anything else.
    """
    if name not in _ALLOWED.get(module, ()):
        raise _Refused(f"{module}.{name}")
    if name in _BYTES:
        return _filled(_BYTES[name])
    # NumPy 2 renamed `core`; the old name still works, but warns.
    return find(module.replace("numpy.core.", "numpy._core."), name)


class _Quick(pickle.Unpickler):
    """In C. A damaged number in a file may make it ask for gigabytes, and minutes, before it finds that out."""

    def find_class(self, module: str, name: str) -> object:
        return _found(super().find_class, module, name)


class _Careful(pickle._Unpickler):
    """In Python, twenty times slower: takes no more memory than a file has contents."""

    def find_class(self, module: str, name: str) -> object:
        return _found(super().find_class, module, name)


def read_pickle(path: Path | str, remedy: str) -> object:
    """Read a pickle of plain containers, numbers, texts and NumPy arrays.

    Raises:
        InputError: missing or damaged file, or one that names anything else, which could run code.
    """
    try:
        with Path(path).open("rb") as file:
            return _load(file, Path(path).stat().st_size)
    except FileNotFoundError:
        raise InputError(file=path, field="file", expected="present", found="absent", remedy=remedy) from None
    except OSError as error:
        raise InputError(file=path, field="file", expected="a file", found=error.strerror, remedy=remedy) from None
    except _Refused as error:
        raise _refused(path, "contents", error, remedy) from None
    except Exception as error:  # a damaged pickle may raise anything at all
        head = head_of(path)
        kind = contents(head)
        found = f"{type(error).__name__}: {error}" if head else "an empty file"
        if kind is not None or (is_text(head) and head[:1] not in _TEXT_PICKLES):
            found, remedy = (kind.name, kind.remedy) if kind else ("text", remedy)
        raise InputError(file=path, field="contents", expected="a whole pickle", found=found, remedy=remedy) from error


def read_pickled(data: bytes, source: object, field: str, remedy: str) -> object:
    """The same of a pickle inside another file.

    Args:
        data: the pickle.
        source: the file that it is in.
        field: where in it.
        remedy: what to do where it cannot be read.

    Raises:
        InputError: damaged, or it names anything else than `read_pickle` allows.
    """
    try:
        return _load(io.BytesIO(data), len(data))
    except _Refused as error:
        raise _refused(source, field, error, remedy) from None
    except Exception as error:  # a damaged pickle may raise anything at all
        found = f"{type(error).__name__}: {error}"
        raise InputError(file=source, field=field, expected="a whole pickle", found=found, remedy=remedy) from error


def _load(file: io.BufferedIOBase, size: int) -> object:
    return (_Careful if size <= _SMALL else _Quick)(file).load()


def _refused(source: object, field: str, error: _Refused, remedy: str) -> InputError:
    found = f"{error}, which is not loaded: a pickle may run any code"
    expected = "plain containers and NumPy arrays"
    return InputError(file=source, field=field, expected=expected, found=found, remedy=remedy)

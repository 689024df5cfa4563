"""Reading pickles that came from outside: plain containers and NumPy arrays, and nothing that could run code."""

from __future__ import annotations

import pickle
from pathlib import Path

from voxway.core.contents import contents, head_of, is_text
from voxway.core.errors import InputError

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


class _PlainUnpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> object:
        if name not in _ALLOWED.get(module, ()):
            raise _Refused(f"{module}.{name}")
        # NumPy 2 renamed `core`; the old name still works, but warns.
        return super().find_class(module.replace("numpy.core.", "numpy._core."), name)


def read_pickle(path: Path | str, remedy: str) -> object:
    """Read a pickle of plain containers, numbers, texts and NumPy arrays.

    Raises:
        InputError: missing or damaged file, or one that names anything else, which could run code.
    """
    try:
        with Path(path).open("rb") as file:
            return _PlainUnpickler(file).load()
    except FileNotFoundError:
        raise InputError(file=path, field="file", expected="present", found="absent", remedy=remedy) from None
    except OSError as error:
        raise InputError(file=path, field="file", expected="a file", found=error.strerror, remedy=remedy) from None
    except _Refused as error:
        raise InputError(
            file=path,
            field="contents",
            expected="plain containers and NumPy arrays",
            found=f"{error}, which is not loaded: a pickle may run any code",
            remedy=remedy,
        ) from None
    except Exception as error:  # a damaged pickle may raise anything at all
        head = head_of(path)
        kind = contents(head)
        found = f"{type(error).__name__}: {error}" if head else "an empty file"
        if kind is not None or (is_text(head) and head[:1] not in _TEXT_PICKLES):
            found, remedy = (kind.name, kind.remedy) if kind else ("text", remedy)
        raise InputError(file=path, field="contents", expected="a whole pickle", found=found, remedy=remedy) from error

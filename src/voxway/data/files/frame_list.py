"""Lists of frames that people write: a JSON list of keys, what a run left as ``labels.json``, or text, a key a line."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from voxway.core.errors import InputError
from voxway.core.files import Json, read_json, reading
from voxway.core.stamps import fingerprint_of

_REMEDY = 'Write a JSON list such as ["00/000000", "00/000005"], or a text file with a key in each line.'


def read_frame_list(path: Path | str, known: Collection[str]) -> frozenset[str]:
    """The frames that a file lists; one that is listed twice counts once.

    Args:
        path: ``.json``: a list, or an object with ``keys``, whose ``sha256``, if there is one, must be theirs; named
            otherwise: text.
        known: keys of the frames that there are.

    Raises:
        InputError: the file is absent or not of that kind, lists none, or frames that are not known.
    """
    path = Path(path)
    keys = _of_json(path) if path.suffix == ".json" else _of_text(path)
    if not keys:
        raise InputError(file=path, field="keys", expected="at least one frame", found="none", remedy=_REMEDY)
    unknown = [key for key in keys if key not in known]
    if unknown:
        more = f" and {len(unknown) - 3} more" if len(unknown) > 3 else ""
        raise InputError(
            file=path,
            field="keys",
            expected=f"annotated frames of split train that are there, such as {', '.join(sorted(known)[:2])}",
            found=f"{', '.join(unknown[:3])}{more}",
            remedy="Correct or remove these keys, or complete the copy of the dataset.",
        )
    return frozenset(keys)


def _of_text(path: Path) -> list[str]:
    with reading(path, "Check the name of the list."):
        data = path.read_bytes()
    try:
        lines = data.decode("utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise InputError(file=path, field="contents", expected="text", found=error, remedy=_REMEDY) from None
    return [line.strip() for line in lines if line.strip()]


def _of_json(path: Path) -> list[str]:
    content: Json = read_json(path, remedy="Check the name of the list.")
    keys = content.get("keys") if isinstance(content, dict) else content
    if not isinstance(keys, list) or not all(isinstance(key, str) for key in keys):
        found = str(keys)[:60]
        raise InputError(file=path, field="keys", expected="a list of keys", found=found, remedy=_REMEDY)
    digest = content.get("sha256") if isinstance(content, dict) else None
    if digest not in (None, fingerprint_of(sorted(keys))):
        raise InputError(
            file=path,
            field="sha256",
            expected=f"that of its keys, {fingerprint_of(sorted(keys))}",
            found=digest,
            remedy="The list was changed: restore it, or remove its field sha256 if you mean it.",
        )
    return keys

"""Files under the names that people give them: pictures of another format, roots one level off."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from pathlib import Path

PICTURES = ("png", "jpg", "jpeg", "PNG", "JPG", "JPEG")
"""Endings of pictures."""


def first_there(paths: Sequence[Path]) -> Path:
    """The first path that exists, the very first if none does."""
    return next((path for path in paths if path.exists()), paths[0])


def picture(path: Path) -> Path:
    """A picture, or the one of that name in another format."""
    if path.exists():
        return path
    return first_there([path, *(path.with_suffix(f".{suffix}") for suffix in PICTURES)])


def some(names: Iterable[str], most: int = 8) -> str:
    """The first names of many, for messages; "nothing" of none."""
    listed = list(names)
    return ", ".join(listed[:most]) + (f", ... ({len(listed)} in all)" if len(listed) > most else "") or "nothing"


def names_in(folder: Path) -> list[str]:
    """Names in a folder that are not hidden, ascending; none where it cannot be listed."""
    with suppress(OSError):
        return sorted(path.name for path in folder.iterdir() if not path.name.startswith("."))
    return []


def meant_root(root: Path, is_root: Callable[[Path], bool | None], parts: Sequence[str]) -> Path:
    """The root that a person means who names a folder inside it, or the one that it is in.

    Args:
        root: as named.
        is_root: whether a folder is laid out as a root.
        parts: names of folders that lie directly in a root.

    Returns:
        the root; `root` itself where that is unclear.
    """
    if is_root(root) or not root.is_dir():
        return root
    whole = root.absolute()
    for part in (whole, whole.parent):
        if part.name in parts and is_root(part.parent):
            return part.parent
    inside = [root / name for name in names_in(root) if is_root(root / name)]
    return inside[0] if len(inside) == 1 else root

"""What prepared files were made from, so that none is used for something else.

::

    <folder>/made/proposals.json               how the files of that kind are made: maker, version, settings
    <folder>/made/proposals/08/000005.json     the same for one file, and its sources: size, times and SHA-256 of each

A source that has another size or time counts as changed only if its contents did. So data and prepared files may be
moved and copied. Files without a record, such as downloaded ones, are of unknown origin.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from voxway.core.errors import InputError
from voxway.core.files import Json, read_json, write_json
from voxway.core.stamps import digest, stamp

_REMEDY = "Delete it, and what it tells about is made again."


@dataclass(frozen=True, kw_only=True)
class Origin:
    """How the files of one kind in a folder are made."""

    folder: Path
    """Holds the files, and `made`."""
    name: str
    """Of the kind."""
    maker: str
    """What makes them, e.g. ``"proposals from lidar"``."""
    version: int = 1
    """Of the maker: another one makes other files from the same."""
    settings: Mapping[str, Json] = field(default_factory=dict)
    """All that changes what is made, beside the sources."""
    grid: str | None = None
    """The grid that files lie on, in words; None of those that lie on none. Records of before say nothing of it, and
    agree with any."""
    root: Path
    """Of the dataset; sources below it are known by their place in it."""
    sources: Callable[[str], Sequence[Path]]
    """Of a key, the files that its file is made from."""

    @property
    def how(self) -> dict[str, Json]:
        """Maker, version, settings and grid as they are recorded."""
        on = {} if self.grid is None else {"grid": self.grid}
        return {"maker": self.maker, "version": self.version, "settings": dict(self.settings), **on}

    def known(self, key: str) -> bool:
        """Whether it is recorded what the file of a key was made from."""
        return self._path(key).exists()

    def difference(self, key: str) -> str | None:
        """What is another than when the file of a key was made; None: nothing.

        Raises:
            InputError: the record is damaged.
        """
        record = _read(self._path(key))
        own = difference(record, self.how)
        if own is not None:
            return own
        sources = {self._place(path): path for path in self.sources(key)}
        if sources.keys() != record["sources"].keys():
            return f"other sources, such as {sorted(sources.keys() ^ record['sources'].keys())[0]}"
        changed = next((place for place, path in sources.items() if not _same(path, record["sources"][place])), None)
        if changed is None and any([*(stamp(path) or ())] != record["sources"][p][0] for p, path in sources.items()):
            self.record(key)  # moved or copied; the next look is quicker
        return None if changed is None else f"{changed} has changed"

    def record(self, key: str) -> None:
        """Note what the file of a key is made from; to be called before it is."""
        sources = {self._place(path): [[*(stamp(path) or ())], digest(path)] for path in self.sources(key)}
        write_json(self._path(key), {**self.how, "sources": sources})

    def forget(self, key: str) -> None:
        """Take back the note, as the file was not made."""
        self._path(key).unlink(missing_ok=True)

    def check(self) -> None:
        """Refuse a folder whose files of this kind were made by another maker or with other settings.

        Raises:
            InputError: they were.
        """
        path = self.folder / "made" / f"{self.name}.json"
        found = read_json(path, remedy=_REMEDY) if path.exists() else self.how
        other = difference({**(found if isinstance(found, dict) else {}), "version": self.version}, self.how)
        if other is not None:
            raise InputError(
                file=path,
                field="settings",
                expected=f"{self.maker}, made as now",
                found=other,
                remedy="Write to another folder, pass the settings that these files were made with, or delete them and "
                f"{self.folder / 'made'}.",
            )

    def claim(self) -> None:
        """Note how files of this kind in the folder are made, once there is one."""
        write_json(self.folder / "made" / f"{self.name}.json", self.how)

    def _path(self, key: str) -> Path:
        return record_path(self.folder, self.name, key)

    def _place(self, path: Path) -> str:
        """A source's name, wherever the data lie."""
        path = Path(path)
        return path.relative_to(self.root).as_posix() if path.is_relative_to(self.root) else "/".join(path.parts[-4:])


def record_path(folder: Path, name: str, key: str) -> Path:
    """Where it is recorded what the file of a key was made from."""
    return Path(folder) / "made" / name / f"{key}.json"


def check_named(folder: Path, name: str, wanted: Callable[[], tuple[Sequence[str], str | None]], root: Path) -> None:
    """Refuse prepared files, in a folder that a person named, whose sources have changed since they were made, or that
    lie on another grid. Sources that are not there, and files without a record, say nothing.

    Args:
        folder: holds the files.
        name: of their kind.
        wanted: tells the frames that will be read, and the grid on which files must lie, in words, if on any.
        root: of the dataset.

    Raises:
        InputError: a source below the root is another than when a file was made, or the grid is.
    """
    if not (Path(folder) / "made" / name).is_dir():
        return
    keys, grid = wanted()
    for key in keys:
        path = record_path(folder, name, key)
        record = _read(path) if path.exists() else {}
        if grid is not None and record.get("grid", grid) != grid:
            remedy = "Make them for this dataset, in another folder; those of another grid are in other places."
            raise InputError(
                file=folder, field=f"{name} of {key}", expected=f"on {grid}", found=record["grid"], remedy=remedy
            )
        for place, known in record.get("sources", {}).items():
            source = root / place
            if source.exists() and not _same(source, known):
                raise InputError(
                    file=folder,
                    field=f"{name} of {key}",
                    expected=f"made from {source} as it is now",
                    found="made from another version of it, or from other data of that name",
                    remedy=f"Make them again with `voxway prepare` and --out {folder}, which renews what has changed; "
                    f"or delete {Path(folder) / 'made'} to use them as they are.",
                )


def difference(was: Mapping[str, Json], now: Mapping[str, Json]) -> str | None:
    """The first of maker, version, grid and settings that is another, with both values; None: none is."""
    pairs = [(name, was.get(name), now[name]) for name in ("maker", "version")]
    pairs += [("grid", was["grid"], now["grid"])] if "grid" in was and "grid" in now else []
    before, after = was.get("settings") or {}, now["settings"]
    pairs += [(name, before.get(name), after.get(name)) for name in sorted({*before, *after})]
    return next((f"{name} {old!r} then, {new!r} now" for name, old, new in pairs if old != new), None)


def _read(path: Path) -> dict[str, Json]:
    record = read_json(path, remedy=_REMEDY)
    sources = record.get("sources") if isinstance(record, dict) else None
    if not isinstance(sources, dict) or not all(isinstance(one, list) and len(one) == 2 for one in sources.values()):
        raise InputError(
            file=path, field="sources", expected="a record of sources", found=str(record)[:60], remedy=_REMEDY
        )
    return record


def _same(path: Path, known: Sequence[Json]) -> bool:
    """Whether a source is what it was: by size and times, else by contents."""
    found, (stamped, contents) = stamp(path), known
    if found is None or not stamped:
        return found is None and not stamped
    return [*found] == stamped or (found[0] == stamped[0] and digest(path) == contents)

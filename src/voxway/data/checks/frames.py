"""What a run reads of its frames: are all files there, are their heads in order, and can some frames be read at all?

Frames are read by what a run reads them with, so that a check and a run say the same of a file.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from voxway.core.errors import InputError
from voxway.data.checks.report import Report
from voxway.data.config import DataConfig
from voxway.data.files.images import image_size
from voxway.data.files.names import PICTURES, some
from voxway.data.files.presence import Presence, absence
from voxway.data.samples import Samples

Progress = Callable[[int, int, str], None]
"""``(done, total, what)``"""
_MANY = 20
"""Folders that one finding stands for: a finding for each would bury the others."""


@dataclass(frozen=True, kw_only=True)
class FrameCheck:
    """Checks the files of frames.

    Attributes:
        samples: what a run reads, frames that lack a file included.
        partial: whether a run would accept that some lack one.
        report: where findings are noted.
        scan_bytes: of a LiDAR point in its file.
        remedies: what to do about missing files, "pictures", "scans", "label files"; ``""`` for any other.
        drive_name: of a frame's key, as people name its drive.
    """

    samples: Samples
    partial: bool
    report: Report
    scan_bytes: int
    remedies: Mapping[str, str]
    drive_name: Callable[[str], str]

    def run(
        self,
        contents: int,
        looks: Sequence[Callable[[str], None]],
        progress: Progress | None,
        called: Callable[[str], str] = "frame {}".format,
    ) -> None:
        """Look for all files, at their heads, and into those of some frames.

        Args:
            contents: frames whose files are opened, evenly spread; 0 for none.
            looks: look at what else a frame holds, by its key; what cannot be read was noted already.
            progress: called with (done, total, what) after every frame.
            called: the name of a frame, for that.
        """
        keys = self.presence()
        self.heads(keys)
        chosen = [keys[index] for index in spread(len(keys), contents)]
        for done, key in enumerate(chosen, 1):
            self.read(key)
            for look in looks:
                with suppress(InputError):
                    look(key)
            if progress:
                progress(done, len(chosen), called(key))

    def presence(self) -> list[str]:
        """Note which files are missing, and which drives are whole; frames that lack one do not count in a partial
        copy. Returns the frames that a run would read.
        """
        presence, lacking = Presence(), set()
        wanted: dict[tuple[str, Path], dict[Path, bool]] = {}
        readable = []
        for key in self.samples.keys:
            try:
                files = self.samples.files(key)
            except InputError as error:
                self.report.add_error(error)
                continue
            readable.append(key)
            for field, paths in files.items():
                for path in paths:
                    here = not presence.missing([path])
                    wanted.setdefault((_word(field, path), path.parent), {})[path] = here
                    if not here:
                        lacking.add(key)
        whole = [key for key in readable if key not in lacking]
        if lacking:
            partial = self.partial and bool(whole)
            self._note_missing(wanted, partial)
            self._note_whole(readable, lacking)
        return whole

    def heads(self, keys: Sequence[str]) -> None:
        """Look at size and head of every file; a frame with one that cannot be right is read as a run reads it."""
        seen: dict[Path, bool] = {}
        for key in keys:
            for field, paths in self.samples.files(key).items():
                for path in paths:
                    if path not in seen:
                        seen[path] = self._strange(path, field)
                    if seen[path]:
                        self.read(key, [field])

    def read(self, key: str, fields: Sequence[str] | None = None) -> None:
        """Read a frame as a run does, and note what is refused.

        Args:
            key: the frame.
            fields: what to read of it; None: all.
        """
        before, samples = len(self.report.findings), self.samples
        for field in samples.files(key) if fields is None else fields:
            self._try(lambda field=field: _read(samples, key, field))
        if fields is None and len(self.report.findings) == before:
            self._try(lambda: samples[key])

    def _try(self, reading: Callable[[], object]) -> None:
        try:
            reading()
        except InputError as error:
            self.report.add_error(error)

    def _strange(self, path: Path, field: str) -> bool:
        try:
            size = path.stat().st_size
            if path.suffix[1:] in PICTURES:
                image_size(path)
        except (InputError, OSError):
            return True
        return not size or (field == "points" and path.suffix == ".bin" and size % self.scan_bytes != 0)

    def _note_missing(self, wanted: Mapping[tuple[str, Path], Mapping[Path, bool]], partial: bool) -> None:
        groups = dict(wanted)
        for word in {word for word, _ in wanted}:
            folders = [folder for name, folder in wanted if name == word]
            # One file in each folder, as labels of some benchmarks lie: of one kind all the same.
            if len(folders) > _MANY or 1 < len(folders) == sum(len(wanted[word, folder]) for folder in folders):
                together = {path: here for folder in folders for path, here in groups.pop((word, folder)).items()}
                groups[word, folders[0]] = together
        for (word, folder), paths in groups.items():
            missing = [path for path, here in paths.items() if not here]
            remedy = self.remedies.get(word, self.remedies[""])
            if len(paths) == 1 and missing:
                what = f"file: expected present, found {absence(missing[0])}"
                self.report.add("note" if partial else "error", missing[0], what, remedy)
            elif missing:
                links = "" if absence(missing[0]) == "absent" else f" ({absence(missing[0])})"
                what = f"{len(missing)} of {len(paths)} {word} are missing, the first {missing[0].name}{links}"
                self.report.add("note" if partial else "error", folder, what, remedy)

    def _note_whole(self, keys: Sequence[str], lacking: set[str]) -> None:
        drives: dict[str, list[bool]] = {}
        for key in keys:
            drives.setdefault(self.drive_name(key), []).append(key not in lacking)
        whole = [name for name, frames in drives.items() if all(frames)]
        partly = [name for name, frames in drives.items() if any(frames) and not all(frames)]
        what = f"{len(keys) - len(lacking)} of {len(keys)} frames have all files that a run reads. Whole: {some(whole)}"
        what += f"; in part: {some(partly)}" if partly else ""
        remedy = (
            "A partial copy (--partial, or --set data.partial=true in training) is read as far as frames are whole."
        )
        self.report.add("note", self.samples.config.root, what, remedy)


def opened(config: DataConfig, report: Report) -> Samples | None:
    """What a run would read, frames that lack a file included: what a copy lacks is for the report to say. None, and a
    finding, where it cannot be opened at all.
    """
    try:
        samples = Samples(replace(config, partial=True), every_frame=True)
    except InputError as error:
        report.add_error(error)
        return None
    report.frames = len(samples)
    return samples


def spread(count: int, chosen: int) -> list[int]:
    """So many numbers below `count`, evenly spread; fewer where there are not as many."""
    if not count or not chosen:
        return []
    return np.unique(np.linspace(0, count - 1, chosen).round().astype(int)).tolist()


def _word(field: str, path: Path) -> str:
    if field == "target":
        return "label files"
    if path.suffix in (".txt", ".json", ".pkl"):
        return path.name  # what many frames share
    return "pictures" if path.suffix[1:] in PICTURES else "scans" if path.suffix == ".bin" else "files"


def _read(samples: Samples, key: str, field: str) -> object:
    if field == "target":
        return samples.truth(key)
    return samples.reader.moment(key, frozenset({field}), np.random.default_rng(0))

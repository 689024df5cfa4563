"""Check a copy of SemanticKITTI before a long run does."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Literal

from voxway.core.errors import InputError
from voxway.data.checks.frames import FrameCheck, spread
from voxway.data.checks.report import Report
from voxway.data.prepared.registry import prepared_format
from voxway.data.samples import Samples
from voxway.data.semantickitti.benchmark import SEMANTIC_KITTI
from voxway.data.semantickitti.check_contents import check_contents
from voxway.data.semantickitti.check_sequence import check_calibration, check_drive, check_point_labels
from voxway.data.semantickitti.config import SemanticKITTIConfig
from voxway.data.semantickitti.keys import annotated_frames, parse_key
from voxway.data.semantickitti.places import SequenceFiles
from voxway.data.semantickitti.sequence import calibration_of

# fmt: off
SCANS = {
    "00": 4541, "01": 1101, "02": 4661, "03": 801, "04": 271, "05": 2761, "06": 1101, "07": 1101, "08": 4071,
    "09": 1591, "10": 1201,
}
"""Scans per labelled sequence of KITTI odometry; every fifth, from 0, is annotated with voxels."""
# fmt: on
_STRIDE = 5
_SCAN_BYTES = 16
_IGNORED_SHARE = (0.02, 0.75)
"""Share of voxels without truth in real frames: 0.08 to 0.5; beyond these bounds the masks are wrong."""
_FROM_SEMANTIC_KITTI = "Fetch it again from semantic-kitti.org."
_KINDS: tuple[Literal["label", "invalid", "bin", "occluded"], ...] = ("label", "invalid", "bin", "occluded")
_READ = ("label", "invalid")
"""Those that targets are read from."""


def check_semantickitti(
    config: SemanticKITTIConfig, contents: int = 10, progress: Callable[[int, int, str], None] | None = None
) -> Report:
    """List everything that is missing from or wrong with what a reader of this configuration would read.

    Args:
        config: the reader's configuration. Where it says `partial`, missing frames are notes.
        contents: frames per sequence whose files are opened, evenly spread; 0 for none.
        progress: called with (done, total, what) after every sequence.
    """
    split = SEMANTIC_KITTI.splits[config.split]
    sequences = config.drives or split.sequences
    found = {sequence: annotated_frames(config, sequence) for sequence in sequences}
    expected = {sequence: _expected_frames(config, sequence, found[sequence]) for sequence in sequences}
    counts = [None if frames is None else len(frames) for frames in expected.values()]
    report = Report(
        benchmark=SEMANTIC_KITTI,
        split=config.split,
        expected_frames=None if None in counts else sum(count or 0 for count in counts),
        frames=sum(map(len, found.values())),
    )
    try:
        # What a copy lacks is for the report to say.
        samples = Samples(replace(config, partial=True), every_frame=True)
    except InputError as error:
        report.add_error(error)
        if error.field != "benchmark":
            for sequence in sequences:
                _check_listing(config, SequenceFiles(config.folder, sequence), found[sequence], None, report)
        return report
    whole = _frame_check(config, samples, report).presence()
    for done, sequence in enumerate(sequences, 1):
        files = SequenceFiles(config.folder, sequence, config.voxel_folder)
        if _check_listing(config, files, found[sequence], expected[sequence], report):
            keys = [key for key in whole if samples.reader.drive(key) == sequence]
            _check_sequence(config, files, samples, keys, contents, report)
        if progress:
            progress(done, len(sequences), f"sequence {sequence}")
    _check_histogram(config, report)
    return report


def _frame_check(config: SemanticKITTIConfig, samples: Samples, report: Report) -> FrameCheck:
    return FrameCheck(
        samples=samples,
        partial=config.partial,
        report=report,
        scan_bytes=_SCAN_BYTES,
        remedies={"": "Complete the download, or leave the sequence out."},
        drive_name=samples.reader.drive,
    )


def _expected_frames(config: SemanticKITTIConfig, sequence: str, frames: list[int]) -> list[int] | None:
    """Annotated frames of the release; None for sequences that it has not, and for drives of one's own that bear a
    number of its.
    """
    if sequence not in SCANS or (config.drives and len(frames) < SCANS[sequence] / _STRIDE / 2):
        return None
    return list(range(0, SCANS[sequence], _STRIDE))


def _check_sequence(
    config: SemanticKITTIConfig,
    files: SequenceFiles,
    samples: Samples,
    keys: list[str],
    contents: int,
    report: Report,
) -> None:
    needed = bool(config.needs & {"images", "pose", "semantics_2d", "depth"})
    try:
        check_calibration(files, calibration_of(files, config.cameras), report)
    except InputError as error:
        report.add_error(error, "error" if needed else "warning")
    released = SCANS.get(files.sequence) if not (config.drives or config.partial) else None
    check_drive(files, keys, "pose" in config.needs, released, report)
    if "semantics_2d" in config.needs - set(config.prepared):
        check_point_labels(files, report)
    frames = [parse_key(key)[1] for key in keys]
    _check_sizes(config, files, frames, report)
    check = _frame_check(config, samples, report)
    check.heads(keys)
    for number in spread(len(keys), contents):
        check.read(keys[number])
        check_contents(config, files, frames[number], report)


def _check_listing(
    config: SemanticKITTIConfig, files: SequenceFiles, frames: list[int], expected: list[int] | None, report: Report
) -> bool:
    """Note annotated frames that are missing; whether there is anything to look at."""
    severity = "note" if config.partial else "error"
    elsewhere = config.targets or config.preprocessed
    if not files.folder.is_dir() and elsewhere is None:
        report.add(severity, files.folder, "the sequence is missing", "Add it, or leave it out by naming sequences.")
        return False
    folder = elsewhere or files.folder / files.voxel_folder
    if not frames:
        report.add(severity, folder, f"no annotated frames of sequence {files.sequence}", _FROM_SEMANTIC_KITTI)
        return False
    if expected is not None:
        missing = sorted(set(expected) - set(frames))
        if missing:
            what = f"{len(missing)} of {len(expected)} annotated frames are missing: {_first(missing)}"
            report.add(severity, folder, what, _FROM_SEMANTIC_KITTI)
        extra = sorted(set(frames) - set(expected))
        if extra:
            what = f"{len(extra)} frames that are not in the release: {_first(extra)}"
            remedy = "Remove them, or train on named sequences so that counts are not compared."
            report.add("warning", folder, what, remedy)
    return True


def _check_sizes(config: SemanticKITTIConfig, files: SequenceFiles, frames: list[int], report: Report) -> None:
    """Sizes of voxel files, which say whether they are whole, and presence of prepared files."""
    count = SEMANTIC_KITTI.grid.count
    from_voxels = "target" in config.needs and config.targets is None and config.preprocessed is None
    sizes = {"label": 2 * count, "bin": count // 8, "invalid": count // 8, "occluded": count // 8}
    groups: list[tuple[str, list[Path], int | None, bool]] = [
        (f".{kind} files", [files.voxels(f, kind) for f in frames], sizes[kind], from_voxels and kind in _READ)
        for kind in _KINDS
    ]
    bits = {"proposals": count // 64, "pseudo": count // 8}
    for need in sorted(config.needs & set(config.prepared)):
        kept = prepared_format(need)
        paths = [kept.path(config.prepared[need], f"{files.sequence}/{f:06d}") for f in frames]
        groups.append((f"prepared files ({need})", paths, bits.get(need), True))
        missing = [int(path.stem) for path in paths if not path.exists()]
        if missing:
            what = f"{len(missing)} of {len(paths)} prepared files ({need}) are missing: {_first(missing)}"
            report.add("error", paths[0].parent, what, f"Make them with `voxway prepare {need}`.")
    for name, paths, size, read in groups:
        present = [path for path in paths if path.exists()]
        wrong = [path for path in present if path.stat().st_size != size] if size else []
        for path in wrong[:5]:
            what = f"{path.stat().st_size} bytes instead of {size}"
            more = f" ({len(wrong)} such {name})" if len(wrong) > 1 else ""
            remedy = "The copy is cut short or of another grid; fetch it again."
            report.add("error" if read else "warning", path, what + more, remedy)


def _check_histogram(config: SemanticKITTIConfig, report: Report) -> None:
    if not report.read_frames:
        return
    folder = config.folder / "sequences"
    low, high = _IGNORED_SHARE
    if not low <= report.ignored_share <= high:
        what = f"{100 * report.ignored_share:.1f} % of the voxels have no truth; real frames have 8 to 50 %"
        report.add("warning", folder, what, "Check the `.invalid` files, and that labels were not remapped.")
    if report.read_frames >= 10:
        for name in ("road", "vegetation"):
            if not report.voxels[SEMANTIC_KITTI.task.class_id(name)]:
                what = f"no voxel of class {name} in {report.read_frames} frames"
                report.add("warning", folder, what, "Check that labels hold raw ids and not training ids.")


def _first(numbers: list[int]) -> str:
    shown = ", ".join(f"{number:06d}" for number in numbers[:5])
    return f"{shown}, ..." if len(numbers) > 5 else shown

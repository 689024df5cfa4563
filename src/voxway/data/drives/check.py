"""Check drives of one's own before a long run does: rigs, all files, labels of some frames."""

from __future__ import annotations

from voxway.data.checks.frames import FrameCheck, Progress, opened
from voxway.data.checks.report import Report
from voxway.data.drives.config import DrivesConfig
from voxway.data.drives.layout import DriveFiles
from voxway.data.drives.reader import DrivesReader
from voxway.data.own.rig_faults import rig_faults
from voxway.data.own.rig_file import read_rig
from voxway.data.samples import Samples

_LABELS = "Make the labels again, or leave the frame out."
_RECORDINGS = "Complete the drive's recordings."
_SCAN_BYTES = 4
"""Of a number in a file without a header: how many a point has, its rig says."""
_KNOWN_SHARE = 0.005
"""Labels that say less of the grid are hardly labels."""


def check_drives(config: DrivesConfig, contents: int = 10, progress: Progress | None = None) -> Report:
    """List everything that is missing from or wrong with what a reader of this configuration would read.

    Args:
        config: the reader's configuration. Where it says `partial`, missing frames are notes.
        contents: frames whose files are opened, evenly spread; 0 for none.
        progress: called with (done, total, what) after every step.
    """
    report = Report(benchmark=config.benchmark, split=config.split)
    samples = opened(config, report)
    if samples is None:
        return report
    assert isinstance(samples.reader, DrivesReader)
    _check_drives(config, samples.reader, report)
    check = FrameCheck(
        samples=samples,
        partial=config.partial,
        report=report,
        scan_bytes=_SCAN_BYTES,
        remedies={"label files": _LABELS, "": _RECORDINGS},
        drive_name=samples.reader.drive,
    )
    looks = [lambda key: _check_labels(samples, key, report)] if "target" in config.needs else []
    check.run(contents, looks, progress)
    return report


def _check_drives(config: DrivesConfig, reader: DrivesReader, report: Report) -> None:
    """Rigs that no vehicle has (`voxway check-rig` looks closer at one), and drives without labels."""
    for drive in reader.drives:
        files = DriveFiles(reader.root, drive)
        for wrong in rig_faults(read_rig(files.rig)):
            report.add_error(wrong)
        if "target" in config.needs and not files.labelled():
            severity = "note" if config.partial else "error"
            report.add(severity, files.folder, "no labels of this drive", "Make its labels, or leave it out.")


def _check_labels(samples: Samples, key: str, report: Report) -> None:
    truth = samples.truth(key)
    if not truth.labelled:
        return
    report.count(truth.classes.numpy())
    known = float(truth.known.float().mean())
    if known < _KNOWN_SHARE:
        path = samples.reader.files(key, "target")[0]
        what = f"{100 * known:.2f} % of the grid's voxels are known"
        report.add("warning", path, what, "Check the poses, and that labels and grid are in the rig's ego frame.")

"""Check a copy of SSCBench-KITTI-360 before a long run does."""

from __future__ import annotations

from voxway.data.checks.frames import FrameCheck, Progress, opened
from voxway.data.checks.report import Report
from voxway.data.kitti360.benchmark import SSCBENCH_KITTI360
from voxway.data.kitti360.config import KITTI360Config
from voxway.data.kitti360.keys import drives_of
from voxway.data.kitti360.layout import DriveFiles
from voxway.data.samples import Samples

_RAW = "Complete the download of KITTI-360."
_LABELS = "Complete the download of SSCBench's labels."
_SCAN_BYTES = 16
_IGNORED_SHARE = (0.02, 0.85)
"""Share of voxels without truth; beyond these bounds the labels are of another kind."""


def check_kitti360(config: KITTI360Config, contents: int = 10, progress: Progress | None = None) -> Report:
    """List everything that is missing from or wrong with what a reader of this configuration would read.

    Args:
        config: the reader's configuration. Where it says `partial`, missing frames are notes.
        contents: frames whose files are opened, evenly spread; 0 for none.
        progress: called with (done, total, what) after every step.
    """
    split = SSCBENCH_KITTI360.splits[config.split]
    whole = not config.drives and not config.keys
    report = Report(benchmark=SSCBENCH_KITTI360, split=config.split, expected_frames=split.frames if whole else None)
    samples = opened(config, report)
    if samples is None:
        return report
    _check_drives(config, samples, report)
    check = FrameCheck(
        samples=samples,
        partial=config.partial,
        report=report,
        scan_bytes=_SCAN_BYTES,
        remedies={"label files": _LABELS, "": _RAW},
        drive_name=samples.reader.drive,
    )
    looks = [lambda key: report.count(samples.truth(key).classes.numpy())] if "target" in config.needs else []
    check.run(contents, looks, progress)
    _check_histogram(config, report)
    return report


def _check_drives(config: KITTI360Config, samples: Samples, report: Report) -> None:
    found = {samples.reader.drive(key) for key in samples.keys}
    for drive in sorted(set(drives_of(config)) - found) if not config.keys else ():
        folder = DriveFiles(config.folder, drive, config.labels).folder
        report.add("note" if config.partial else "error", folder, "no annotated frames of this drive", _LABELS)
    expected = report.expected_frames
    if expected is not None and len(samples) != expected:
        what = f"{len(samples)} annotated frames; SSCBench's split {config.split} is said to have {expected}"
        report.add("note", config.folder, what, _LABELS)


def _check_histogram(config: KITTI360Config, report: Report) -> None:
    if not report.read_frames:
        return
    low, high = _IGNORED_SHARE
    if not low <= report.ignored_share <= high:
        what = f"{100 * report.ignored_share:.1f} % of the voxels have no truth"
        report.add("warning", config.folder, what, "Check that the labels are SSCBench's, unified with masks.")
    counts = dict(zip(SSCBENCH_KITTI360.classes, report.voxels))
    if counts["pole"] > counts["vegetation"] and counts["sidewalk"] > counts["road"]:
        what = "more pole than vegetation and more sidewalk than road"
        remedy = "The labels look mapped to another benchmark's 20 classes; map them to SSCBench's 19."
        report.add("error", config.folder, what, remedy)

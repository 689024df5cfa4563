"""Check a copy of SSCBench-KITTI-360 before a long run does."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np

from voxway.core.errors import InputError
from voxway.data.checks.report import Report
from voxway.data.checks.surround import missing_files
from voxway.data.files.images import read_image
from voxway.data.kitti360.benchmark import SSCBENCH_KITTI360
from voxway.data.kitti360.config import KITTI360Config
from voxway.data.kitti360.keys import drives_of
from voxway.data.kitti360.layout import DriveFiles, parse_key, read_scan
from voxway.data.samples import Samples

_RAW = "Complete the download of KITTI-360."
_LABELS = "Complete the download of SSCBench's labels."
_IGNORED_SHARE = (0.02, 0.85)
"""Share of voxels without truth; beyond these bounds the labels are of another kind."""
_NEEDED = {"points": frozenset({"points", "depth"}), "pictures": frozenset({"images", "depth"})}


def check_kitti360(
    config: KITTI360Config, contents: int = 10, progress: Callable[[int, int, str], None] | None = None
) -> Report:
    """List everything that is missing from or wrong with what a reader of this configuration would read.

    Args:
        config: the reader's configuration. Where it says `partial`, missing frames are notes.
        contents: frames whose files are opened, evenly spread; 0 for none.
        progress: called with (done, total, what) after every step.
    """
    split = SSCBENCH_KITTI360.splits[config.split]
    whole = not config.drives and not config.keys
    report = Report(benchmark=SSCBENCH_KITTI360, split=config.split, expected_frames=split.frames if whole else None)
    try:
        samples = replace(config, partial=True).build()
    except InputError as error:
        report.add_error(error)
        return report
    report.frames = len(samples)
    found = {samples.reader.drive(key) for key in samples.keys}
    for drive in sorted(set(drives_of(config)) - found) if not config.keys else ():
        report.add(
            "note" if config.partial else "error",
            DriveFiles(config.root, drive, config.labels).folder,
            "no annotated frames of this drive",
            _LABELS,
        )
    if whole and split.frames is not None and len(samples) != split.frames:
        what = f"{len(samples)} annotated frames; SSCBench's split {config.split} is said to have {split.frames}"
        report.add("note", Path(config.root), what, _LABELS)
    _check_listing(config, samples, report)
    chosen = np.unique(np.linspace(0, len(samples) - 1, contents).round().astype(int)) if contents else []
    for done, index in enumerate(chosen, 1):
        _check_contents(config, samples, samples.keys[index], report)
        if progress:
            progress(done, len(chosen), f"frame {samples.keys[index]}")
    _check_histogram(config, report)
    return report


def _check_listing(config: KITTI360Config, samples: Samples, report: Report) -> None:
    files = [(DriveFiles(config.root, drive, config.labels), frame) for drive, frame in map(parse_key, samples.keys)]
    if config.needs & _NEEDED["pictures"]:
        for camera in config.cameras:
            paths = [one.image(camera, frame) for one, frame in files]
            missing_files(report, f"pictures of camera {camera}", paths, _RAW)
    if config.needs & _NEEDED["points"]:
        missing_files(report, "scans", [one.scan(frame) for one, frame in files], _RAW)


def _check_contents(config: KITTI360Config, samples: Samples, key: str, report: Report) -> None:
    """Open the files of one frame."""
    drive, frame = parse_key(key)
    files, none = DriveFiles(config.root, drive, config.labels), np.random.default_rng(0)
    checks: list[Callable[[], object]] = []
    if config.needs & _NEEDED["pictures"]:
        checks.append(lambda: samples.reader.moment(key, frozenset({"cameras"}), none))
        checks += [lambda camera=camera: read_image(files.image(camera, frame)) for camera in config.cameras]
    if config.needs & _NEEDED["points"]:
        checks.append(lambda: read_scan(files.scan(frame)))
    if "pose" in config.needs:
        checks.append(lambda: samples.reader.moment(key, frozenset({"pose"}), none))
    if "target" in config.needs:
        checks.append(lambda: report.count(samples.truth(key).classes.numpy()))
    for check in checks:
        try:
            check()
        except InputError as error:
            if error.field != "file":  # what is absent was listed already
                report.add_error(error)


def _check_histogram(config: KITTI360Config, report: Report) -> None:
    if not report.read_frames:
        return
    low, high = _IGNORED_SHARE
    if not low <= report.ignored_share <= high:
        what = f"{100 * report.ignored_share:.1f} % of the voxels have no truth"
        report.add("warning", Path(config.root), what, "Check that the labels are SSCBench's, unified with masks.")
    counts = dict(zip(SSCBENCH_KITTI360.classes, report.voxels))
    if counts["pole"] > counts["vegetation"] and counts["sidewalk"] > counts["road"]:
        what = "more pole than vegetation and more sidewalk than road"
        remedy = "The labels look mapped to another benchmark's 20 classes; map them to SSCBench's 19."
        report.add("error", Path(config.root), what, remedy)

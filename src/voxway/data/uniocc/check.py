"""Check a download of UniOcc before a long run does."""

from __future__ import annotations

from voxway.data.checks.frames import FrameCheck, Progress, opened
from voxway.data.checks.report import Report
from voxway.data.checks.surround import check_cameras
from voxway.data.samples import Samples
from voxway.data.uniocc.benchmark import UNIOCC
from voxway.data.uniocc.config import UniOccConfig
from voxway.data.uniocc.layout import frame_path, read_cameras

_FRAMES = "Complete the download of UniOcc."
_PICTURES = "Name the folder that names of pictures are relative to: --set pictures=FOLDER, the source's own root."


def check_uniocc(config: UniOccConfig, contents: int = 10, progress: Progress | None = None) -> Report:
    """List everything that is missing from or wrong with what a reader of this configuration would read.

    Args:
        config: the reader's configuration.
        contents: frames whose files are opened, evenly spread; 0 for none.
        progress: called with (done, total, what) after every step.
    """
    report = Report(benchmark=UNIOCC, split=config.split)
    samples = opened(config, report)
    if samples is None:
        return report
    check = FrameCheck(
        samples=samples,
        partial=config.partial,
        report=report,
        scan_bytes=1,
        remedies={"pictures": _PICTURES, "": _FRAMES},
        drive_name=samples.reader.drive,
    )
    check.run(contents, [lambda key: _check_contents(config, samples, key, report)], progress)
    return report


def _check_contents(config: UniOccConfig, samples: Samples, key: str, report: Report) -> None:
    path = frame_path(config.folder, key)
    if "images" in config.needs:
        check_cameras(report, path, {camera.name: camera.T_ego_cam for camera in read_cameras(path)}, around=False)
    if "target" not in config.needs or not samples.labels.supervises(key):
        return
    truth = samples.truth(key)
    report.count(truth.classes.numpy())
    if not truth.occupied.any():
        report.add("warning", path, "no occupied voxel", "The file may be damaged; fetch it again.")
    if not truth.masks["camera"].any():
        report.add("warning", path, "cameras see no voxel, so that none is scored", "Fetch the file again.")

"""Check a copy of Occ3D-Waymo before a long run does."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace

from voxway.core.errors import InputError
from voxway.data.checks.frames import FrameCheck, spread
from voxway.data.checks.report import Report
from voxway.data.checks.surround import check_cameras
from voxway.data.samples import Samples
from voxway.data.waymo.benchmark import OCC3D_WAYMO
from voxway.data.waymo.config import Occ3DWaymoConfig
from voxway.data.waymo.layout import WaymoFiles, frame_cameras
from voxway.data.waymo.reader import Occ3DWaymoReader

_SCAN_BYTES = 24
_CONVERT = "Convert Waymo to KITTI's format again, and link its folder with `kitti`."
_LABELS = "Complete the download of the voxel labels."


def check_occ3d_waymo(
    config: Occ3DWaymoConfig, contents: int = 10, progress: Callable[[int, int, str], None] | None = None
) -> Report:
    """List everything that is missing from or wrong with what a reader of this configuration would read.

    Args:
        config: the reader's configuration. Where it says `partial`, a count that differs is a note.
        contents: frames whose files are opened, evenly spread; 0 for none.
        progress: called with (done, total, what) after every step.
    """
    report = Report(benchmark=OCC3D_WAYMO, split=config.split)
    try:
        samples = Samples(replace(config, partial=True), every_frame=True)
    except InputError as error:
        report.add_error(error)
        return report
    report.frames = len(samples)
    files, expected = config.files, OCC3D_WAYMO.splits[config.split].scenes
    sequences = {key.split("/")[0] for key in samples.keys}
    if not (config.drives or config.keys or config.only_labelled) and len(sequences) != expected:
        what = f"{len(sequences)} sequences; split {config.split} has {expected}"
        report.add("note" if config.partial else "error", files.labels_folder, what, _LABELS)
    check = FrameCheck(
        samples=samples,
        partial=config.partial,
        report=report,
        scan_bytes=_SCAN_BYTES,
        remedies={"label files": _LABELS, "": _CONVERT},
        drive_name=samples.reader.drive,
    )
    keys = check.presence()
    check.heads(keys)
    chosen = [keys[index] for index in spread(len(keys), contents)]
    for done, key in enumerate(chosen, 1):
        check.read(key)
        _check_contents(config, samples, key, report)
        if progress:
            progress(done, len(chosen), f"frame {key}")
    return report


def _check_contents(config: Occ3DWaymoConfig, samples: Samples, key: str, report: Report) -> None:
    """What numbers of one frame look like, where its files can be read."""
    with suppress(InputError):  # what cannot be read was noted already
        if config.needs & {"images", "depth", "pose"}:
            _check_calibration(samples, config.files, key, report)
    with suppress(InputError):
        if "target" in config.needs:
            _check_labels(samples, config.files, key, report)


def _check_calibration(samples: Samples, files: WaymoFiles, key: str, report: Report) -> None:
    assert isinstance(samples.reader, Occ3DWaymoReader)
    _, T_ego_cam = frame_cameras(samples.reader.camera_infos, key, files.camera_infos)
    cameras = {f"slot {slot}": T for slot, T in enumerate(T_ego_cam)}
    check_cameras(report, f"{files.camera_infos}: frame {key}", cameras, around=False)


def _check_labels(samples: Samples, files: WaymoFiles, key: str, report: Report) -> None:
    truth = samples.truth(key)
    if not truth.labelled:
        return
    report.count(truth.classes.numpy())
    for name, mask in truth.masks.items():
        share = float(mask.float().mean())
        if not 0.005 < share < 0.99:
            what = f"mask {name} covers {100 * share:.1f} % of the grid"
            report.add("warning", files.labels(key), what, "The file may be damaged; fetch it again.")

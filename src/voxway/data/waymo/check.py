"""Check a copy of Occ3D-Waymo before a long run does."""

from __future__ import annotations

from collections.abc import Callable

from voxway.data.checks.frames import FrameCheck, Progress, opened
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


def check_occ3d_waymo(config: Occ3DWaymoConfig, contents: int = 10, progress: Progress | None = None) -> Report:
    """List everything that is missing from or wrong with what a reader of this configuration would read.

    Args:
        config: the reader's configuration. Where it says `partial`, a count that differs is a note.
        contents: frames whose files are opened, evenly spread; 0 for none.
        progress: called with (done, total, what) after every step.
    """
    report = Report(benchmark=OCC3D_WAYMO, split=config.split)
    samples = opened(config, report)
    if samples is None:
        return report
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
    looks: list[Callable[[str], None]] = []
    if config.needs & {"images", "depth", "pose"}:
        looks.append(lambda key: _check_calibration(samples, config.files, key, report))
    if "target" in config.needs:
        looks.append(lambda key: _check_labels(samples, config.files, key, report))
    check.run(contents, looks, progress)
    return report


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

"""Check a copy of Occ3D-Waymo before a long run does."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from voxway.core.errors import InputError
from voxway.data.checks.pictures import check_principal_point
from voxway.data.checks.report import Report
from voxway.data.checks.surround import check_cameras, missing_files
from voxway.data.files.images import read_image
from voxway.data.samples import Samples
from voxway.data.waymo.benchmark import OCC3D_WAYMO
from voxway.data.waymo.config import Occ3DWaymoConfig
from voxway.data.waymo.layout import WaymoFiles, frame_cameras, read_camera_infos, read_waymo_scan

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
        samples = replace(config, partial=True).build()
    except InputError as error:
        report.add_error(error)
        return report
    report.frames = len(samples)
    files, expected = config.files, OCC3D_WAYMO.splits[config.split].scenes
    sequences = {key.split("/")[0] for key in samples.keys}
    if not (config.drives or config.keys or config.only_labelled) and len(sequences) != expected:
        what = f"{len(sequences)} sequences; split {config.split} has {expected}"
        report.add("note" if config.partial else "error", files.labels_folder, what, _LABELS)
    _check_listing(config, files, samples.keys, report)
    infos = None
    if config.needs & {"images", "depth", "pose"}:
        try:
            infos = read_camera_infos(files.camera_infos)
        except InputError as error:
            report.add_error(error)
    chosen = np.unique(np.linspace(0, len(samples) - 1, contents).round().astype(int)) if contents else []
    for done, index in enumerate(chosen, 1):
        _check_contents(config, samples, samples.keys[index], infos, report)
        if progress:
            progress(done, len(chosen), f"frame {samples.keys[index]}")
    return report


def _check_listing(config: Occ3DWaymoConfig, files: WaymoFiles, keys: Sequence[str], report: Report) -> None:
    if config.needs & {"images", "depth"}:
        for slot in range(5):
            missing_files(report, f"pictures of slot {slot}", [files.image(key, slot) for key in keys], _CONVERT)
    if config.needs & {"points", "depth"}:
        missing_files(report, "scans", [files.scan(key) for key in keys], _CONVERT)


def _check_contents(config: Occ3DWaymoConfig, samples: Samples, key: str, infos: object, report: Report) -> None:
    """Open the files of one frame."""
    files = config.files
    checks: list[Callable[[], None]] = []
    if infos is not None:
        checks.append(lambda: _check_calibration(files, key, infos, report))
    if infos is not None and config.needs & {"images", "depth"}:
        checks += [lambda slot=slot: _check_picture(files, key, slot, infos) for slot in range(5)]
    if config.needs & {"points", "depth"}:
        checks.append(lambda: _check_scan(files, key))
    if "target" in config.needs:
        checks.append(lambda: _check_labels(samples, files, key, report))
    for check in checks:
        try:
            check()
        except InputError as error:
            if error.field != "file":  # what is absent was listed already
                report.add_error(error)


def _check_calibration(files: WaymoFiles, key: str, infos: object, report: Report) -> None:
    _, T_ego_cam = frame_cameras(infos, key, files.camera_infos)
    cameras = {f"slot {slot}": T for slot, T in enumerate(T_ego_cam)}
    check_cameras(report, f"{files.camera_infos}: frame {key}", cameras, around=False)


def _check_picture(files: WaymoFiles, key: str, slot: int, infos: object) -> None:
    path = files.image(key, slot)
    height, width, _ = read_image(path).shape
    K, _ = frame_cameras(infos, key, files.camera_infos)
    check_principal_point(path, (height, width), K[slot])


def _check_scan(files: WaymoFiles, key: str) -> None:
    read_waymo_scan(files.scan(key))


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

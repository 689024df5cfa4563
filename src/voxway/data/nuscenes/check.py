"""Check a copy of nuScenes with the voxels of one of its labellings before a long run does."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
from torch import Tensor

from voxway.core.errors import InputError
from voxway.data import registry
from voxway.data.checks.frames import FrameCheck, Progress, opened
from voxway.data.checks.report import Report
from voxway.data.checks.surround import check_cameras
from voxway.data.nuscenes.benchmark import OCC3D_NUSCENES
from voxway.data.nuscenes.config import NuScenesConfig
from voxway.data.nuscenes.key_frame import KeyFrame
from voxway.data.nuscenes.points import read_lidar
from voxway.data.nuscenes.reader import NuScenesReader
from voxway.data.nuscenes.splits import scenes_of
from voxway.data.samples import Samples

_DOWNLOAD = "Complete the download of nuScenes' file blobs."
_LABELS = "Complete the download of the voxel labels."
_SWEEP_AGE_S = 0.75
"""Ten sweeps at 20 Hz reach back half a second; more means that some were left out of the chain."""
_SCAN_BYTES = 20
_ROAD_LAYERS = 2
"""Real road is not flat: over a frame it spreads over more layers than this."""


def check_nuscenes(config: NuScenesConfig, contents: int = 10, progress: Progress | None = None) -> Report:
    """List everything that is missing from or wrong with what a reader of this configuration would read.

    Args:
        config: the reader's configuration. Where it says `partial`, a count that differs is a note.
        contents: frames whose files are opened, evenly spread; 0 for none.
        progress: called with (done, total, what) after every step.
    """
    benchmark = registry.benchmark(registry.config_name(config))
    split = benchmark.splits.get(config.split)
    whole = not (config.drives or config.keys or config.only_labelled)
    report = Report(benchmark=benchmark, split=config.split, expected_frames=split.frames if split and whole else None)
    samples = opened(config, report)
    if samples is None:
        return report
    reader = _reader(samples)
    if report.expected_frames is not None and report.frames != report.expected_frames:
        severity = "note" if config.partial else "error"
        what = f"{report.frames} key frames; split {config.split} has {report.expected_frames}"
        report.add(severity, reader.frames.source, what, "Complete the copy, or name what you have and say `partial`.")
    frames = _parse(samples, reader, report)
    scenes = {frame.scene for frame in frames.values()}
    if split and whole and not config.partial and split.scenes != len(scenes):
        what = f"{len(scenes)} scenes; split {config.split} has {split.scenes}"
        report.add("error", reader.frames.source, what, "Complete the copy, or name another info file.")
    _check_scenes(config, reader, list(frames.values()), report)
    _check_sweeps(config, list(frames.values()), reader.frames.source, report)
    check = FrameCheck(
        samples=samples,
        partial=config.partial,
        report=report,
        scan_bytes=_SCAN_BYTES,
        remedies={"label files": _LABELS, "": _DOWNLOAD},
        drive_name=lambda key: frames[key].scene_name or frames[key].scene if key in frames else reader.drive(key),
    )
    looks: list[Callable[[KeyFrame], None]] = [lambda frame: _check_calibration(reader, frame, report)]
    if config.needs & {"points", "depth"}:
        looks.append(lambda frame: _check_scans(reader, frame, report))
    if "target" in config.needs:
        looks.append(lambda frame: _check_labels(samples, frame, report))
    of_keys = [lambda key, look=look: look(frames[key]) for look in looks]
    check.run(contents, of_keys, progress, called=lambda key: f"sample {key[:8]}")
    return report


def _reader(samples: Samples) -> NuScenesReader:
    assert isinstance(samples.reader, NuScenesReader)
    return samples.reader


def _parse(samples: Samples, reader: NuScenesReader, report: Report) -> dict[str, KeyFrame]:
    frames = {}
    for key in samples.keys:
        try:
            frames[key] = reader.key_frame(key)
        except InputError as error:
            report.add_error(error)
    return frames


def _check_scenes(config: NuScenesConfig, reader: NuScenesReader, frames: list[KeyFrame], report: Report) -> None:
    """Scenes of another split, and scans that two key frames share."""
    source = reader.frames.source
    if config.split != "test" and source.name != "v1.0-mini":
        names = sorted({frame.scene_name for frame in frames if frame.scene_name is not None})
        own = scenes_of(config.split, names, "v1.0-trainval")
        strange = [name for name in names if name not in own]
        if strange:
            what = f"{len(strange)} scenes do not belong to split {config.split}, the first {strange[0]}"
            report.add("warning", source, what, "Do not train and score on the same scenes; v1.0-mini mixes them.")
    twice = [path for path, count in Counter(frame.lidar_path for frame in frames).items() if count > 1]
    if twice:
        what = f"{len(twice)} LiDAR scans belong to several key frames, the first {Path(twice[0]).name}"
        report.add("error", source, what, "Make the info file again with `write_infos`.")


def _check_sweeps(config: NuScenesConfig, frames: list[KeyFrame], source: Path, report: Report) -> None:
    """Sweeps that the records lack."""
    bare = [frame.token for frame in frames if not frame.sweeps]
    if config.needs & {"points", "depth"} and len(bare) > len({frame.scene for frame in frames}):
        what = f"{len(bare)} of {len(frames)} key frames have no sweeps; only the first of a scene should"
        report.add("warning", source, what, "Make the info file again with `write_infos`.")


def _check_calibration(reader: NuScenesReader, frame: KeyFrame, report: Report) -> None:
    source = f"{reader.frames.source}: sample {frame.token}"
    check_cameras(report, source, {name: camera.T_ego_cam for name, camera in frame.cameras.items()})
    for name, camera in frame.cameras.items():
        apart = abs(camera.timestamp_us - frame.timestamp_us) / 1e6
        if apart > 0.1:
            what = f"{name} was taken {apart:.2f} s apart from the LiDAR scan"
            report.add("warning", source, what, "Make the info file again with `write_infos`.")
    ages = [(frame.timestamp_us - sweep.timestamp_us) / 1e6 for sweep in frame.sweeps]
    if ages and max(ages) > _SWEEP_AGE_S:
        what = f"a sweep is {max(ages):.2f} s old; ten reach back about 0.5 s"
        report.add("warning", source, what, "Make the info file again with `write_infos`.")


def _check_scans(reader: NuScenesReader, frame: KeyFrame, report: Report) -> None:
    for path in reader.files(frame.token, "points"):
        if path.suffix != ".bin":
            continue
        points = read_lidar(path)
        if points[:, 3].max() <= 1:
            what = f"intensities reach only {points[:, 3].max():g}; nuScenes' go to 255"
            report.add("warning", path, what, "Use the original scans: networks were trained on raw intensities.")


def _check_labels(samples: Samples, frame: KeyFrame, report: Report) -> None:
    if not samples.labels.supervises(frame.token):
        return
    reader = _reader(samples)
    path = reader.label_path(frame)
    truth = reader.truth(frame.token)
    report.count(truth.classes.numpy())
    if reader.benchmark is OCC3D_NUSCENES:
        _check_masks(path, truth.masks, report)
        _check_release(path, truth.classes.numpy(), report)
    if not truth.occupied.any():
        report.add(
            "warning", path, "no occupied voxel", "The file may be damaged or of another release; fetch it again."
        )


def _check_masks(path: Path, masks: Mapping[str, Tensor], report: Report) -> None:
    for name, mask in masks.items():
        share = float(mask.float().mean())
        if not 0.01 < share < 0.9:
            what = f"mask_{name} covers {100 * share:.1f} % of the grid; real ones cover about 5 to 40 %"
            report.add("warning", path, what, "The file may be damaged or of another release; fetch it again.")


def _check_release(path: Path, target: np.ndarray, report: Report) -> None:
    """The first revision (March 2023) has flattened all road into the lowest layer."""
    road = target == OCC3D_NUSCENES.task.class_id("driveable_surface")
    layers = np.flatnonzero(road.any((0, 1)))
    if road.sum() > 1000 and len(layers) < _ROAD_LAYERS and layers[0] == 0:
        what = "all driveable voxels lie in the lowest layer: this is the early revision of March 2023"
        remedy = "Download Occ3D-nuScenes' current labels; heights of the early ones do not fit the pictures."
        report.add("error", path, what, remedy)

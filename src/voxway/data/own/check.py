"""Is a rig what its file says? Findings about its geometry, its times, its pictures and its scans, all of them.

Mistakes are named where another reading of the file fits; what only eyes can judge is drawn (`voxway check-rig`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float

from voxway.core.errors import InputError
from voxway.core.geometry_faults import drive_fault
from voxway.data.checks.report import Finding, Severity, findings_table
from voxway.data.files.scan_faults import place_fault
from voxway.data.own.config import RigConfig
from voxway.data.own.matching import Moment, matched, nearest, unmatched
from voxway.data.own.reader import RigReader
from voxway.data.own.rig import CameraEntry, RigFile
from voxway.data.own.rig_faults import rig_faults, size_fault
from voxway.data.own.sources import open_poses, open_stream
from voxway.data.own.streams import Stream

if TYPE_CHECKING:
    from rich.table import Table

LATE_S = 0.02
"""Pictures farther off than this, most of them to one side, are said: at 15 m/s it is 0.3 m."""
_NEAR_M, _FAR_M = 2.0, 20.0
_ROAD_OFF_M = 0.4
_TURNED = 0.02


@dataclass
class RigReport:
    """What is wrong with a rig, or to be known of it."""

    rig: RigFile
    findings: list[Finding] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)
    """Recordings of every sensor."""
    moments: int = 0
    """At which all sensors have one."""

    @property
    def usable(self) -> bool:
        """Whether no error was found."""
        return not any(finding.severity == "error" for finding in self.findings)

    def add(self, error: InputError, severity: Severity = "error") -> None:
        """Note what a reader would refuse, or what is to be known, once."""
        what = f"{error.field}: expected {error.expected}, found {error.found}"
        finding = Finding(severity, error.file, what, error.remedy)
        if finding not in self.findings:
            self.findings.append(finding)

    def say(self, field: str, expected: str, found: str, remedy: str, severity: Severity = "error") -> None:
        """Note what is wrong with the rig, once."""
        said = InputError(file=self.rig.path, field=field, expected=expected, found=found, remedy=remedy)
        self.add(said, severity)

    def table(self) -> Table:
        """The findings as a rich table."""
        return findings_table(f"rig {self.rig.name}", self.findings)

    def lines(self) -> list[str]:
        """What was found besides, as plain lines."""
        recorded = ", ".join(f"{name} {count}" for name, count in self.counts.items())
        return [f"rig {self.rig.name}: {recorded or 'no recordings'}", f"moments with all of them: {self.moments}"]


def check_rig(config: RigConfig, frames: int = 3) -> RigReport:
    """Look at a rig.

    Args:
        config: with all cameras that are to be looked at.
        frames: how many moments are opened, evenly spread.

    Raises:
        InputError: the rig's file cannot be read at all.
    """
    report = RigReport(config.rig)
    for wrong in rig_faults(report.rig):
        report.add(wrong)
    _check_pair(report)
    streams = _open(report)
    if report.rig.clock not in streams:
        return report
    moments = _check_times(report, streams)
    if not moments:
        return report
    for number in np.unique(np.linspace(0, len(moments) - 1, frames).round().astype(int)).tolist():
        _check_pictures(report, streams, moments[number].recordings)
        if report.usable:
            _try(report, lambda number=number: _check_scan(report, config, number))
    return report


def _try(report: RigReport, reading: Callable[[], object]) -> None:
    try:
        reading()
    except InputError as error:
        report.add(error)


def _open(report: RigReport) -> dict[str, Stream]:
    found: dict[str, Stream] = {}
    for name, sensor in report.rig.sensors.items():
        try:
            found[name] = open_stream(report.rig, sensor)
        except InputError as error:
            report.add(error)
        else:
            report.counts[name] = len(found[name].times_s)
    return found


def _check_pair(report: RigReport) -> None:
    rig = report.rig
    if rig.pair is None:
        return
    left, right = rig.T_ego(rig.pair.left), rig.T_ego(rig.pair.right)
    between = np.linalg.inv(left) @ right
    turned = float(np.abs(between[:3, :3] - np.eye(3)).max())
    remedy = "Name cameras of one rectified pair, or give both the poses and K that rectifying left them with."
    if turned > _TURNED:
        found = f"turned by {np.degrees(turned):.1f} degrees"
        report.say("pair", "cameras turned alike, as rectified ones are", found, remedy)
    elif between[0, 3] <= 0:
        found = f"{-between[0, 3]:.2f} m to its left"
        report.say("pair", "the right camera to the right of the left one", found, "Swap their names.")


def _check_times(report: RigReport, streams: dict[str, Stream]) -> Sequence[Moment]:
    rig, clock = report.rig, streams[report.rig.clock]
    moments = matched(streams, clock, rig.tolerance_s)
    report.moments = len(moments)
    if not moments:
        report.add(unmatched(streams, rig.clock, clock, rig.tolerance_s, rig.path))
        return ()
    if len(moments) < len(clock.times_s):
        expected = f"a recording of every sensor within {rig.tolerance_s:g} s of each of {rig.clock}"
        found = f"{len(moments)} of {len(clock.times_s)} moments"
        report.say("times", expected, found, "Others are left out.", "note")
    for name, stream in streams.items():
        late_s = nearest(stream.times_s, clock.times_s)[1]
        middle = float(np.median(late_s[np.abs(late_s) <= rig.tolerance_s]))
        if name != rig.clock and abs(middle) > LATE_S:
            word, known = ("older" if middle < 0 else "later"), rig.poses is not None
            found = f"most {abs(1000 * middle):.0f} ms {word} than those of {rig.clock}"
            remedy = "The poses make up for it, if the stamps are right."
            if not known:
                remedy = "Give poses, which make up for the way in between, or set a late clock right with offset_s."
            expected = f"recordings within {1000 * LATE_S:.0f} ms of those of {rig.clock}"
            report.say(f"times of {name}", expected, found, remedy, "note" if known else "warning")
    _try(report, lambda: _check_poses(report, clock))
    return moments


def _check_poses(report: RigReport, clock: Stream) -> None:
    track = open_poses(report.rig, clock)
    if track is None:
        return
    unknown = int((~track.known(clock.times_s)).sum())
    if unknown:
        found = f"none for {unknown} of {len(clock.times_s)}"
        remedy = "Before the first pose and after the last one the vehicle is taken to stand still."
        report.say("poses", "a pose at every moment", found, remedy, "warning")
    if (wrong := drive_fault(track.at(clock.times_s))) is not None:
        remedy = 'Say with "of" whose poses they are, in metres, sensor to world.'
        report.add(wrong.error(report.rig.path, "poses", remedy), "warning")


def _check_pictures(report: RigReport, streams: dict[str, Stream], recordings: Mapping[str, int]) -> None:
    for name, sensor in report.rig.sensors.items():
        if not isinstance(sensor, CameraEntry) or name not in streams:
            continue
        try:
            picture = streams[name].read(recordings[name])
        except InputError as error:
            report.add(error)
            continue
        if (wrong := size_fault(sensor, (picture.shape[0], picture.shape[1]))) is not None:
            report.add(wrong.error(report.rig.path, sensor.place, "Use the pictures that the calibration is for."))


def _check_scan(report: RigReport, config: RigConfig, number: int) -> None:
    """Whether the road is where it should be, and whether every camera sees points."""
    if not config.rig.lidars:
        return
    reader = RigReader(config)
    key = reader.keys[number]
    sample = reader.moment(key, frozenset({"points", "cameras"}), np.random.default_rng(0))
    assert sample.points is not None
    points = sample.points.numpy()
    if (wrong := place_fault(points)) is not None:
        report.say("lidars", f"{wrong.expected}, in the ego frame", wrong.found, "Check the LiDARs' poses.")
    road = road_height(points)
    off = None if road is None else road + reader.benchmark.ego_height_m
    if off is not None and abs(off) > _ROAD_OFF_M:
        found = f"most points below the sensors {abs(off):.2f} m {'above' if off > 0 else 'below'} it in {key}"
        remedy = (
            "Check ego_height_m, the LiDAR's height and tilt, and whether its pose is that of ego in its own frame."
        )
        report.say("lidars", "the road at the ego frame's height above ground", found, remedy, "warning")
    if sample.cameras is not None:
        pixels, depth = sample.cameras.project(sample.points[:, :3])
        seen = sample.cameras.visible(pixels, depth).sum(-1).tolist()
        for name, count in zip(config.cameras, seen):
            if not count:
                remedy = (
                    "Look at the drawing: the camera's or the LiDAR's pose may be turned. (Or no LiDAR looks there.)"
                )
                expected, found = "points of the scan in its view", f"none in {key}"
                report.say(f"camera {name}", expected, found, remedy, "warning")
    highest, bound = float(points[:, 3].max(initial=0)), reader.benchmark.highest_intensity
    if highest > 1.01 * bound or (bound > 10 and 0 < highest <= 1):
        remedy = "Say what full intensity is in its files: highest_intensity, such as 255."
        expected = f"up to {bound:g}, as networks of {config.dataset} know it"
        report.say("intensity", expected, f"up to {highest:g}", remedy, "warning")


def road_height(points: Float[np.ndarray, "p c"]) -> float | None:
    """Height z at which most points near the vehicle lie that are not above its sensors; None of too few.

    Args:
        points: x, y, z in ego metres.
    """
    away = np.hypot(points[:, 0], points[:, 1])
    near = points[(away > _NEAR_M) & (away < _FAR_M), 2]
    if len(near) < 50:
        return None
    low = near[near <= np.quantile(near, 0.6)]
    counts, edges = np.histogram(low, np.arange(low.min() - 0.1, low.max() + 0.3, 0.1))
    return float(edges[counts.argmax()] + 0.05)

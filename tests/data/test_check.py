"""check-data finds what is missing and what is wrong, names the file and says what to do."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from tests.data import toy
from voxway.data.checks.report import Report
from voxway.data.files.flags import write_flags
from voxway.data.prepared.flags import PseudoPoints
from voxway.data.semantickitti.benchmark import SEMANTIC_KITTI
from voxway.data.semantickitti.check import SCANS, check_semantickitti
from voxway.data.semantickitti.config import SemanticKITTIConfig
from voxway.data.semantickitti.labels import preprocessed_path, write_target
from voxway.data.semantickitti.layout import (
    SequenceFiles,
    read_voxel_flags,
    read_voxel_labels,
    write_calibration,
    write_poses,
    write_voxel_labels,
)

NEEDS = frozenset({"images", "points", "pose", "target"})


def check(root: Path, **changes: object) -> Report:
    config = SemanticKITTIConfig(root=root, split="val", partial=True, needs=NEEDS)
    return check_semantickitti(replace(config, **changes))


def found(report: Report, severity: str, name: str, what: str) -> bool:
    return any(
        finding.severity == severity and name in finding.file and what in finding.what and finding.remedy
        for finding in report.findings
    )


def test_known_scans_give_the_published_frame_counts() -> None:
    for name in ("train", "val"):
        split = SEMANTIC_KITTI.splits[name]
        assert sum(-(-SCANS[sequence] // 5) for sequence in split.sequences) == split.frames


def test_a_sound_copy_is_usable(toy_root: Path) -> None:
    steps: list[tuple[int, int, str]] = []
    config = SemanticKITTIConfig(root=toy_root, split="val", partial=True, needs=NEEDS)
    report = check_semantickitti(config, progress=lambda *step: steps.append(step))
    assert report.usable, report.lines()
    assert (report.frames, report.expected_frames, report.read_frames) == (2, 815, 2)
    assert report.voxels.sum() == 2 * SEMANTIC_KITTI.grid.count
    assert report.voxels[SEMANTIC_KITTI.task.class_id("road")] > 0
    assert found(report, "note", "voxels", "813 of 815 annotated frames are missing: 000010")
    assert steps == [(1, 1, "sequence 08")]


def test_missing_frames_are_errors_in_a_copy_that_should_be_whole(toy_root: Path) -> None:
    report = check(toy_root, partial=False)
    assert not report.usable
    assert found(report, "error", "voxels", "813 of 815 annotated frames are missing")
    assert found(report, "error", "poses.txt", "7 poses for 4071 scans")


def test_the_report_prints(toy_root: Path) -> None:
    report = check(toy_root)
    text = "\n".join(report.lines())
    assert "2 of 815 annotated frames" in text
    assert "ready to use" in text
    console = Console(record=True, width=200, file=None, quiet=False)
    with console.capture() as capture:
        console.print(report.table())
    assert "annotated frames are missing" in capture.get()


def files_of(root: Path) -> SequenceFiles:
    return SequenceFiles(root, "08")


def _unlink(*names: str) -> Callable[[SequenceFiles], None]:
    def damage(files: SequenceFiles) -> None:
        for name in names:
            (files.folder / name).unlink()

    return damage


def _truncate(name: str) -> Callable[[SequenceFiles], None]:
    def damage(files: SequenceFiles) -> None:
        path = files.folder / name
        path.write_bytes(path.read_bytes()[: -path.stat().st_size // 3])

    return damage


def _first_release(files: SequenceFiles) -> None:
    for kind in ("bin", "invalid", "occluded"):
        flags = read_voxel_flags(files.voxels(0, kind))
        write_flags(files.voxels(0, kind), np.roll(flags.ravel(), 1).reshape(flags.shape))


def _other_scan(files: SequenceFiles) -> None:
    flags = read_voxel_flags(files.voxels(0, "bin"))
    write_flags(files.voxels(0, "bin"), flags[:, ::-1])


def _jump(files: SequenceFiles) -> None:
    poses = np.stack([toy.pose(scan) for scan in range(toy.SCANS)])
    poses[4, 1, 3] = 30
    write_poses(files.poses, poses, toy.calibration().T_cam_velo)


def _inverted_tr(files: SequenceFiles) -> None:
    calibration = toy.calibration()
    write_calibration(files.calibration, replace(calibration, T_cam_velo=np.linalg.inv(calibration.T_cam_velo)))


def _narrow_baseline(files: SequenceFiles) -> None:
    calibration = toy.calibration()
    write_calibration(files.calibration, replace(calibration, P3=calibration.P2))


def _seen_nothing(files: SequenceFiles) -> None:
    for frame in (0, 5):
        write_flags(files.voxels(frame, "invalid"), np.ones(SEMANTIC_KITTI.grid.shape, bool))


def _training_ids(files: SequenceFiles) -> None:
    labels = read_voxel_labels(files.voxels(0, "label")).copy()
    labels[0, 0, 0] = 9
    write_voxel_labels(files.voxels(0, "label"), labels)


def _times_stand_still(files: SequenceFiles) -> None:
    files.times.write_text("0.0\n0.0\n")


@pytest.mark.parametrize(
    ("damage", "severity", "name", "what"),
    [
        (_unlink("calib.txt"), "error", "calib.txt", "absent"),
        (_unlink("poses.txt"), "error", "poses.txt", "absent"),
        (_unlink("image_2/000005.png"), "note", "image_2", "1 of 2 pictures are missing, the first 000005.png"),
        (_unlink("velodyne/000005.bin"), "note", "velodyne", "1 of 2 scans are missing"),
        (_unlink("voxels/000005.invalid"), "note", "voxels", "1 of 4 label files are missing"),
        (_truncate("voxels/000005.label"), "error", "000005.label", "bytes instead of 4194304"),
        (_truncate("voxels/000005.occluded"), "warning", "000005.occluded", "bytes instead of 262144"),
        (_truncate("velodyne/000000.bin"), "error", "000000.bin", "size: expected a positive multiple of 16"),
        (_truncate("labels/000000.label"), "error", "000000.label", "size"),
        (_truncate("image_2/000000.png"), "error", "000000.png", "a whole picture"),
        (_first_release, "error", "000000.bin", "first release of May 2020"),
        (_other_scan, "warning", "000000.bin", "agrees with the scan's own voxels to only"),
        (_jump, "warning", "poses.txt", "2 jumps"),
        (_inverted_tr, "error", "calib.txt", "may be inverted"),
        (_narrow_baseline, "warning", "calib.txt", "0.000 m apart"),
        (_seen_nothing, "warning", "000000.invalid", "flagged as never seen"),
        (_seen_nothing, "warning", "sequences", "100.0 % of the voxels have no truth"),
        (_training_ids, "error", "000000.label", "found ids [9]"),
        (_times_stand_still, "warning", "times.txt", "do not increase"),
    ],
)
def test_damage_is_found(
    toy_copy: Path, damage: Callable[[SequenceFiles], None], severity: str, name: str, what: str
) -> None:
    damage(files_of(toy_copy))
    report = check(toy_copy, needs=NEEDS | {"semantics_2d"})
    assert found(report, severity, name, what), report.lines()
    assert report.usable == (severity != "error"), report.lines()


def test_a_missing_sequence_and_an_empty_root(tmp_path: Path) -> None:
    report = check(tmp_path, partial=False)
    assert found(report, "error", "08", "the sequence is missing")
    assert found(report, "error", "sequences", "found none; ")


def test_preprocessed_targets_are_compared_with_the_voxels(toy_root: Path, tmp_path: Path) -> None:
    write_target(preprocessed_path(tmp_path, "08", 5), np.zeros(SEMANTIC_KITTI.grid.shape, np.uint8))
    assert found(check(toy_root, preprocessed=tmp_path), "error", "000005_1_1.npy", "voxels differ")


def test_proposals_are_checked(toy_root: Path, tmp_path: Path) -> None:
    report = check(toy_root, needs=NEEDS | {"proposals"}, prepared={"proposals": tmp_path})
    assert found(report, "error", "queries", "2 of 2 prepared files (proposals) are missing")


def test_pseudo_points_are_checked(toy_root: Path, tmp_path: Path) -> None:
    path = PseudoPoints().path(tmp_path, "08/000000")
    path.parent.mkdir(parents=True)
    path.write_bytes(bytes(100))
    report = check(toy_root, needs=NEEDS | {"pseudo"}, prepared={"pseudo": tmp_path})
    assert found(report, "error", "voxels", "1 of 2 prepared files (pseudo) are missing")
    assert found(report, "error", "000000.pseudo", "100 bytes instead of 262144")


@pytest.mark.real
def test_the_first_release_is_recognised_in_real_files(data_root: Path) -> None:
    config = SemanticKITTIConfig(
        root=data_root / "semantickitti",
        split="val",
        partial=True,
        voxel_folder="voxels_2020-05",
        needs=frozenset({"images", "points", "pose"}),
    )
    report = check_semantickitti(config)
    assert [finding.what.split(":")[-1] for finding in report.findings if finding.severity != "note"] == [
        " this is the first release of May 2020"
    ]

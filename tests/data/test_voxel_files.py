"""Voxel truth from a drive: in the key frame's own place or not at all, with a word about scans that were missing."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from tests.data.toy import SCANS, write_sequence
from voxway.core.errors import InputError
from voxway.data.job import Job, JobOptions
from voxway.data.semantickitti.config import SemanticKITTIConfig
from voxway.data.semantickitti.layout import SequenceFiles, read_voxel_labels
from voxway.data.semantickitti.voxel_files import prepare_truth
from voxway.prepare.runner import run

KEY = "08/000000"


def made(drive: SequenceFiles, folder: Path, scans: int = SCANS - 1, key: str = KEY) -> Job:
    root = drive.folder.parents[1]
    data = SemanticKITTIConfig(root=root, keys=(key,), needs=frozenset({"points"}))
    job = prepare_truth(data, folder, JobOptions(scans=scans))
    run(job, show=False)
    return job


@pytest.fixture
def drive(tmp_path: Path) -> SequenceFiles:
    return write_sequence(tmp_path / "root")


def test_a_whole_drive_needs_no_word(drive: SequenceFiles, tmp_path: Path) -> None:
    job = made(drive, tmp_path / "out")
    files = SequenceFiles(tmp_path / "out", "08")
    np.testing.assert_array_equal(
        read_voxel_labels(files.voxels(0, "label")), read_voxel_labels(drive.voxels(0, "label"))
    )
    assert job.remark() == ""
    assert not list(files.folder.rglob("*.json"))


@pytest.mark.parametrize(
    ("key", "gone", "used", "missing", "said"),
    [
        (KEY, (1, 2, 4), 4, [1, 2, 4], "1 of fewer scans than asked for, as scans are missing: 08/000000 from 4 of 7"),
        (KEY, (SCANS - 1,), 6, [6], "as scans are missing: 08/000000 from 6 of 7"),
        ("08/000005", (), 2, [], "1 of fewer scans, as the drive ends: 08/000005 from 2 of 7"),
    ],
    ids=["gaps", "the last one", "the drive's end"],
)
def test_fewer_scans_are_told_and_recorded(
    drive: SequenceFiles, tmp_path: Path, key: str, gone: tuple[int, ...], used: int, missing: list[int], said: str
) -> None:
    for number in gone:
        drive.scan(number).unlink()
    job = made(drive, tmp_path / "out", key=key)
    assert said in job.remark()
    record = tmp_path / "out" / "sequences" / "08" / "voxels" / f"{key[3:]}.scans.json"
    assert json.loads(record.read_text()) == {"asked": SCANS, "used": used, "missing": missing}


@pytest.mark.parametrize("what", ["scan", "labels", "pose"])
def test_without_the_key_frame_there_is_no_truth(drive: SequenceFiles, tmp_path: Path, what: str) -> None:
    if what == "pose":
        drive.poses.write_text("")
    else:
        (drive.scan(0) if what == "scan" else drive.point_labels(0)).unlink()
    with pytest.raises(InputError):
        made(drive, tmp_path / "out")
    assert not [path for path in (tmp_path / "out").rglob("*") if path.is_file()]


@pytest.mark.parametrize("poses", range(1, SCANS))
def test_poses_that_end_early_are_refused_with_both_counts(drive: SequenceFiles, tmp_path: Path, poses: int) -> None:
    drive.poses.write_text("".join(drive.poses.read_text().splitlines(keepends=True)[:poses]))
    with pytest.raises(InputError, match=rf"poses: expected at least {SCANS}, .* 000006\.bin, found {poses}"):
        made(drive, tmp_path / "out")

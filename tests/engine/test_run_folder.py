"""A run's folder: what may change when a run goes on, what may not, and one process at a time."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from tests.engine.toy import Plain, ToyConfig
from tests.engine.toy_run import CONFIG
from voxway.core.errors import InputError
from voxway.core.label_list import LabelList, LabelRule
from voxway.engine.distributed import Group
from voxway.engine.run_folder import claim
from voxway.engine.train import train

RUN = {
    "train": {"steps": 10, "learning_rate": 2e-4, "workers": 0, "log_every": 10, "checkpoint_every": 200, "keep": 2,
              "tensorboard": False, "rate_factors": {"backbone": 0.1}},
    "method": {"width": 64, "depth": [1, 2]},
    "data": {"root": "KITTI", "prepared": {"proposals": "here"}, "infos": "KITTI/infos.pkl", "labels": None,
             "labelled_list": "mine.txt"},
    "labels": {"rule": "2/4 of frames, listed", "sha256": "ab"},
    "prepared": {"proposals": "ab12"},
    "start": {"source": "a.pth", "fingerprint": "cd34"},
    "teacher": {"members": [{"model": "here", "fingerprint": "ef56"}, {"features": "there", "shape": [1, 2]}]},
    "samples": {"count": 8, "names": "ab"},
}  # fmt: skip

MAY = {
    "train.workers": 4,
    "train.log_every": 1,
    "train.checkpoint_every": 1,
    "train.keep": 5,
    "train.tensorboard": True,
    "data.root": "/mnt/KITTI",
    "data.prepared.proposals": "/mnt/proposals",
    "data.labelled_list": "/mnt/mine.txt",
    "start.source": "b.pth",
    "teacher.members.0.model": "elsewhere",
    "teacher.members.1.features": "elsewhere",
}
MAY_NOT = {
    "train.steps": 20,
    "train.learning_rate": 4e-4,
    "train.rate_factors.backbone": 0.2,
    "method.width": 32,
    "method.depth": [1, 3],
    "data.infos": "other/infos.pkl",
    "data.labels": "KITTI/labels",
    "data.prepared.proposals": None,
    "prepared.proposals": "ab13",
    "start.fingerprint": "cd35",
    "teacher.members.0.fingerprint": "ef57",
    "teacher.members.1.shape": [2, 2],
    "labels.rule": "2/4 of frames, selected",
    "labels.sha256": "ac",
    "samples.count": 9,
    "samples.names": "ac",
}


def changed(name: str, value: object) -> dict:
    run = json.loads(json.dumps(RUN))
    *way, last = name.split(".")
    place = run
    for step in way:
        place = place[int(step) if isinstance(place, list) else step]
    assert last in place
    place[last] = value
    return run


@pytest.mark.parametrize("name", MAY)
def test_what_may_change(tmp_path: Path, name: str) -> None:
    claim(tmp_path, RUN, Group())
    claim(tmp_path, changed(name, MAY[name]), Group())
    assert json.loads((tmp_path / "run.json").read_text()) == RUN


@pytest.mark.parametrize("name", MAY_NOT)
def test_what_may_not_is_named_with_both_values(tmp_path: Path, name: str) -> None:
    claim(tmp_path, RUN, Group())
    with pytest.raises(InputError) as caught:
        claim(tmp_path, changed(name, MAY_NOT[name]), Group())
    assert caught.value.field == name
    assert caught.value.found.startswith(f"{name}: ")
    assert caught.value.found.endswith(f" -> {json.dumps(MAY_NOT[name])}")


def test_several_are_named_at_once_and_new_or_old_ones_too(tmp_path: Path) -> None:
    claim(tmp_path, RUN, Group())
    other = changed("train.steps", 11)
    del other["start"], other["data"]["infos"]
    other["data"]["scans"] = 3
    with pytest.raises(InputError) as caught:
        claim(tmp_path, other, Group())
    names = ["train.steps", "data.infos", "start.source", "start.fingerprint", "data.scans"]
    assert caught.value.field.split(", ") == names
    assert "train.steps: 10 -> 11" in caught.value.found and "data.scans: absent -> 3" in caught.value.found


def test_a_setting_that_is_off_may_be_absent(tmp_path: Path) -> None:
    """Runs of versions that did not have it go on; where it is on, they do not."""
    claim(tmp_path, RUN, Group())
    later = json.loads(json.dumps(RUN))
    later["train"]["invented"] = None
    claim(tmp_path, later, Group())
    later["train"]["invented"] = 0
    with pytest.raises(InputError, match=r"train\.invented: absent -> 0"):
        claim(tmp_path, later, Group())


def test_what_lies_below_a_moved_folder_has_moved_with_it(tmp_path: Path) -> None:
    claim(tmp_path, RUN, Group())
    moved = changed("data.root", "/mnt/K")
    moved["data"]["infos"] = "/mnt/K/infos.pkl"
    claim(tmp_path, moved, Group())


def test_a_place_may_be_spelled_otherwise(tmp_path: Path) -> None:
    claim(tmp_path, changed("data.labels", "labels"), Group())
    claim(tmp_path, changed("data.labels", str(Path.cwd() / "labels")), Group())


def test_a_run_keeps_its_list_of_labels(tmp_path: Path) -> None:
    train(replace(CONFIG, steps=1), ToyConfig(), Half(), tmp_path / "half", show=False)
    kept = json.loads((tmp_path / "half" / "labels.json").read_text())
    assert kept["keys"] == ["toy/000001", "toy/000003"] and kept["sha256"] == Half.label_list.digest
    facts = json.loads((tmp_path / "half" / "model" / "config.json").read_text())["facts"]["labels"]
    assert facts == {name: value for name, value in kept.items() if name != "keys"}
    with pytest.raises(InputError, match=r"run\.json: labels\..*sha256"):
        train(replace(CONFIG, steps=1), ToyConfig(), OtherHalf(), tmp_path / "half", show=False)
    train(replace(CONFIG, steps=1), ToyConfig(), Plain(), tmp_path / "plain", show=False)
    assert not (tmp_path / "plain" / "labels.json").exists()
    assert "labels" not in json.loads((tmp_path / "plain" / "run.json").read_text())


class Half(Plain):
    label_list = LabelList(rule=LabelRule(how="listed", share="2/5"), keys=("toy/000001", "toy/000003"), of=5)


class OtherHalf(Plain):
    label_list = replace(Half.label_list, keys=("toy/000001", "toy/000002"))

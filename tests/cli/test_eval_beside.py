"""Instances and speeds of networks along rays: what they say themselves, and what follows from classes alone."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from tests.cli.test_score_beside import occ3d, openocc, root
from tests.engine.processes import finish, start
from tests.small_world import execute
from voxway.api.beside import KINDS, BesideMetric, carrying, standing, touching
from voxway.api.score import score_predictor
from voxway.api.stored import score_stored
from voxway.core.errors import InputError
from voxway.core.ray_result import RayResult
from voxway.core.sample import Batch, Prediction
from voxway.data.config import DataConfig
from voxway.data.nuscenes.benchmark import OCC3D_NUSCENES

__all__ = ["root"]


class Told(nn.Module):
    """Says of each frame what a file of predictions holds.

    Args:
        folder: of the files.
        array: what it says beside classes; None: nothing.
        change: what becomes of that.
    """

    def __init__(self, folder: Path, array: str | None, change: Callable = lambda said: said) -> None:
        super().__init__()
        self.folder, self.array, self.change = folder, array, change

    def forward(self, batch: Batch) -> Prediction:
        files = [np.load(next(self.folder.rglob(f"{key}/labels.npz"))) for key in batch.keys]
        classes = torch.from_numpy(np.stack([file["semantics"] for file in files])).long()
        logits = nn.functional.one_hot(classes, 18).movedim(-1, 1).float()
        if self.array is None:
            return Prediction(logits=logits)
        said = torch.from_numpy(np.stack([file[self.array] for file in files]))
        return Prediction(logits=logits, intermediates={self.array: self.change(said)})


def scored(network: nn.Module, data: DataConfig, metric: str) -> RayResult:
    """By the engine's own loop."""
    kind = KINDS[metric]

    def empty(samples):
        return BesideMetric(samples, kind)

    (result,) = score_predictor(carrying(network, kind), data, {}, metric=empty, show=False)
    return result


@pytest.mark.parametrize("metric", KINDS)
def test_what_a_network_says_is_scored_as_files_are(small_ring: Path, root: Path, metric: str) -> None:
    data = occ3d(small_ring, root) if metric == "panoptic" else openocc(small_ring, root)
    guesses = root / f"{'panoptic' if metric == 'panoptic' else 'openocc_v2'}_guesses"
    found = scored(Told(guesses, KINDS[metric].array), data, metric)
    (expected,) = score_stored(guesses, data, metric, show=False)
    assert isinstance(expected, RayResult)
    assert found.beside == pytest.approx(expected.beside, abs=1e-12) and found.protocol.samples == 3
    np.testing.assert_array_equal(found.tp, expected.tp)
    # Inputs apart, results of networks and of files may stand side by side.
    assert list(found.protocol.differences(expected.protocol)) == ["inputs"]
    assert found.notes.pop(f"{KINDS[metric].array}_predicted") == "the network's own"
    assert found.notes == pytest.approx(expected.notes)


def test_of_classes_alone_what_touches_is_one(small_ring: Path, root: Path, tmp_path: Path) -> None:
    data, things = occ3d(small_ring, root), OCC3D_NUSCENES.rays.things
    alone = scored(Told(root / "panoptic_guesses", None), data, "panoptic")
    assert alone.notes["instances_predicted"] == "voxels of a class that touch"
    for path in (root / "panoptic_guesses").rglob("labels.npz"):
        copy = tmp_path / path.parent.name / "labels.npz"
        copy.parent.mkdir()
        classes = np.load(path)["semantics"]
        np.savez(copy, semantics=classes, instances=touching(classes, things))
    (expected,) = score_stored(tmp_path, data, "panoptic", show=False)
    assert isinstance(expected, RayResult) and 0.1 < expected.beside["RayPQ"] < 1
    assert alone.beside == pytest.approx(expected.beside, abs=1e-12)


def test_of_classes_alone_everything_stands(small_ring: Path, root: Path) -> None:
    data = openocc(small_ring, root)
    alone, zero = (scored(Told(root / "openocc_v2", a, torch.zeros_like), data, "flow") for a in (None, "flow"))
    assert alone.beside == zero.beside and alone.notes["mAVE_in_m/s"] == zero.notes["mAVE_in_m/s"] > 0.1
    assert alone.notes["flow_predicted"] == "none: everything stands still"


def test_instances_by_hand() -> None:
    classes = np.zeros((6, 6, 2), np.uint8)
    classes[0, 0, 0] = classes[1, 1, 1] = 3  # by a corner
    classes[4, 4, 0] = 3
    classes[2, 2, 1] = 5  # beside another class
    numbers = touching(classes, (3, 5))
    assert numbers[0, 0, 0] == numbers[1, 1, 1] == 1 and numbers[4, 4, 0] == 2 and numbers[2, 2, 1] == 3
    assert (numbers > 0).sum() == 4 and not touching(classes, (7,)).any()
    assert not standing(classes, (3,)).any() and standing(classes, ()).shape == (6, 6, 2, 2)


@pytest.mark.parametrize(
    ("array", "change", "message"),
    [
        ("instances", lambda said: said[..., :3], r"prediction: instances: expected whole numbers of shape \(1, 200"),
        ("instances", lambda said: said.float(), "whole numbers"),
        ("flow", lambda said: said[..., :1], r"prediction: flow: expected finite numbers of shape .*16, 2\)"),
        ("flow", lambda said: said.float() / 0, "finite numbers"),
    ],
)
def test_what_a_network_says_wrongly_is_refused(
    small_ring: Path, root: Path, array: str, change: Callable, message: str
) -> None:
    data = occ3d(small_ring, root) if array == "instances" else openocc(small_ring, root)
    folder = root / ("panoptic" if array == "instances" else "openocc_v2")
    with pytest.raises(InputError, match=message):
        scored(Told(folder, array, change), data, "panoptic" if array == "instances" else "flow")


def test_the_command_scores_any_of_them(small_ring: Path, root: Path, tmp_path: Path, capsys) -> None:
    """The baseline, whose numbers two processes count the same, bit for bit."""
    where = ("eval", "baseline", "--root", small_ring, "--device", "cpu", "--split", "train")
    panoptic = ("--benchmark", "occ3d-nuscenes", "--metric", "panoptic", "--set", f"labels={root / 'panoptic'}")
    assert execute(*where, *panoptic, "--out", tmp_path / "panoptic.json") == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "RayPQ" in said and "instances predicted: voxels of a class that touch" in said
    result = RayResult.load(tmp_path / "panoptic.json")
    assert result.name == "most frequent" and result.protocol.beside == "instances: RayPQ"
    assert 0 < result.beside["RayPQ"] < 1 and result.protocol.origin_count > 0
    finish(start("voxway", *where, *panoptic, "--out", tmp_path / "two.json", processes=2))
    two = RayResult.load(tmp_path / "two.json")
    assert two.beside == result.beside and two.notes == result.notes
    flow = ("--benchmark", "openocc-nuscenes", "--metric", "flow", "--set", f"labels={root / 'openocc_v2'}")
    assert execute(*where, *flow, "--out", tmp_path / "flow.json") == 0
    assert RayResult.load(tmp_path / "flow.json").protocol.flow == "true positives at 2 m"
    assert execute(*where, "--benchmark", "occ3d-nuscenes", "--metric", "panoptic") == 2
    assert "an array 'instances'" in capsys.readouterr().err

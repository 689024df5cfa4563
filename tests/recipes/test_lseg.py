"""LSeg as a recipe's teacher, from a file with published names to what it says of a batch."""

from __future__ import annotations

import pytest
import torch

from tests.methods.tiny import sample_for
from voxway.core.errors import InputError
from voxway.core.sample import collate
from voxway.methods.vlscene.guidance import FEATURES, SCORES
from voxway.methods.vlscene.lseg.image import ImageTower
from voxway.methods.vlscene.lseg.names import NAMES
from voxway.methods.vlscene.lseg.network import LSeg
from voxway.methods.vlscene.lseg.text import TextTower
from voxway.methods.vlscene.lseg.words import tokens
from voxway.recipes.teachers import lseg
from voxway.recipes.teachers.lseg import LSegConfig

WORDS = ("road", "car", "vegetation")


@pytest.fixture
def weights(tmp_path, monkeypatch):
    """A file of a network with LSeg's names and a fraction of its size."""

    def small():
        image = ImageTower("vit_tiny_patch16_384", after=(2, 5, 8, 11), channels=(8, 8, 8, 8), width=8, features=16)
        return image, TextTower(width=16, layers=1, heads=2)

    torch.manual_seed(0)
    state = LSeg(*small(), tokens(WORDS)).state_dict()
    path = tmp_path / "small.ckpt"
    torch.save({"state_dict": {f"net.{name}": tensor for name, tensor in NAMES.to_published(state).items()}}, path)

    def empty():
        with torch.device("meta"):
            return small()

    monkeypatch.setattr(lseg, "empty_towers", empty)
    return path, state


def test_says_what_the_student_follows(weights):
    path, state = weights
    teacher = LSegConfig(weights=path, words=WORDS).build()
    for name, tensor in teacher.network.state_dict().items():
        assert torch.equal(tensor, state[name]), name
    batch = collate([sample_for("vlscene", 0), sample_for("vlscene", 1)])
    said = teacher.says(batch)
    assert said[FEATURES].shape == (2, 16, 6, 10) and said[SCORES].shape == (2, 3, 6, 10)
    assert said[SCORES].isfinite().all() and said[SCORES].abs().max() <= 1 / 0.07 + 1e-3
    assert teacher.facts()["words"] == list(WORDS) and not any(p.requires_grad for p in teacher.network.parameters())


@pytest.mark.parametrize("switch", ["crop", "colours"])
def test_switches_change_what_they_name(weights, switch):
    batch = collate([sample_for("vlscene", 0)])
    released, intended = (
        LSegConfig(weights=weights[0], words=WORDS, **{switch: form}).build().says(batch)
        for form in ("released", "intended")
    )
    assert not torch.equal(released[FEATURES], intended[FEATURES])
    assert torch.equal(released[SCORES], intended[SCORES]) == (switch == "crop")


def test_an_absent_file_is_named(tmp_path):
    with pytest.raises(InputError, match=r"demo_e200\.ckpt"):
        LSegConfig(weights=tmp_path / "demo_e200.ckpt").build()

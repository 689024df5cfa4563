"""The network that the package brings along: found by its name, whole or refused, and said to be missing if it is."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from bench.ship_box import ship
from tests.methods.tiny import TINY
from voxway import load
from voxway.api.doubt import UsualSureness
from voxway.api.start import start_weights
from voxway.core.config import to_json
from voxway.core.errors import InputError
from voxway.data.drives.config import DrivesConfig
from voxway.data.street import STREET
from voxway.engine import shipped
from voxway.engine.model_files import fingerprint, load_model, save_model
from voxway.methods.box import BoxConfig

SMALL = BoxConfig(
    task=STREET, backbone="mobilenetv3_small_050", norm="group", width=8, context=4, cell=8, widths=(8, 8), head_width=8
)


@pytest.fixture
def packed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package that brings a tiny network along, trained somewhere private."""
    monkeypatch.setattr(shipped, "FOLDER", tmp_path / "package")
    monkeypatch.setattr("voxway.api.load.FOLDER", tmp_path / "package")
    torch.manual_seed(0)
    data = DrivesConfig(root=Path("/home/me/secret"), image_px=(32, 64), camera_places=6)
    facts = {"dataset": "own", "data": to_json(data), "cameras": None, "ema": True, "steps": 3, "start": "/home/me"}
    save_model(tmp_path / "run", SMALL, SMALL.build().state_dict(), **facts)
    usual = {"pictures": {"middle": 0.7, "low": 0.5}}
    return ship(tmp_path / "run", folder=tmp_path / "package", sure=usual)


def test_it_is_loaded_by_its_name(packed: Path, tmp_path: Path) -> None:
    model = load("box")
    assert model.name == "box" and model.checkpoint == fingerprint(packed) and model.ema
    assert model.usual == {"pictures": UsualSureness(middle=0.7, low=0.5)}
    assert (model.task, model.cameras, model.image_px) == (STREET, None, (32, 64)) and model.data.camera_places is None
    original = load_model(tmp_path / "run").state_dict()
    for name, tensor in model.network.state_dict().items():
        torch.testing.assert_close(tensor, original[name], atol=1e-3, rtol=1e-3)
    assert "/home/me" not in (packed / "config.json").read_text(), "nobody's folders are packed"
    about = json.loads((packed / "about.json").read_text())
    assert (
        about["bytes"]
        == (packed / "model.safetensors").stat().st_size
        < 2 * 1.05 * sum(tensor.numel() for tensor in original.values())
    )


def test_training_starts_from_it(packed: Path) -> None:
    taken, said = start_weights(SMALL, Path("box"))
    assert len(taken) == len(SMALL.build().state_dict()) and "tensors fit" in said
    narrow = replace(SMALL, task=replace(STREET, classes=STREET.classes[:5], palette=(), foreground=(), evaluated=()))
    partly, _ = start_weights(narrow, Path("box"))
    assert 0 < len(partly) < len(taken), "another task takes all but the last layer"


def test_a_folder_of_that_name_goes_first(packed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert shipped.model_folder("box") == packed
    (tmp_path / "box").mkdir()
    assert shipped.model_folder("box") == Path("box")
    assert shipped.model_folder("other") == Path("other")


def test_what_is_refused(packed: Path) -> None:
    weights = packed / "model.safetensors"
    content = weights.read_bytes()
    weights.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    with pytest.raises(InputError, match=r"SHA-256: expected [0-9a-f]{64}, found [0-9a-f]{64}. Install the package"):
        load("box")
    weights.write_bytes(content)
    about = json.loads((packed / "about.json").read_text())
    (packed / "about.json").write_text(json.dumps({**about, "version": 99}))
    with pytest.raises(InputError, match="version: expected 1, found 99"):
        load("box")
    (packed / "about.json").unlink()
    with pytest.raises(InputError, match="box: weights: expected those that the package brings along, found none in"):
        load("box")


def test_too_large_a_network_is_not_packed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = TINY["box"]
    data = DrivesConfig(root=Path("drives"))
    facts = {"dataset": "own", "data": to_json(data)}
    save_model(tmp_path / "run", config, config.build().state_dict(), **facts)
    monkeypatch.setattr("bench.ship_box._MOST_BYTES", 1000)
    with pytest.raises(ValueError, match="more than 1,000"):
        ship(tmp_path / "run", folder=tmp_path / "package")

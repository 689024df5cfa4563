"""FlashOcc-R50 and the distilled student against the released code's tensors, from images to classes."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from tests.conftest import load_reference
from tests.parity.effocc_case import SIZE_PX, cameras, check_prediction, errors
from voxway.methods.effocc.names import from_published
from voxway.recipes.networks.effocc import FLASHOCC_R50, PUBLISHED, STUDENT_R50


@pytest.fixture(scope="module")
def reference(request):
    return load_reference(request.config, "effocc", "camera")


def watched(network, found):
    """Keep the encoder's and the head's stages by their published names."""
    for i, level in enumerate(network.encoder.levels):
        name = f"img_bev_encoder_backbone.{i}"
        level.register_forward_hook(lambda _m, _i, out, name=name: found.__setitem__(name, out))
    network.head.conv.register_forward_hook(
        lambda _m, _i, out: found.__setitem__("occ_head.final_conv", out.clone().relu())
    )


def loaded(reference, device, name, expected):
    config, state = from_published(reference.state(reference.manifest(f"manifest_{name}.json")), name, PUBLISHED)
    assert config == expected
    network = config.build().eval()
    network.load_state_dict(state)
    return network.to(device)


@pytest.fixture(scope="module")
def flashocc(reference, device):
    return loaded(reference, device, "flashocc_r50", FLASHOCC_R50)


@pytest.fixture(scope="module")
def chain(reference, device, flashocc):
    """Stages of FlashOcc."""
    found = {}
    camera = flashocc.camera
    camera.backbone.register_forward_hook(
        lambda _m, _i, out: found.update({f"img_backbone.{i}": level for i, level in enumerate(out)})
    )
    for module, name in ((camera.neck, "img_neck"), (camera.depth_net, "img_view_transformer.depth_net")):
        module.register_forward_hook(lambda _m, _i, out, name=name: found.__setitem__(name, out))
    watched(flashocc, found)
    with torch.no_grad():
        probabilities, context = camera.lift(reference.image((6, 3, *SIZE_PX))[None].to(device), None)
        found["img_view_transformer.1"] = probabilities[0]
        found["img_view_transformer.0"] = camera.splat(probabilities, context, cameras(reference).to(device), SIZE_PX)
        found["img_bev_encoder_neck"] = flashocc.encode([found["img_view_transformer.0"]])
        found["logits"] = flashocc.head(found["img_bev_encoder_neck"])
    return found


@pytest.fixture(scope="module")
def student_chain(reference, device, flashocc, chain):
    """Stages of the student, whose camera branch is that of FlashOcc: name for name the same tensors."""
    student = loaded(reference, device, "student_r50", STUDENT_R50)
    for name, tensor in student.camera.state_dict().items():
        assert torch.equal(tensor, flashocc.camera.state_dict()[name]), name
    found = {}
    watched(student, found)
    with torch.no_grad():
        found["img_bev_encoder_neck"] = student.encode([chain["img_view_transformer.0"]])
        found["logits"] = student.head(found["img_bev_encoder_neck"])
    return found


IMAGE_STAGES = ["img_backbone.0", "img_backbone.1", "img_neck", "img_view_transformer.depth_net"]
MAP_STAGES = [*(f"img_bev_encoder_backbone.{i}" for i in range(3)), "img_bev_encoder_neck", "occ_head.final_conv"]


@pytest.mark.parametrize("stage", [*IMAGE_STAGES, "img_view_transformer.1"])
def test_image_stage(reference, chain, close, stage):
    close(f"flashocc_r50, {stage}", errors(reference, f"flashocc_r50.{stage}", chain[stage]), 5e-5)


def test_map(reference, chain, close):
    """A frustum point on the border of a cell may fall to either side."""
    error = errors(reference, "flashocc_r50.img_view_transformer.0", chain["img_view_transformer.0"])
    assert (error <= close.factor * 1e-4).mean() >= 0.998


@pytest.mark.parametrize("stage", MAP_STAGES)
@pytest.mark.parametrize("model", ["flashocc_r50", "student_r50"])
def test_map_stage(request, reference, close, model, stage):
    found = request.getfixturevalue("chain" if model == "flashocc_r50" else "student_chain")
    error = errors(reference, f"{model}.{stage}", found[stage])
    close(f"{model}, {stage}", error, 1e-3)
    assert np.quantile(error, 0.998) <= close.factor * 1e-4


@pytest.mark.parametrize("model", ["flashocc_r50", "student_r50"])
def test_prediction(request, reference, close, model):
    logits = request.getfixturevalue("chain" if model == "flashocc_r50" else "student_chain")["logits"]
    check_prediction(reference, model, logits, close)
    spread = float(reference[f"{model}.logits_spatial_std"])
    assert float(logits[0].std((1, 2)).mean()) == pytest.approx(spread, rel=0.02)

"""LSeg, VLScene's vision-language teacher, against the released pipeline's tensors."""

from __future__ import annotations

import pytest
import torch

from tests.conftest import load_reference
from tests.parity.vlscene_case import SIZE_PX, compare
from voxway.core.errors import InputError
from voxway.methods.vlscene.lseg.image import ImageTower
from voxway.methods.vlscene.lseg.names import from_published
from voxway.methods.vlscene.lseg.network import LSeg
from voxway.methods.vlscene.lseg.text import TextTower
from voxway.methods.vlscene.lseg.words import OUTDOOR, tokens

PREFIX = "clip_net.vlseg_encoder."


@pytest.fixture(scope="module")
def reference(request):
    return load_reference(request.config, "vlscene")


def on_meta():
    with torch.device("meta"):
        return LSeg(ImageTower(), TextTower(), tokens(list(OUTDOOR)))


@pytest.fixture(scope="module")
def shapes(reference):
    return reference.manifest("manifest_teacher.json")


def test_names(shapes):
    """Every published name has its place, or is known to do nothing; both prefixes are understood."""
    with torch.device("meta"):
        published = {name: torch.empty(shape) for name, shape in shapes.items()}
    ours = on_meta().state_dict()
    found = from_published(published, ours, "case")
    assert found.keys() == ours.keys() and sum(t.numel() for t in found.values()) == 405_086_734
    own = {"net." + name.removeprefix(PREFIX): tensor for name, tensor in published.items()}
    assert from_published(own, ours, "case").keys() == ours.keys()
    with pytest.raises(InputError, match=r"unknown names: .*1: scratch\.head2\.weight"):
        from_published({**own, "net.scratch.head2.weight": torch.empty(1)}, ours, "case")


def test_words(reference):
    assert (tokens(list(OUTDOOR)).numpy() == reference["teacher.tokens"]).all()
    with pytest.raises(InputError, match="zebra crossing"):
        tokens(["road", "zebra crossing"])


@pytest.fixture(scope="module")
def stages(reference, shapes, device):
    network, found = on_meta(), {}
    published = from_published(
        {n: _seeded(reference, n, s) for n, s in shapes.items() if ".visual." not in n}, network.state_dict(), "case"
    )
    network.load_state_dict(published, assign=True)
    for name in ("image_mean", "image_std"):
        setattr(network, name, torch.zeros(3, 1, 1))
    network.words = tokens(list(OUTDOOR))
    network = network.eval().to(device)
    tower, image = network.image.tower, network.image
    tower.register_forward_hook(lambda _m, _i, out: found.update({f"vit_hook{i + 1}": x for i, x in enumerate(out)}))
    image.join[3].register_forward_hook(lambda _m, _i, out: found.update({"refinenet4": out}))
    image.head.register_forward_hook(lambda _m, _i, out: found.update({"head1": out}))
    with torch.no_grad():
        found["vl_feat"], found["seg_logits"] = network.look(reference.image((3, *SIZE_PX))[None].to(device))
        found["text_feat"] = network.text(network.words)
    return found


def _seeded(reference, name, shape):
    return torch.from_numpy(reference.seeded_tensor(name, shape, reference.salt).reshape(shape))


@pytest.mark.parametrize(
    "stage",
    [*(f"vit_hook{i}" for i in range(1, 5)), "refinenet4", "head1", "text_feat", "vl_feat", "seg_logits"],
)
def test_stage(reference, stages, close, stage):
    compare(reference, f"teacher.{stage}", stages[stage], close)

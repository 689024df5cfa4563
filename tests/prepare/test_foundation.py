"""Foundation networks: what each of the three says, from tiny ones with random weights, and what is refused."""

from __future__ import annotations

import shutil
import socket
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from tests.prepare.tiny_models import CITYSCAPES, save_detector, save_mask_model, save_segmenter
from voxway.core.errors import InputError
from voxway.prepare.box_masks import BoxMasks
from voxway.prepare.foundation import Foundation
from voxway.prepare.phrases import Phrases, phrase_numbers, phrase_scores
from voxway.prepare.pixel_classes import PixelClasses, class_scores

pytest.importorskip("transformers")
PHRASES = ("tree trunk", "traffic cone", "concrete barrier", "barrier")


def foundation(folder: Path, **settings: object) -> Foundation:
    return Foundation(model=str(folder), what="network", purpose="tests", **settings)  # ty: ignore


def pictures(count: int, height: int, width: int) -> torch.Tensor:
    """Patches of different colours."""
    coarse = torch.randint(0, 256, (count, 3, 4, 6), generator=torch.Generator().manual_seed(count * height))
    return torch.nn.functional.interpolate(coarse.float(), (height, width)).to(torch.uint8)


@pytest.fixture(scope="module")
def segmenters(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("segmenters")
    return {kind: save_segmenter(folder / kind, kind) for kind in ("mask2former", "maskformer", "oneformer")}


@pytest.fixture(scope="module")
def detector(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_detector(tmp_path_factory.mktemp("detector"))


@pytest.fixture
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("something was to be fetched")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)


@pytest.mark.usefixtures("no_network")
@pytest.mark.parametrize("kind", ["mask2former", "maskformer", "oneformer"])
def test_segmenters_say_class_and_probability(kind: str, segmenters: dict[str, Path]) -> None:
    """A picture alone or with others, again or for the first time: the same."""
    network = PixelClasses(foundation(segmenters[kind]))
    assert network.names == CITYSCAPES
    images = pictures(2, 61, 150)
    ids, probability = network(images)
    assert ids.shape == probability.shape == (2, 61, 150)
    assert ids.min() >= 0 and ids.max() < 19 and (probability >= 0).all() and (probability <= 1).all()
    again, as_probable = network(images)
    assert torch.equal(ids, again) and torch.equal(probability, as_probable)
    alone, _ = network(images[1:])
    assert (alone[0] == ids[1]).float().mean() > 0.999


def test_classes_are_those_of_the_librarys_own_step(segmenters: dict[str, Path]) -> None:
    """By OneFormer's step: that of the others goes through 384 x 384 pixels, whatever a picture's size."""
    generator = torch.Generator().manual_seed(0)
    classes, masks = torch.randn(6, 20, generator=generator), torch.randn(6, 16, 40, generator=generator)
    ids, _ = stub(segmenters["mask2former"], classes, 4 * masks, torch.ones(64, 160))(pictures(1, 61, 150))
    said = SimpleNamespace(class_queries_logits=classes[None], masks_queries_logits=4 * masks[None])
    step = PixelClasses(foundation(segmenters["oneformer"]))._processor.post_process_semantic_segmentation
    (theirs,) = step(said, [(61, 150)])
    assert torch.equal(ids[0], theirs) and len(ids.unique()) > 2


def test_scores_by_hand() -> None:
    """Two queries, the second says nothing; half of the first's pixel is its own."""
    classes = torch.tensor([[[0.0, torch.log(torch.tensor(3.0)), -torch.inf], [-torch.inf, -torch.inf, 0.0]]])
    masks = torch.tensor([[[[0.0, torch.inf]], [[torch.inf, torch.inf]]]])
    torch.testing.assert_close(class_scores(classes, masks), torch.tensor([[[[0.125, 0.25]], [[0.375, 0.75]]]]))


def stub(segmenter: Path, classes: torch.Tensor, masks: torch.Tensor, pixel_mask: torch.Tensor) -> PixelClasses:
    """A segmenter that says this of whatever it sees."""

    class Inputs(dict):
        def to(self, _: object) -> Inputs:
            return self

    network = PixelClasses(foundation(segmenter))
    network.__dict__["_processor"] = lambda **_: Inputs(pixel_mask=pixel_mask[None])
    said = SimpleNamespace(class_queries_logits=classes[None], masks_queries_logits=masks[None])
    network.__dict__["_network"] = lambda **_: said
    return network


def test_what_adds_up_to_more_than_one_is_scaled(segmenters: dict[str, Path]) -> None:
    """Two sure queries of unlike class on every pixel leave half of the probability to each."""
    classes = torch.full((2, 20), -30.0)
    classes[0, 3], classes[1, 5] = 30, 30
    masks = torch.stack([torch.full((4, 6), 20.0), torch.full((4, 6), 20.0)])
    _, probability = stub(segmenters["mask2former"], classes, masks, torch.ones(8, 12))(pictures(1, 8, 12))
    torch.testing.assert_close(probability, torch.full((1, 8, 12), 0.5))
    masks[1] = -20
    ids, probability = stub(segmenters["mask2former"], classes, masks, torch.ones(8, 12))(pictures(1, 8, 12))
    assert (ids == 3).all() and (probability > 0.99).all()
    masks[0] = -2
    _, probability = stub(segmenters["mask2former"], classes, masks, torch.ones(8, 12))(pictures(1, 8, 12))
    assert (probability < 0.2).all(), "what no query claims stays improbable"


def test_padding_is_cut_off(segmenters: dict[str, Path]) -> None:
    """The picture fills the left half of what the network sees; its right half is of another class there."""
    classes = torch.full((2, 20), -30.0)
    classes[0, 3], classes[1, 5] = 30, 30
    left = torch.full((8, 16), -20.0)
    left[:, :4] = 20
    masks, real = torch.stack([left, -left]), torch.zeros(32, 64)
    real[:, :32] = 1
    ids, _ = stub(segmenters["mask2former"], classes, masks, real)(pictures(1, 20, 40))
    assert (ids[0, :, :19] == 3).all() and (ids[0, :, 21:] == 5).all()


def test_words_of_a_prompt_know_their_phrase() -> None:
    cls, sep, stop = 101, 102, 9
    tokens = [cls, 1, 2, stop, 3, stop, 4, 5, 6, stop, sep]
    assert phrase_numbers(tokens, stop, {cls, sep}).tolist() == [-1, 0, 0, -1, 1, -1, 2, 2, 2, -1, -1]


def test_a_part_of_a_phrase_counts_for_it() -> None:
    """Of "concrete barrier. barrier." a box that answers to the first "barrier" alone is one of the first phrase."""
    numbers = torch.tensor([-1, 0, 0, -1, 1, -1, -1])
    probs = torch.tensor([[0.9, 0.1, 0.6, 0.9, 0.5, 0.9, 0.9, 1.0], [0.0, 0.1, 0.2, 0.0, 0.5, 0.0, 0.0, 0.0]])
    torch.testing.assert_close(phrase_scores(probs, numbers, 2), torch.tensor([[0.6, 0.5], [0.2, 0.5]]))


def test_thresholds_of_boxes(detector: Path) -> None:
    finder = Phrases(foundation(detector), PHRASES, 0.35, 0.25)
    corners = torch.tensor([[0.0, 0, 4, 4]] * 4 + [[3.0, 3, 3, 9]])
    probs = torch.zeros(5, 64)
    probs[0, 2] = 0.36  # "trunk": sure enough
    probs[1, 9 - 1] = 0.34  # "concrete": no box
    probs[2, 0], probs[2, 10] = 0.9, 0.24  # sure of the start of the prompt, of no phrase
    probs[3, 0], probs[3, 10] = 0.9, 0.26  # sure enough of the second "barrier"
    probs[4, 2] = 0.9  # without extent
    found = finder._kept(probs, corners)
    assert [PHRASES[i] for i in found.phrases.tolist()] == ["tree trunk", "barrier"]
    torch.testing.assert_close(found.scores, torch.tensor([0.36, 0.9]))
    assert len(finder._kept(probs * 0, corners)) == 0


@pytest.mark.usefixtures("no_network")
def test_boxes_are_those_of_the_librarys_own_step(detector: Path) -> None:
    finder, images = Phrases(foundation(detector), PHRASES, 0.01, 0.0), pictures(2, 61, 150)
    found = finder(images)
    inputs = finder._processor(images=list(images), text=[finder.prompt] * 2, return_tensors="pt")
    with torch.no_grad():
        said = finder._network(**inputs)
    theirs = finder._processor.post_process_grounded_object_detection(
        said, inputs["input_ids"], 0.01, 0.0, [(61, 150)] * 2
    )
    limits = torch.tensor([150.0, 61, 150, 61])
    for own, other in zip(found, theirs):
        assert len(own) > 0
        torch.testing.assert_close(own.scores, other["scores"])
        torch.testing.assert_close(own.corners, other["boxes"].clamp(min=torch.zeros(4), max=limits))


@pytest.mark.usefixtures("no_network")
@pytest.mark.parametrize("kind", ["sam2", "sam2_video"])
def test_a_mask_for_each_box(kind: str, tmp_path: Path) -> None:
    network, (image,) = BoxMasks(foundation(save_mask_model(tmp_path / "m", kind))), pictures(1, 61, 150)
    boxes = torch.tensor([[5.0, 5, 60, 40]] * 20) + torch.arange(20)[:, None] * torch.tensor([2.0, 0, 2, 1])
    masks = network(image, boxes)
    assert masks.shape == (20, 61, 150) and masks.dtype == torch.bool and 0 < masks.float().mean() < 1
    assert torch.equal(masks, network(image, boxes))
    (one,) = network(image, boxes[17:18])
    assert (one == masks[17]).float().mean() > 0.999, "boxes that are asked for together do not matter to each other"
    assert network(image, torch.zeros(0, 4)).shape == (0, 61, 150)


def test_folders_of_others_are_refused(segmenters: dict[str, Path], detector: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"network of universal segmentation \(maskformer.*found grounding-dino"):
        PixelClasses(foundation(detector))
    with pytest.raises(InputError, match=r"what text says .* found mask2former"):
        Phrases(foundation(segmenters["mask2former"]), PHRASES, 0.35, 0.25)
    with pytest.raises(InputError, match=r"what boxes hold .* found mask2former"):
        BoxMasks(foundation(segmenters["mask2former"]))
    with pytest.raises(
        InputError, match=r"expected a folder with config\.json, found none\. Name a model's folder, or hf:"
    ):
        foundation(tmp_path / "nothing")
    (tmp_path / "config.json").write_text('{"model_type": "no such"}')
    with pytest.raises(InputError, match=rf"{tmp_path}: network: expected the configuration"):
        _ = foundation(tmp_path).config
    with pytest.raises(InputError, match="expected float32 on the CPU, or a GPU for bfloat16"):
        foundation(detector, precision="bfloat16")


def test_weights_that_matter_must_be_there(segmenters: dict[str, Path], tmp_path: Path) -> None:
    """The library would fill in random numbers, with no more than a warning. What no output depends on may be missing,
    as from files that other releases of it wrote."""
    from safetensors.torch import load_file, save_file

    folder, images = Path(shutil.copytree(segmenters["mask2former"], tmp_path / "m")), pictures(1, 61, 150)
    ids, probability = PixelClasses(foundation(folder))(images)
    weights = load_file(folder / "model.safetensors")
    unused = [name for name in weights if name.endswith("swin.layernorm.weight")]
    needed = "class_predictor.weight"
    for names in ((*unused,), (needed,)):
        left = {name: tensor for name, tensor in weights.items() if name not in names}
        save_file(left, folder / "model.safetensors", metadata={"format": "pt"})
        network = PixelClasses(foundation(folder))
        if needed not in names:
            found = network(images)
            assert torch.equal(found[0], ids) and torch.equal(found[1], probability)
            continue
        with pytest.raises(
            InputError, match=r"expected numbers, found NaN, as its files lack 1 .* class_predictor\.we"
        ):
            network(images)
    assert unused


def test_damaged_folders_are_refused(segmenters: dict[str, Path], tmp_path: Path) -> None:
    folder = Path(shutil.copytree(segmenters["mask2former"], tmp_path / "m"))
    expected = rf"{folder}: network: expected a network of universal segmentation"
    (folder / "model.safetensors").write_bytes(b"cut short")
    with pytest.raises(InputError, match=expected):
        PixelClasses(foundation(folder))(pictures(1, 61, 150))
    for name in ("model.safetensors", "preprocessor_config.json"):
        (folder / name).unlink()
        with pytest.raises(InputError, match=expected):
            PixelClasses(foundation(folder))(pictures(1, 61, 150))


def test_prompts_that_do_not_fit(detector: Path) -> None:
    with pytest.raises(InputError, match="expected a prompt of at most 64 tokens, found 122"):
        Phrases(foundation(detector), ["tree trunk"] * 40, 0.35, 0.25)
    with pytest.raises(InputError, match="keeps 2 phrases apart by full stops, found 1"):
        Phrases(foundation(detector), ["tree trunk", "[SEP]"], 0.35, 0.25)


def test_fingerprints_tell_weights_apart(segmenters: dict[str, Path], tmp_path: Path) -> None:
    moved = Path(shutil.copytree(segmenters["oneformer"], tmp_path / "moved"))
    assert foundation(moved).fingerprint == foundation(segmenters["oneformer"]).fingerprint
    (moved / "model.safetensors").write_bytes(b"other")
    assert foundation(moved).fingerprint != foundation(segmenters["oneformer"]).fingerprint
    assert Foundation(model="hf:owner/name", what="network", purpose="tests").fingerprint == "hf:owner/name"


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")
@pytest.mark.parametrize("precision", ["float32", "bfloat16", "float16"])
def test_on_a_gpu(precision: str, segmenters: dict[str, Path], detector: Path, tmp_path: Path) -> None:
    images, place = pictures(2, 61, 150), {"device": "cuda", "precision": precision}
    _, sure = PixelClasses(foundation(segmenters["mask2former"]))(images)
    _, probability = PixelClasses(foundation(segmenters["mask2former"], **place))(images)
    assert probability.device.type == "cpu"
    torch.testing.assert_close(probability, sure, rtol=0, atol=1e-3 if precision == "float32" else 0.1)
    found = Phrases(foundation(detector, **place), PHRASES, 0.0, 0.0)(images)
    masks = BoxMasks(foundation(save_mask_model(tmp_path / "m"), **place))(images[0], found[0].corners)
    assert masks.shape == (len(found[0]), 61, 150)

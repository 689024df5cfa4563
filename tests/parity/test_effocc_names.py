"""Published names of all eight EFFOcc networks, both ways, with their parameter counts."""

from __future__ import annotations

import pytest
import torch

from tests.conftest import load_reference
from tests.small_world import execute
from voxway.core.errors import InputError
from voxway.engine.model_files import load_model, load_tensors
from voxway.methods.effocc.names import from_published, teacher_state, to_published
from voxway.recipes.networks import effocc
from voxway.recipes.networks.effocc import PUBLISHED

NETWORKS = {
    "teacher": (effocc.FUSION_R18, 21_354_248),
    "fusion_r50": (effocc.FUSION_R50, 34_029_832),
    "fusion_swinb": (effocc.FUSION_SWIN_B, 111_480_320),
    "openoccupancy_r18": (effocc.OPENOCCUPANCY_R18, 21_551_603),
    "waymo_r18": (effocc.WAYMO_R18, 21_337_832),
    "waymo_lidar": (effocc.WAYMO_LIDAR, 8_713_936),
    "flashocc_r50": (effocc.FLASHOCC_R50, 44_744_312),
    "student_r50": (effocc.STUDENT_R50, 59_099_512),
}


@pytest.fixture(scope="module")
def reference(request):
    return load_reference(request.config, "effocc")


def published(reference, name):
    """Tensors that differ from one another, cheaper than the case's own."""
    shapes = reference.manifest(f"manifest_{name}.json")
    return {key: torch.full(shape, float(i)) for i, (key, shape) in enumerate(shapes.items())}


@pytest.mark.parametrize("name", NETWORKS)
def test_there_and_back(reference, name):
    config, parameters = NETWORKS[name]
    given = published(reference, name)
    found, state = from_published(given, name, PUBLISHED)
    assert found == config
    with torch.device("meta"):
        network = config.build()
    assert sum(p.numel() for p in network.parameters()) == parameters
    assert set(state) == set(network.state_dict())
    back = to_published(config, state, PUBLISHED)
    assert {n: t.shape for n, t in back.items()} == {n: t.shape for n, t in given.items()}
    derived = {n for n in given if n.endswith("relative_position_index")}
    assert all(torch.equal(back[n], given[n]) for n in given if n not in derived)
    assert all(back[n].max() == 23 * 23 - 1 for n in derived) and bool(derived) == (name == "fusion_swinb")


def test_both_layouts_of_sparse_weights(reference):
    shapes = reference.manifest()
    new = reference.state(shapes)
    sparse = [n for n in new if new[n].dim() == 5]
    old = new | {n: new[n].permute(1, 2, 3, 4, 0).contiguous() for n in sparse}
    (_, one), (_, other) = (
        from_published(new, "spconv 2", PUBLISHED),
        from_published(old, "spconv 1", PUBLISHED),
    )
    assert len(sparse) == 21 and all(torch.equal(one[n], other[n]) for n in one)
    name = "pts_middle_encoder.conv_input.0.weight"
    assert torch.equal(one["lidar.stem.weight"][0, 1, 2], new[name][:, 0, 1, 2].T)


def test_student_file_with_its_teacher(reference):
    student, teacher = published(reference, "student_r50"), published(reference, "teacher")
    file = student | {f"teacher_model.{n}": t for n, t in teacher.items()}
    config, state = from_published(file, "student.pth", PUBLISHED)
    assert config == effocc.STUDENT_R50 and set(to_published(config, state, PUBLISHED)) == set(student)
    inside = teacher_state(file)
    assert from_published(inside, "teacher", PUBLISHED)[0] == effocc.FUSION_R18
    assert all(torch.equal(inside[n], t) for n, t in teacher.items()) and not teacher_state(student)


def test_averaged_file_through_the_command_line(reference, tmp_path, capsys):
    """As the released averages are saved, with a teacher's tensor added."""
    given = published(reference, "waymo_lidar")
    content = {"epoch": 24, "state_dict": given | {"teacher_model.occ_head.x": torch.zeros(1)}, "updates": 10_560}
    torch.save(content, tmp_path / "epoch_24_ema.pth")
    assert execute("convert", "effocc", tmp_path / "epoch_24_ema.pth", "--out", tmp_path / "model") == 0
    said = capsys.readouterr().out
    assert "216 converted, 0 that no output depends on" in said and "1 of the frozen teacher" in said
    assert load_model(tmp_path / "model").config == effocc.WAYMO_LIDAR
    path = tmp_path / "again.safetensors"
    assert execute("convert", "effocc", tmp_path / "model", "--out", path, "--to-published") == 0
    again = load_tensors(path)
    assert again.keys() == given.keys() and all(torch.equal(again[n], given[n]) for n in given)


def test_what_is_refused(reference):
    given = published(reference, "waymo_lidar")
    with pytest.raises(InputError, match=r"as every EFFOcc file has"):
        from_published({"backbone.weight": torch.zeros(1)}, "other.pth", PUBLISHED)
    with pytest.raises(InputError, match=r"unknown names: expected none .* 1: surplus.weight"):
        from_published(given | {"surplus.weight": torch.zeros(1)}, "file.pth", PUBLISHED)
    head = "occ_head.predicter.2.weight"
    with pytest.raises(InputError, match=r"288, 256, 680 rows .* found 7"):
        from_published(given | {head: torch.zeros(7, 512)}, "file.pth", PUBLISHED)
    with pytest.raises(InputError, match=r"missing parameters.*lidar.stem.weight"):
        from_published({n: t for n, t in given.items() if "conv_input.0" not in n}, "file.pth", PUBLISHED)

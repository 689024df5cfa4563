"""Every recipe is complete: its data has what its method reads, and published numbers are where they belong."""

from __future__ import annotations

from dataclasses import fields, replace
from pathlib import Path

import pytest

from voxway.api.train import train
from voxway.core.config import from_json, override, to_json
from voxway.core.errors import InputError
from voxway.data.registry import config_name, config_type
from voxway.engine.teaching.network import NetworkTeacherConfig
from voxway.methods import registry
from voxway.recipes import RECIPES, recipe
from voxway.recipes.effocc import EFFOCC_RECIPES, SHARES
from voxway.recipes.monoocc import TABLE_II
from voxway.recipes.networks.effocc import STUDENT_R50
from voxway.recipes.recipe import Recipe, StagedRecipe

ROOT = Path("somewhere")


def stages_of(name):
    """The recipe, or the stages of one that has several."""
    chosen = recipe(name, ROOT)
    return [chosen] if isinstance(chosen, Recipe) else list(chosen.stages.values())


@pytest.mark.parametrize(
    ("name", "stage"), [(name, i) for name in sorted(RECIPES) for i in range(len(stages_of(name)))]
)
def test_is_complete(name, stage):
    chosen = stages_of(name)[stage]
    assert registry.config_name(chosen.method) in registry.names() and chosen.data.root == ROOT
    kind = config_type(config_name(chosen.data))
    assert from_json(kind, to_json(chosen.data), name) == chosen.data
    method = chosen.method
    if "pretrained" in {f.name for f in fields(method)}:
        method = replace(method, pretrained=False)
    if "world" in name or name.startswith("qpn"):
        network = method.build()
        assert network.inputs | network.targets <= chosen.data.needs


@pytest.mark.parametrize("percent", SHARES)
def test_teacher_and_student_draw_the_same_scenes(percent):
    teacher, student = (recipe(f"effocc-{name}-{percent}", ROOT) for name in ("fusion-r18", "student-r50"))
    assert (
        teacher.data.labelled == student.data.labelled == {5: 35, 10: 70, 20: 140, 40: 280, 60: 420, 80: 560}[percent]
    )
    assert teacher.data.only_labelled and not student.data.only_labelled
    assert student.taught and student.data.augment == teacher.data.augment
    assert replace(student.method, pretrained=False) == STUDENT_R50


def test_published_schedules():
    fusion = recipe("effocc-fusion-r18", ROOT).train
    epoch = round(28130 / 64)
    assert (fusion.steps, fusion.batch, fusion.micro_batch, fusion.learning_rate) == (48 * epoch, 64, 8, 4e-4)
    assert fusion.schedule.factor(0, fusion.steps) == pytest.approx(1e-3)
    assert [fusion.schedule.factor(step, fusion.steps) for step in (200, 24 * epoch - 1)] == [1, 1]
    assert fusion.schedule.factor(24 * epoch, fusion.steps) == pytest.approx(0.1)
    assert (fusion.average_decay, fusion.average_start, fusion.clip_norm) == (0.999, 10_560, 5.0)
    few = recipe("effocc-fusion-r18-5", ROOT).train
    assert (few.steps, few.learning_rate) == (24 * round(0.05 * 28130 / 64), 1e-4)
    fifth = recipe("effocc-waymo-r18-fifth", ROOT)
    assert fifth.data.every == 5 and fifth.train.steps == 8 * round(158_081 / 5 / 16)


def test_ablation_rows_switch_the_parts_of_the_paper():
    for row, (semantics, teacher, attention) in TABLE_II.items():
        chosen = recipe(f"monoocc-s-table-2-row-{row}", ROOT)
        assert chosen.method.semantics_2d == semantics == ("semantics_2d" in chosen.data.needs)
        assert chosen.taught == teacher and bool(chosen.method.image_layers) == attention


def test_teachers_see_what_students_do_not():
    teacher, student = recipe("monoocc-teacher", ROOT), recipe("monoocc-s", ROOT)
    assert teacher.method.frames == 5 and len(teacher.data.earlier) == 4 and "pose" in teacher.data.needs
    assert student.method.frames == 1 and not student.data.earlier


def test_a_student_alone_is_refused(tmp_path):
    for name in ("effocc-student-r50", "monoocc-s-table-2-row-9"):
        with pytest.raises(InputError, match="teacher: expected the folder of a trained network"):
            train(recipe(name, ROOT), tmp_path, name, show=False)


def test_an_unknown_recipe_is_answered_with_the_nearest():
    with pytest.raises(InputError, match="effocc-fusion-r18"):
        recipe("effoc-fusion-r18", ROOT)
    assert set(EFFOCC_RECIPES) <= set(RECIPES)


def test_a_recipes_teacher_is_a_setting():
    student = recipe("monoocc-world-student", ROOT)
    taught = override(student, "teacher", '{"kind": "network", "model": "runs/teacher/model"}')
    assert taught.teacher == NetworkTeacherConfig(model=Path("runs/teacher/model"))
    assert override(taught, "teacher.mode", "train").teacher.mode == "train"
    assert override(taught, "teacher", "null").teacher is None
    assert to_json(taught)["teacher"]["kind"] == "network"
    with pytest.raises(InputError, match=r"one of network, stored, recorded, average, together, or null, found 'x'"):
        override(student, "teacher", "x")
    with pytest.raises(InputError, match="teacher: expected something that has fields, found none") as caught:
        override(student, "teacher.mode", "train")
    assert """teacher='{"kind": "network", ...}'""" in caught.value.remedy


def test_class_counts_need_a_method_that_takes_them(tmp_path):
    with pytest.raises(InputError, match="class_counts: expected comparable, as MonoOccConfig takes"):
        train(replace(recipe("monoocc-world", ROOT), class_counts="labelled"), tmp_path, "own", show=False)


@pytest.mark.parametrize("name", ["box-world", "box-world-small"])
def test_the_box_learns_depths_first(name):
    chosen = recipe(name, ROOT)
    assert isinstance(chosen, StagedRecipe) and tuple(chosen.stages) == ("camera", "all")
    camera, whole = chosen.stages.values()
    assert (camera.method.stage, whole.method.stage) == ("camera", "all")
    assert camera.method.pretrained == (name == "box-world") and not whole.method.pretrained
    assert replace(camera.method, stage="all", pretrained=False) == whole.method

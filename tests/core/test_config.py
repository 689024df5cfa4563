"""Configurations: to JSON and back, one of several kinds, mappings, and settings from the command line."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar, Protocol

import pytest

from voxway.core.config import from_json, override, override_all, to_json
from voxway.core.errors import InputError


@dataclass(frozen=True, kw_only=True)
class Circle:
    kind: ClassVar[str] = "circle"
    radius: float = 1.0


@dataclass(frozen=True, kw_only=True)
class Square:
    side: float = 2.0


class Shape(Protocol):
    """Shapes of a user's own."""

    def area(self) -> float: ...


@dataclass(frozen=True, kw_only=True)
class Drawing:
    shape: Circle | Square | Shape | None = None
    more: tuple[Circle | Square, ...] = ()
    circle: Circle | None = None
    by_name: Mapping[str, Circle | Square] = field(default_factory=dict)
    factors: Mapping[str, float] = field(default_factory=dict)
    places: Mapping[str, Path] = field(default_factory=dict)
    width: int | str = 3


def back(drawing):
    return from_json(Drawing, json.loads(json.dumps(to_json(drawing))), "drawing.json")


def test_one_of_several_dataclasses_is_told_by_its_kind():
    drawing = Drawing(shape=Square(side=3.0), more=(Circle(), Square()), circle=Circle(radius=2.0))
    written = to_json(drawing)
    assert written["shape"] == {"kind": "Square", "side": 3.0}
    assert written["more"] == [{"kind": "circle", "radius": 1.0}, {"kind": "Square", "side": 2.0}]
    assert written["circle"] == {"radius": 2.0}
    assert back(drawing) == drawing
    assert back(Drawing()) == Drawing()


def test_an_unknown_kind_is_answered_with_the_list():
    for shape, found in (({"kind": "circel"}, "'circel'"), ({"radius": 2.0}, "'None'")):
        with pytest.raises(InputError, match=rf"shape.json: kind: name: expected one of circle, Square, found {found}"):
            from_json(Drawing, {"shape": shape}, "shape.json")
    with pytest.raises(InputError, match="field of Circle: name: expected one of radius"):
        from_json(Drawing, {"shape": {"kind": "circle", "side": 2.0}}, "shape.json")


def test_mappings():
    drawing = Drawing(factors={"a.b": 0.5}, places={"x": Path("y")}, by_name={"c": Circle()})
    assert to_json(drawing)["by_name"] == {"c": {"kind": "circle", "radius": 1.0}}
    assert back(drawing) == drawing
    with pytest.raises(InputError, match="drawing: a: value: expected float, found 'x'"):
        from_json(Drawing, {"factors": {"a": "x"}}, "drawing")
    with pytest.raises(InputError, match=r"expected .*Mapping"):
        from_json(Drawing, {"factors": [1.0]}, "drawing")


def test_unions_of_plain_types():
    assert override(Drawing(), "width", "wide").width == "wide" and override(Drawing(), "width", "4").width == 4
    with pytest.raises(InputError, match=r"setting width: value: expected int, or str, found 1\.5"):
        override(Drawing(), "width", "1.5")


def test_a_name_below_a_mapping_sets_that_key():
    drawing = override_all(Drawing(factors={"head": 2.0}), {"factors.backbone": "0.1", "factors.camera.neck": "3"})
    assert drawing.factors == {"head": 2.0, "backbone": 0.1, "camera.neck": 3.0}
    assert override(drawing, "factors", '{"a": 1}').factors == {"a": 1.0}
    assert override(Drawing(), "places.pseudo", "some/folder").places == {"pseudo": Path("some/folder")}
    assert override(Drawing(), "by_name.c", '{"kind": "circle"}').by_name == {"c": Circle()}
    with pytest.raises(InputError, match=r"setting factors\.backbone: value: expected float, found 'x'"):
        override(Drawing(), "factors.backbone", "x")


def test_a_choice_of_dataclasses_is_set_as_a_whole_or_field_by_field():
    drawing = override(Drawing(), "shape", '{"kind": "Square", "side": 4}')
    assert drawing.shape == Square(side=4.0)
    assert override(drawing, "shape.side", "5").shape == Square(side=5.0)
    assert override(drawing, "shape", "null").shape is None
    assert override(drawing, "shape", '{"kind": "circle"}').shape == Circle()
    both = override_all(Drawing(), {"shape": '{"kind": "circle"}', "shape.radius": "7"})
    assert both.shape == Circle(radius=7.0)


def test_settings_that_cannot_be():
    with pytest.raises(InputError, match='setting shape: value: expected named fields with "kind", one of circle, Sq'):
        override(Drawing(), "shape", "x")
    with pytest.raises(InputError, match="shape: expected something that has fields, found none") as caught:
        override(Drawing(), "shape.side", "3")
    assert """shape='{"kind": "circle", ...}' (kinds: circle, Square)""" in caught.value.remedy
    with pytest.raises(InputError, match="circle: expected something that has fields, found none"):
        override(Drawing(), "circle.radius", "3")
    with pytest.raises(InputError, match=r"expected one of its fields: circle\.radius, found x"):
        override(Drawing(circle=Circle()), "circle", "x")
    with pytest.raises(InputError, match="expected a field with fields of its own, found 3"):
        override(Drawing(), "width.x", "3")


def test_whole_numbers_without_an_end_are_refused():
    with pytest.raises(InputError, match="expected float, found 1000"):
        from_json(Circle, {"radius": 10**400}, "config.json")


def test_an_empty_text_is_seen_in_an_error():
    error = InputError(file="a", field="b", expected="c", found="", remedy="d")
    assert error.found == "''" and "found ''." in str(error)

"""Methods of one's own: registered, found by name and by configuration, exported and converted if they can be."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from tests.methods.tiny import TASK, TINY
from voxway.core.errors import InputError
from voxway.core.task import Task
from voxway.methods import registry
from voxway.methods.contract import Exporter, Published
from voxway.methods.registry import Entry


@dataclass(frozen=True, kw_only=True)
class OwnConfig:
    """A configuration from outside the package."""

    task: Task = TASK

    def build(self):
        """Nothing that runs."""
        raise NotImplementedError


@pytest.fixture(autouse=True)
def listed(monkeypatch):
    """The package's own methods and no other, whatever other tests registered."""
    own = {name: entry for name, entry in registry.METHODS._known.items() if isinstance(entry.config, str)}
    monkeypatch.setattr(registry.METHODS, "_known", own)


@pytest.fixture
def own():
    registry.register("own", Entry(config=OwnConfig))


def test_listed_methods_have_all_their_parts():
    assert [name for name in registry.names() if registry.entry(name).names is None] == [
        "box",
        "occle",
    ]  # nothing published
    for name in set(registry.names()) - {"box", "occle"}:
        names, variants = registry.published(name)
        assert isinstance(names, Published) and variants
        assert all(type(variant) is registry.config_type(name) for variant in variants)
    for name in ("box", "effocc", "monoocc", "vlscene"):
        assert isinstance(registry.exporter(name), Exporter)


def test_a_method_of_ones_own(own):
    assert "own" in registry.names() and registry.config_type("own") is OwnConfig
    assert registry.config_name(OwnConfig()) == "own"
    registry.register("own", Entry(config=OwnConfig))  # once more is no harm
    with pytest.raises(InputError, match="one that no other method has, found own"):
        registry.register("own", Entry(config=type(TINY["qpn"])))
    with pytest.raises(InputError, match="found qpn"):
        registry.register("qpn", Entry(config=OwnConfig))
    with pytest.raises(InputError, match=r"can be exported: box, effocc, monoocc, vlscene, found own"):
        registry.exporter("own")
    with pytest.raises(InputError, match=r"published names are known: effocc, monoocc, qpn, vlscene, found none"):
        registry.published("own")


def test_unknown_names_and_configurations():
    with pytest.raises(
        InputError, match=r"expected one of box, effocc, monoocc, occle, qpn, vlscene, found 'monooc'.*'monoocc'"
    ):
        registry.entry("monooc")
    with pytest.raises(InputError, match=r"OwnConfig: method: expected .* found neither.*register"):
        registry.config_name(OwnConfig())

"""Which methods there are. A new one is its folder and one entry here; a user's own is registered from outside."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from voxway.core.errors import InputError
from voxway.core.registry import Registry, loaded

if TYPE_CHECKING:  # the command line asks for names, and must not wait for torch
    from voxway.methods.contract import Buildable, Exporter, MethodConfig, Published


@dataclass(frozen=True, kw_only=True)
class Entry:
    """Where a method's parts live. Each is ``"module:name"``, imported when it is asked for, or the thing itself."""

    config: str | type[Buildable]
    """Class of its configuration."""
    names: str | Published | None = None
    """Module that reads and writes its published checkpoints."""
    variants: str | Sequence[MethodConfig] = ()
    """Configurations of its published networks, by which a checkpoint is recognised."""
    exporter: str | Exporter | None = None
    """Makes graphs for ONNX files."""


METHODS: Registry[Entry] = Registry(
    "method",
    {
        "box": Entry(config="voxway.methods.box:BoxConfig", exporter="voxway.methods.box.export:graph"),
        "effocc": Entry(
            config="voxway.methods.effocc:EffOccConfig",
            names="voxway.methods.effocc.names",
            variants="voxway.recipes.networks.effocc:PUBLISHED",
            exporter="voxway.methods.effocc.export:graph",
        ),
        "monoocc": Entry(
            config="voxway.methods.monoocc:MonoOccConfig",
            names="voxway.methods.monoocc.names",
            variants="voxway.recipes.networks.monoocc:PUBLISHED",
            exporter="voxway.methods.monoocc.export:graph",
        ),
        "occle": Entry(config="voxway.methods.occle:OccLEConfig"),
        "qpn": Entry(
            config="voxway.methods.qpn:QPNConfig",
            names="voxway.methods.qpn.names",
            variants="voxway.recipes.networks.qpn:PUBLISHED",
        ),
        "vlscene": Entry(
            config="voxway.methods.vlscene:VLSceneConfig",
            names="voxway.methods.vlscene.names",
            variants="voxway.recipes.networks.vlscene:PUBLISHED",
            exporter="voxway.methods.vlscene.export:graph",
        ),
    },
    how="voxway.methods.registry.register('name', Entry(config=...))",
)


def register(name: str, entry: Entry) -> None:
    """Make a method of one's own known to this process: it then trains, saves, loads and exports like the listed ones.

    Raises:
        InputError: another method has that name.
    """
    METHODS.add(name, entry)


def names() -> tuple[str, ...]:
    """Names of all methods."""
    return METHODS.names()


def entry(name: str) -> Entry:
    """The entry of a method.

    Raises:
        InputError: no method has that name; lists those that there are.
    """
    return METHODS.entry(name)


def config_type(name: str) -> type[Buildable]:
    """The configuration class of a method.

    Raises:
        InputError: no method has that name.
    """
    return loaded(entry(name).config)


def config_name(config: Buildable) -> str:
    """The name under which a configuration's class is listed or registered.

    Raises:
        InputError: it is neither.
    """
    return METHODS.name_of(config, config_type)


def published(name: str) -> tuple[Published, Sequence[MethodConfig]]:
    """What reads and writes a method's published checkpoints, and the configurations of its published networks.

    Raises:
        InputError: no method has that name, or nothing is published of it that could be read.
    """
    found = entry(name)
    if found.names is None:
        known = ", ".join(other for other in names() if entry(other).names is not None)
        raise InputError(
            file=f"method {name}",
            field="published checkpoints",
            expected=f"a method whose published names are known: {known}",
            found="none",
            remedy="Give its entry in the registry a module of names.",
        )
    return loaded(found.names), loaded(found.variants)


def exporter(name: str) -> Exporter:
    """What makes graphs of a method's networks.

    Raises:
        InputError: no method has that name, or it has no exporter; lists those that have one.
    """
    found = entry(name)
    if found.exporter is None:
        known = ", ".join(other for other in names() if entry(other).exporter is not None)
        raise InputError(
            file="export",
            field="method",
            expected=f"one whose networks can be exported: {known}",
            found=name,
            remedy="Train or convert one of those, or run this network in PyTorch.",
        )
    return loaded(found.exporter)


def from_nothing(config: MethodConfig) -> MethodConfig:
    """The configuration without the download of weights that the first training starts from, where it asks for one.

    A method says so by a field ``pretrained``, true or false.
    """
    asks = "pretrained" in config.__dataclass_fields__
    return replace(config, pretrained=False) if asks else config

"""Turn a published checkpoint into a voxway network, or a network of ours into a file for the published code.

Every published name is accounted for: live ones are renamed, those that the published network never uses are listed.

examples:
  voxway convert monoocc MonoOcc-S.pth --out models/monoocc-s
  voxway convert monoocc models/monoocc-s --out MonoOcc-S.safetensors --to-published
  voxway convert qpn qpn_mIoU_6140_epoch_12.pth --out models/qpn
  voxway convert effocc epoch_42_ema.pth --out models/effocc-r18
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import tyro

from voxway.cli.options import Out
from voxway.methods import registry

_METHODS = registry.names()


@dataclass(frozen=True, kw_only=True)
class Options:
    """Convert a checkpoint."""

    method: tyro.conf.Positional[Literal[_METHODS]]  # ty: ignore[invalid-type-form]  # known when this is imported
    """Whose checkpoint it is."""
    source: tyro.conf.Positional[Path]
    """Published file (.pth, .safetensors), or a folder of ours with --to-published."""
    out: Out
    """Folder to write, or file with --to-published."""
    to_published: bool = False
    """The other way round."""


def run(options: Options) -> None:
    """Convert and say what was dropped."""
    from voxway.core.config import from_json
    from voxway.core.errors import InputError
    from voxway.engine.model_files import (
        CONFIG,
        WEIGHTS,
        load_tensors,
        read_description,
        read_published,
        require_finite,
        save_model,
        save_tensors,
    )
    from voxway.methods.contract import MethodConfig

    names, variants = registry.published(options.method)
    if options.to_published:
        description = read_description(options.source)
        found = description["method"]
        if found != options.method:
            raise InputError(
                file=options.source,
                field="method",
                expected=options.method,
                found=found,
                remedy=f"Write `voxway convert {found}`, or name another folder.",
            )
        config = from_json(registry.config_type(found), description["config"], options.source / CONFIG)
        assert isinstance(config, MethodConfig)
        state = load_tensors(options.source / WEIGHTS)
        require_finite(state, options.source / WEIGHTS)
        published = names.to_published(config, state, variants)
        save_tensors(options.out, published)
        print(f"{len(published)} tensors under published names: {options.out}")
        return
    published = read_published(options.source)
    config, state = names.from_published(published, options.source, variants)
    require_finite(state, options.source)
    save_model(options.out, config, state, converted_from=options.source.name)
    dead = sorted(set(names.name_map(config).dead) & set(published))
    print(f"{len(published)} published tensors: {len(state)} converted, {len(dead)} that no output depends on:")
    print("\n".join(f"  {name}" for name in dead))
    if taught := len(published) - len(state) - len(dead):
        print(f"{taught} of the frozen teacher that a student's file holds, left out")
    print(f"network: {options.out}")

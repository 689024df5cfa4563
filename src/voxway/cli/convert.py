"""Turn a published MonoOcc-S checkpoint into a voxway network, or a network of ours into a file for the published code.

Every published name is accounted for: live ones are renamed, those that the published network never uses are listed.

examples:
  voxway convert monoocc MonoOcc-S.pth --out models/monoocc-s
  voxway convert monoocc models/monoocc-s --out MonoOcc-S.safetensors --to-published
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import tyro

from voxway.cli.options import Out


@dataclass(frozen=True, kw_only=True)
class Options:
    """Convert a checkpoint."""

    method: tyro.conf.Positional[Literal["monoocc"]]
    """Whose checkpoint it is."""
    source: tyro.conf.Positional[Path]
    """Published file (.pth, .safetensors), or a folder of ours with --to-published."""
    out: Out
    """Folder to write, or file with --to-published."""
    to_published: bool = False
    """The other way round."""


def run(options: Options) -> None:
    """Convert and say what was dropped."""
    from voxway.engine.model_files import (
        WEIGHTS,
        load_tensors,
        read_description,
        read_published,
        save_model,
        save_tensors,
    )
    from voxway.methods.monoocc.names import from_published, name_map, to_published

    if options.to_published:
        read_description(options.source)
        published = to_published(load_tensors(options.source / WEIGHTS))
        save_tensors(options.out, published)
        print(f"{len(published)} tensors under published names: {options.out}")
        return
    published = read_published(options.source)
    config, state = from_published(published, options.source)
    save_model(options.out, config, state, converted_from=options.source.name)
    dead = sorted(set(name_map(config).dead) & set(published))
    print(f"{len(published)} published tensors: {len(state)} converted, {len(dead)} that no output depends on:")
    print("\n".join(f"  {name}" for name in dead))
    print(f"network: {options.out}")

"""Name maps: parameter names of a published checkpoint to ours and back, with every name accounted for."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from voxway.core.errors import InputError


@dataclass(frozen=True, kw_only=True)
class Rename:
    """One row of a name map: a published name and ours, with ``{}`` for parts that both share.

    Attributes:
        published: e.g. ``"encoder.layers.{}.norms.0.{}"``.
        ours: e.g. ``"layers.{}.attention_norm.{}"``.
        rows: if not None, the published tensor has this many rows, of which only the first is used; ours is that row.
    """

    published: str
    ours: str
    rows: int | None = None


@dataclass(frozen=True, kw_only=True)
class NameMap:
    """The table of one method: live parameters, and those that the published network holds but never uses.

    Attributes:
        renames: live parameters.
        dead: published names that are dropped on purpose, with their shapes.
    """

    renames: tuple[Rename, ...]
    dead: Mapping[str, tuple[int, ...]]

    def to_ours(self, published: Mapping[str, Tensor], ours: Mapping[str, Tensor], source: object) -> dict[str, Tensor]:
        """Our state from a published one, strictly.

        Args:
            published: tensors by published name.
            ours: a state of our network, for names and shapes.
            source: the file, for errors.

        Raises:
            InputError: a name that the table does not know, a wrong shape, or a parameter of ours that stays unfilled.
        """
        found: dict[str, Tensor] = {}
        unknown = []
        for name, tensor in published.items():
            if name in self.dead:
                continue
            target, row = self._translate(name, to_ours=True)
            if row is None or target not in ours:
                unknown.append(name)
            else:
                found[target] = tensor if row.rows is None else tensor[0]
        differing = [
            f"{name} {tuple(tensor.shape)} instead of {tuple(ours[name].shape)}"
            for name, tensor in found.items()
            if tensor.shape != ours[name].shape
        ]
        missing = [name for name in ours if name not in found]
        for field, names in (("unknown names", unknown), ("shapes", differing), ("missing parameters", missing)):
            if names:
                raise InputError(
                    file=source,
                    field=field,
                    expected="none that differ from the published network",
                    found=f"{len(names)}: {', '.join(names[:4])}{' ...' if len(names) > 4 else ''}",
                    remedy="Check that the file belongs to this method and variant.",
                )
        return found

    def fitting(self, published: Mapping[str, Tensor], ours: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """What fits our network out of a checkpoint of another one: known names of the right shape, by our name.

        Args:
            published: tensors by published name.
            ours: a state of our network, for names and shapes.
        """
        found = {}
        for name, tensor in published.items():
            target, row = self._translate(name, to_ours=True)
            if row is not None and row.rows is not None:
                tensor = tensor[0]
            if row is not None and target in ours and tensor.shape == ours[target].shape:
                found[target] = tensor
        return found

    def to_published(self, ours: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """A published state from ours; dead parameters, and rows that are never read, are zero."""
        published = {name: torch.zeros(shape) for name, shape in self.dead.items()}
        for name, tensor in ours.items():
            target, row = self._translate(name, to_ours=False)
            if row is None:
                raise KeyError(f"our parameter {name} has no row in the name map")
            if row.rows is not None:
                padded = tensor.new_zeros(row.rows, *tensor.shape)
                padded[0] = tensor
                tensor = padded
            published[target] = tensor
        return published

    def _translate(self, name: str, to_ours: bool) -> tuple[str, Rename | None]:
        for row in self.renames:
            source, target = (row.published, row.ours) if to_ours else (row.ours, row.published)
            match = re.fullmatch(re.escape(source).replace(r"\{\}", "(.+?)"), name)
            if match:
                return target.format(*match.groups()), row
        return name, None

"""Published parameter names of the QPN and ours, both ways, and the published parameters that do nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import torch
from torch import Tensor

from voxway.core.errors import InputError
from voxway.core.names import NameMap, Rename
from voxway.methods.contract import MethodConfig
from voxway.methods.qpn.model import QPNConfig
from voxway.methods.shared.published import check_readable, not_a_checkpoint, of_type

_FIRST = "Encoder_block1.0.weight"
_HEADS = ("seg_head_1_2", "seg_head_1_4", "seg_head_1_8")


def _encoder(block: int) -> tuple[Rename, Rename]:
    first = block > 0  # beyond the first block, pooling takes place 0
    published = f"Encoder_block{block + 1}"
    return (
        Rename(published=f"{published}.{0 + first}.{{}}", ours=f"encoder.{block}.first.{{}}"),
        Rename(published=f"{published}.{2 + first}.{{}}", ours=f"encoder.{block}.second.{{}}"),
    )


def _head(level: int) -> tuple[Rename, ...]:
    rows = (
        ("conv0.{}", "lift.{}"),
        ("conv1.{}.{}", "branches.{}.first.{}"),
        ("bn1.{}.{}", "branches.{}.first_norm.{}"),
        ("conv2.{}.{}", "branches.{}.second.{}"),
        ("bn2.{}.{}", "branches.{}.second_norm.{}"),
        ("conv_classes.{}", "classify.{}"),
    )
    return tuple(Rename(published=f"{_HEADS[level]}.{theirs}", ours=f"heads.{level}.{ours}") for theirs, ours in rows)


NAMES = NameMap(
    renames=(
        *(row for block in range(4) for row in _encoder(block)),
        Rename(published="conv_out_scale_1_8.{}", ours="output_eighth.{}"),
        Rename(published="deconv1_8.{}", ours="eighth_to_quarter.{}"),
        Rename(published="deconv_1_8__1_2.{}", ours="eighth_to_half.{}"),
        Rename(published="conv1_4.{}", ours="merge_quarter.{}"),
        Rename(published="conv_out_scale_1_4.{}", ours="output_quarter.{}"),
        Rename(published="deconv1_4.{}", ours="quarter_to_half.{}"),
        Rename(published="conv1_2.{}", ours="merge_half.{}"),
        Rename(published="conv_out_scale_1_2.{}", ours="output_half.{}"),
        *(row for level in range(3) for row in _head(level)),
    ),
    # LMSCNet's upsampling to the full grid, which this network does not predict.
    dead={
        "deconv_1_8__1_1.weight": (4, 4, 8, 8),
        "deconv_1_8__1_1.bias": (4,),
        "deconv_1_4__1_1.weight": (8, 8, 4, 4),
        "deconv_1_4__1_1.bias": (8,),
    },
)


_TRAINING = frozenset({"level_weights", "occupied_weight"})
"""Fields that matter in training alone. There are as many heads as level weights; a file tells how many it has."""


def name_map(config: MethodConfig) -> NameMap:
    """The table, which is the same for every configuration."""
    return NAMES


def from_published(
    published: Mapping[str, Tensor], source: object, variants: Sequence[MethodConfig]
) -> tuple[QPNConfig, dict[str, Tensor]]:
    """Configuration and state of our network from a published QPN file.

    VoxFormer's file has the head at half resolution alone; it makes a network with one head.

    Raises:
        InputError: the file is not a QPN checkpoint, or one of a grid of another height.
    """
    if _FIRST not in published:
        raise not_a_checkpoint(published, source, _FIRST, "QPN")
    known = {config.task.grid.shape[2]: config for config in reversed(of_type(variants, QPNConfig))}
    heights = published[_FIRST].shape[1]
    if heights not in known:
        raise InputError(
            file=source,
            field=_FIRST,
            expected=f"{', '.join(map(str, known))} input channels, the heights of a published network's grid",
            found=heights,
            remedy="Check that the network was trained on such a grid.",
        )
    config = known[heights]
    heads = sum(any(name.startswith(f"{head}.") for name in published) for head in _HEADS)
    config = replace(config, level_weights=config.level_weights[: max(heads, 1)])
    with torch.device("meta"):
        ours = config.build().state_dict()
    return config, NAMES.to_ours(published, ours, source)


def to_published(
    config: MethodConfig, state: Mapping[str, Tensor], variants: Sequence[MethodConfig]
) -> dict[str, Tensor]:
    """A QPN state under its published names, for use with the published code.

    Raises:
        InputError: no published network has these sizes; says what differs.
    """
    published = NAMES.to_published(state)
    check_readable(from_published, config, published, variants, _TRAINING)
    return published

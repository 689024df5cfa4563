"""Published parameter names of VLScene and ours, both ways, and those that do nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import torch
from torch import Tensor

from voxway.core.names import NameMap, Rename
from voxway.methods.contract import MethodConfig
from voxway.methods.shared.published import check_readable, not_a_checkpoint, of_type
from voxway.methods.vlscene.config import VLSceneConfig
from voxway.ops.bev_pool import frustum

_VIEW = "img_view_transformer"
_STEREO = f"{_VIEW}.stereo_volume_net"
_MUTUAL = f"{_VIEW}.volume_interaction"
_SPARSE, _HEAD = "sparse_unet", "pts_bbox_head"
_SCORES = f"{_HEAD}.ssc_header.mlp_head.1.weight"
_TEACHER = "clip_net."
_PUBLISHED_PX = (384, 1280)
Pairs = tuple[tuple[str, str], ...]


def _rows(published: str, ours: str, pairs: Pairs) -> tuple[Rename, ...]:
    return tuple(Rename(published=f"{published}.{theirs}", ours=f"{ours}.{mine}") for theirs, mine in pairs)


_BLOCK: Pairs = (
    ("token_mixer.0.conv.{}", "token_mixer.conv.{}"),
    ("token_mixer.0.conv1.{}", "token_mixer.conv1.{}"),
    ("token_mixer.0.bn.{}", "token_mixer.bn.{}"),
    ("token_mixer.1.{}", "se.{}"),
    ("channel_mixer.m.0.{}", "channel_mixer.conv1.{}"),
    ("channel_mixer.m.2.{}", "channel_mixer.conv2.{}"),
)
_HALVING: Pairs = (
    ("token_mixer.0.{}", "spatial_downsample.{}"),
    ("token_mixer.2.{}", "channel_downsample.{}"),
    ("channel_mixer.m.0.{}", "ffn.conv1.{}"),
    ("channel_mixer.m.2.{}", "ffn.conv2.{}"),
)
_BLOCKS = (6, 6, 34, 2)
"""Blocks of RepViT-M2.3's stages as timm counts them: it gives the last block of a stage to the halving after it, so
that its stages end where the published network reads its features."""


def _backbone() -> tuple[Rename, ...]:
    published, ours = "img_backbone.features", "backbone.network"
    rows = [
        Rename(published=f"{published}.0.0.{{}}", ours=f"{ours}.stem.conv1.{{}}"),
        Rename(published=f"{published}.0.2.{{}}", ours=f"{ours}.stem.conv2.{{}}"),
    ]
    number = 1
    for stage, count in enumerate(_BLOCKS):
        if stage:
            rows += _rows(f"{published}.{number}", f"{ours}.stages_{stage}.downsample.pre_block", _BLOCK)
            rows += _rows(f"{published}.{number + 1}", f"{ours}.stages_{stage}.downsample", _HALVING)
            number += 2
        for block in range(count):
            rows += _rows(f"{published}.{number + block}", f"{ours}.stages_{stage}.blocks.{block}", _BLOCK)
        number += count
    return tuple(rows)


def _gate(published: str, which: str, ours: str) -> tuple[Rename, ...]:
    return (
        Rename(published=f"{published}.{which}_mlp.fc1.{{}}", ours=f"{ours}.describe.0.{{}}"),
        Rename(published=f"{published}.{which}_mlp.fc2.{{}}", ours=f"{ours}.describe.2.{{}}"),
        Rename(published=f"{published}.{which}_se.conv_reduce.{{}}", ours=f"{ours}.gate.0.{{}}"),
        Rename(published=f"{published}.{which}_se.conv_expand.{{}}", ours=f"{ours}.gate.2.{{}}"),
    )


_RESIDUAL: Pairs = (
    ("conv1.{}", "first.{}"),
    ("bn1.{}", "first_norm.{}"),
    ("conv2.{}", "second.{}"),
    ("bn2.{}", "second_norm.{}"),
)
_PYRAMID: Pairs = (
    *(
        row
        for branch in range(4)
        for row in (
            (f"aspp{branch + 1}.atrous_conv.{{}}", f"branches.{branch}.0.{{}}"),
            (f"aspp{branch + 1}.bn.{{}}", f"branches.{branch}.1.{{}}"),
        )
    ),
    ("global_avg_pool.1.{}", "whole.0.{}"),
    ("global_avg_pool.2.{}", "whole.1.{}"),
    ("conv1.{}", "mix.0.{}"),
    ("bn1.{}", "mix.1.{}"),
)
_HOURGLASS: Pairs = (
    ("conv1.0.{}", "halve.{}"),
    ("conv2.0.{}", "at_half.{}"),
    ("conv3.0.{}", "quarter.{}"),
    ("conv4.0.{}", "at_quarter.{}"),
    ("conv5.0.{}", "to_half.conv.{}"),
    ("conv5.1.{}", "to_half.norm.{}"),
    ("conv6.0.{}", "to_whole.conv.{}"),
    ("conv6.1.{}", "to_whole.norm.{}"),
    ("redir1.{}", "keep_whole.{}"),
    ("redir2.{}", "keep_half.{}"),
)
_ATTENTION: Pairs = (
    ("gamma", "gamma"),
    ("query_conv.{}", "query.{}"),
    ("key_conv.{}", "key.{}"),
    ("value_conv.{}", "value.{}"),
)
_DEPTH = (
    *_rows(
        f"{_VIEW}.depth_net",
        "depth_net",
        (("bn.{}", "camera_norm.{}"), ("reduce_conv.{}", "reduce.{}"), ("context_conv.{}", "context.{}")),
    ),
    *_gate(f"{_VIEW}.depth_net", "context", "depth_net.context_gate"),
    *_gate(f"{_VIEW}.depth_net", "depth", "depth_net.depth_gate"),
    *(row for i in range(3) for row in _rows(f"{_VIEW}.depth_net.depth_conv.{i}", f"depth_net.depth.{i}", _RESIDUAL)),
    *_rows(f"{_VIEW}.depth_net.depth_conv.3", "depth_net.depth.3", _PYRAMID),
    *_rows(
        f"{_VIEW}.depth_net.depth_conv",
        "depth_net.depth",
        (("4.conv_offset.{}", "4.offsets.{}"), ("4.weight", "4.weight"), ("5.{}", "5.{}")),
    ),
)
_PAIR = (
    Rename(published=f"{_STEREO}.feature_withcam.reduce_conv.{{}}", ours="stereo.reduce.{}"),
    *_gate(f"{_STEREO}.feature_withcam", "depth", "stereo.gate"),
    Rename(published=f"{_STEREO}.feature_withcam.depth_conv.0.{{}}", ours="stereo.features.{}"),
    Rename(published=f"{_STEREO}.dres0.{{}}", ours="stereo.first.{}"),
    Rename(published=f"{_STEREO}.dres1.{{}}", ours="stereo.second.{}"),
    *(row for i in range(3) for row in _rows(f"{_STEREO}.dres{i + 2}", f"stereo.hourglasses.{i}", _HOURGLASS)),
    Rename(published=f"{_STEREO}.classif3_1.{{}}", ours="stereo.last.{}"),
    Rename(published=f"{_STEREO}.classif3_2.0.{{}}", ours="stereo.score.{}"),
)
_INTERACTION = (
    *_rows(f"{_MUTUAL}.lss2stereo", "interaction.mono_to_stereo", _ATTENTION),
    *_rows(f"{_MUTUAL}.stereo2lss", "interaction.stereo_to_mono", _ATTENTION),
    Rename(published=f"{_MUTUAL}.redir1.{{}}", ours="interaction.join.{}"),
    Rename(published=f"{_MUTUAL}.redir2.{{}}", ours="interaction.score.{}"),
    *_rows(f"{_MUTUAL}.dres1", "interaction.hourglass", _HOURGLASS),
    *_rows(
        f"{_MUTUAL}.CA3D",
        "interaction.attention",
        (("alpha", "alpha"), ("fn.conv1.{}", "enter.{}"), ("fn.conv2.{}", "gate.{}"), ("fn.conv.{}", "leave.{}")),
    ),
)
_GUIDANCE = (
    Rename(published=f"{_VIEW}.clip_fusion.{{}}", ours="guidance.enrich.{}"),
    *_rows(
        f"{_VIEW}.img_clip_fusion",
        "guidance.fuse",
        (
            ("adapter_sem.{}", "semantic.{}"),
            ("adapter_img.{}", "own.{}"),
            ("attention_sem.1.{}", "semantic_gate.{}"),
            ("attention_img.1.{}", "own_gate.{}"),
        ),
    ),
    *(row for i in range(2) for row in _rows(f"{_VIEW}.img_seg_head.{i}", f"guidance.words.{i}", _RESIDUAL)),
    Rename(published=f"{_VIEW}.img_seg_head.2.{{}}", ours="guidance.words.2.{}"),
)
_TWO_PATHS: Pairs = (
    ("conv1.weight", "paths.0.0.weight"),
    ("bn0.{}", "paths.0.0.norm.{}"),
    ("conv1_2.weight", "paths.0.1.weight"),
    ("bn0_2.{}", "paths.0.1.norm.{}"),
    ("conv2.weight", "paths.1.0.weight"),
    ("bn1.{}", "paths.1.0.norm.{}"),
    ("conv3.weight", "paths.1.1.weight"),
    ("bn2.{}", "paths.1.1.norm.{}"),
)
_RISE: Pairs = (
    ("trans_dilao.weight", "enter.weight"),
    ("trans_bn.{}", "enter.norm.{}"),
    ("up_subm.weight", "up"),
    *(
        row
        for i in range(3)
        for row in ((f"conv{i + 1}.weight", f"layers.{i}.weight"), (f"bn{i + 1}.{{}}", f"layers.{i}.norm.{{}}"))
    ),
)
_RECON: Pairs = tuple(
    row
    for i, suffix in enumerate(("", "_2", "_3"))
    for row in ((f"conv1{suffix}.weight", f"weights.{i}"), (f"bn0{suffix}.{{}}", f"norms.{i}.{{}}"))
)
_AWARENESS = (
    Rename(published=f"{_SPARSE}.pre_conv.0.{{}}", ours="awareness.propagate.reduce.{}"),
    Rename(published=f"{_SPARSE}.pre_conv.2.conv1.{{}}", ours="awareness.propagate.spread.{}"),
    Rename(published=f"{_SPARSE}.pre_conv.2.conv3.{{}}", ours="awareness.propagate.smooth.{}"),
    *_rows(f"{_SPARSE}.downCntx", "awareness.interact.enter", _TWO_PATHS),
    *_rows(f"{_SPARSE}.resBlock2", "awareness.interact.fine", _TWO_PATHS),
    *_rows(f"{_SPARSE}.resBlock3", "awareness.interact.coarse", _TWO_PATHS),
    Rename(published=f"{_SPARSE}.resBlock2.pool.weight", ours="awareness.interact.halve"),
    Rename(published=f"{_SPARSE}.resBlock3.pool.weight", ours="awareness.interact.quarter"),
    *_rows(f"{_SPARSE}.upBlock2", "awareness.interact.to_coarse", _RISE),
    *_rows(f"{_SPARSE}.upBlock3", "awareness.interact.to_fine", _RISE),
    *_rows(f"{_SPARSE}.ReconNet", "awareness.interact.gate", _RECON),
)
_TRUNK = (
    Rename(published=f"{_HEAD}.occ_convs.0.0.{{}}", ours="trunk.conv.{}"),
    Rename(published=f"{_HEAD}.occ_convs.0.1.{{}}", ours="trunk.norm.{}"),
    *_rows(
        f"{_HEAD}.sdb",
        "trunk.diffuse",
        (
            ("conv_in.{}", "enter.{}"),
            ("diffusion.{}.conv_mx.{}", "blocks.{}.weights.{}"),
            ("diffusion.{}.conv_kx1x1.{}", "blocks.{}.axes.0.{}"),
            ("diffusion.{}.conv_1xkx1.{}", "blocks.{}.axes.1.{}"),
            ("diffusion.{}.conv_1x1xk.{}", "blocks.{}.axes.2.{}"),
            ("aspp.reduce.{}", "dilated.reduce.{}"),
            ("aspp.fusion.{}", "dilated.mix.{}"),
            *((f"aspp.aspp_{dilation}.{{}}", f"dilated.branches.{i}.{{}}") for i, dilation in enumerate((1, 2, 4))),
        ),
    ),
    Rename(published=f"{_HEAD}.ssc_header.mlp_head.0.{{}}", ours="head.norm.{}"),
    Rename(published=f"{_HEAD}.ssc_header.mlp_head.1.{{}}", ours="head.classify.{}"),
)
_POINTS = _rows(
    _HEAD,
    "point_head",
    (
        ("img_feat_reduce.{}", "project.{}"),
        ("point_soft_weights.{}", "weigh.{}"),
        ("point_occ_mlp.fc1.{}", "classify.0.{}"),
        ("point_occ_mlp.fc2.{}", "classify.2.{}"),
    ),
)


def name_map(config: MethodConfig) -> NameMap:
    """The table. Sparse weights come as `_to_our_layout` leaves them."""
    (config,) = of_type([config], VLSceneConfig)
    return NameMap(
        renames=(
            *_backbone(),
            Rename(published="img_neck.lateral_convs.{}.conv.{}", ours="neck.lateral.{}.{}"),
            Rename(published="img_neck.fpn_convs.0.conv.{}", ours="neck.output.{}"),
            *_DEPTH,
            *_PAIR,
            *_INTERACTION,
            *_AWARENESS,
            *_TRUNK,
            *_POINTS,
            *_GUIDANCE,
        ),
        dead=_dead(config),
    )


def _dead(config: VLSceneConfig) -> dict[str, tuple[int, ...]]:
    """Published names without a part in our network: coarser levels of the neck, and constants of the geometry."""
    width = config.width
    coarser = {f"img_neck.fpn_convs.{i}.conv.weight": (width, width, 3, 3) for i in (1, 2, 3)}
    biases = {f"img_neck.fpn_convs.{i}.conv.bias": (width,) for i in (1, 2, 3)}
    return coarser | biases | {name: tuple(value.shape) for name, value in _constants(config).items()}


def _constants(config: VLSceneConfig) -> dict[str, Tensor]:
    """What the released code keeps as parameters that are never trained, for its own image size."""
    grid, (height, width) = config.working_grid, _PUBLISHED_PX
    reduction = config.reductions[0]
    points = frustum(_PUBLISHED_PX, (height // reduction, width // reduction), config.depth_bins.depths())
    return {
        f"{_VIEW}.dx": torch.tensor(grid.cell, dtype=torch.float32),
        f"{_VIEW}.bx": torch.tensor([low + cell / 2 for low, cell in zip(grid.lower, grid.cell)]),
        f"{_VIEW}.nx": torch.tensor(grid.shape, dtype=torch.float32),
        f"{_VIEW}.frustum": points,
    }


_TRAINING = frozenset({
    "pretrained", "weights", "norm", "dropout", "class_weights", "point_axes", "point_camera", "guidance.feature_ratio",
    "guidance.score_ratio",
})  # fmt: skip
"""Fields that matter in training alone."""


def from_published(
    published: Mapping[str, Tensor], source: object, variants: Sequence[MethodConfig]
) -> tuple[VLSceneConfig, dict[str, Tensor]]:
    """Configuration and state of our network from a published file.

    The frozen teacher that the released files carry along is left out. Whether the parts that only training uses exist
    is read off the file.

    Raises:
        InputError: the file is not a VLScene checkpoint, or one of other classes than a variant's.
    """
    published = {name: tensor for name, tensor in published.items() if not name.startswith(_TEACHER)}
    if f"{_SPARSE}.ReconNet.conv1.weight" not in published or _SCORES not in published:
        raise not_a_checkpoint(published, source, f"{_SPARSE}.ReconNet.conv1.weight", "VLScene")
    known = of_type(variants, VLSceneConfig)
    classes = len(published[_SCORES])
    config = next((v for v in known if len(v.task.classes) == classes), known[0])
    config = replace(
        config,
        points=f"{_HEAD}.img_feat_reduce.weight" in published,
        guidance=config.guidance if f"{_VIEW}.clip_fusion.0.weight" in published else None,
    )
    with torch.device("meta"):
        ours = config.build().state_dict()
    return config, name_map(config).to_ours(_to_our_layout(published), ours, source)


def to_published(
    config: MethodConfig, state: Mapping[str, Tensor], variants: Sequence[MethodConfig]
) -> dict[str, Tensor]:
    """A state of ours under its published names, for use with the published code.

    Raises:
        InputError: no published network has these sizes; says what differs.
    """
    (own,) = of_type([config], VLSceneConfig)
    published = name_map(own).to_published(state)
    published = {name: _to_their_layout(name, tensor) for name, tensor in published.items()} | _constants(own)
    check_readable(from_published, own, published, variants, _TRAINING)
    return published


def _is_sparse(name: str, tensor: Tensor) -> bool:
    return name.startswith(f"{_SPARSE}.") and not name.startswith(f"{_SPARSE}.pre_conv.") and tensor.dim() == 5


def _to_our_layout(published: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Weights of sparse convolutions, stored as (out, x, y, z, in), laid out as (x, y, z, in, out)."""
    return {
        name: tensor.permute(1, 2, 3, 4, 0).contiguous() if _is_sparse(name, tensor) else tensor
        for name, tensor in published.items()
    }


def _to_their_layout(name: str, tensor: Tensor) -> Tensor:
    return tensor.permute(4, 0, 1, 2, 3).contiguous() if _is_sparse(name, tensor) else tensor

"""Published parameter names of MonoOcc (S, L, privileged branch) and ours, both ways, and those that do nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import timm
import torch
from torch import Tensor

from voxway.core.errors import InputError
from voxway.core.names import NameMap, Rename
from voxway.methods.contract import MethodConfig
from voxway.methods.monoocc.model import MonoOccConfig
from voxway.methods.shared.published import check_readable, not_a_checkpoint, of_type
from voxway.nn import internimage
from voxway.nn.internimage import VARIANTS

_SHARED_LAYER = (
    ("ffns.0.layers.0.0.{}", "feed_forward.expand.{}"),
    ("ffns.0.layers.1.{}", "feed_forward.contract.{}"),
    ("norms.0.{}", "attention_norm.{}"),
    ("norms.1.{}", "output_norm.{}"),
    ("attentions.0.output_proj.{}", "output.{}"),
)
_CROSS_LAYER = (
    ("attentions.0.deformable_attention.sampling_offsets.{}", "offsets.{}"),
    ("attentions.0.deformable_attention.attention_weights.{}", "weights.{}"),
    ("attentions.0.deformable_attention.value_proj.{}", "value.{}"),
    *_SHARED_LAYER,
)
_SELF_LAYER = (
    ("attentions.0.sampling_offsets.{}", "offsets.{}"),
    ("attentions.0.attention_weights.{}", "weights.{}"),
    ("attentions.0.value_proj.{}", "value.{}"),
    *_SHARED_LAYER,
)


def _cross_transformer(published: str, ours: str) -> tuple[Rename, ...]:
    return (
        # Four feature levels were planned; one is used.
        Rename(published=f"{published}.level_embeds", ours=f"{ours}.level_embedding", rows=4),
        Rename(published=f"{published}.cams_embeds", ours=f"{ours}.camera_embedding"),
        *(
            Rename(published=f"{published}.encoder.layers.{{}}.{theirs}", ours=f"{ours}.layers.{{}}.{mine}")
            for theirs, mine in _CROSS_LAYER
        ),
    )


_HEAD = "pts_bbox_head"
_EMBEDDING = f"{_HEAD}.cross_transformer.cams_embeds"
_SCORES = f"{_HEAD}.header.mlp_head.1.weight"
_BACKBONE = "img_backbone."
_WINDOWS = (
    ("q_proj.{}", "query.{}"),
    ("k_proj.{}", "key.{}"),
    ("v_proj.{}", "value.{}"),
    ("merge.{}", "output.{}"),
    ("norm1.{}", "norm.{}"),
)
_CROSS_VIEW_BLOCK = (
    *((f"self_attn.{theirs}", f"look_at_self.{mine}") for theirs, mine in _WINDOWS),
    *((f"cross_attn_ffn.{theirs}", f"look_across.{mine}") for theirs, mine in _WINDOWS),
    ("cross_attn_ffn.mlp.0.{}", "expand.{}"),
    ("cross_attn_ffn.mlp.2.{}", "contract.{}"),
    ("cross_attn_ffn.norm2.{}", "norm.{}"),
)
CROSS_VIEW = tuple(
    Rename(published=f"{_HEAD}.cvt.layers.{{}}.{theirs}", ours=f"cross_view.blocks.{{}}.{mine}")
    for theirs, mine in _CROSS_VIEW_BLOCK
)
"""Rows of the cross-view transformer, which only the privileged branch has."""
_RENAMES = (
    Rename(published=f"{_HEAD}.bev_embed.weight", ours="voxel_queries"),
    Rename(published=f"{_HEAD}.mask_embed.weight", ours="mask_token"),
    Rename(published=f"{_HEAD}.positional_encoding.row_embed.weight", ours="plane_rows"),
    Rename(published=f"{_HEAD}.positional_encoding.col_embed.weight", ours="plane_columns"),
    *_cross_transformer(f"{_HEAD}.cross_transformer", "seed"),
    *(
        Rename(published=f"{_HEAD}.self_transformer.encoder.layers.{{}}.{theirs}", ours=f"completion.{{}}.{mine}")
        for theirs, mine in _SELF_LAYER
    ),
    *_cross_transformer(f"{_HEAD}.cross_transformer_late", "look_again"),
    Rename(published=f"{_HEAD}.sem_decoder.upconv.conv1.{{}}", ours="semantic_decoder.up.0.place.{}"),
    Rename(published=f"{_HEAD}.sem_decoder.upconv.pointwise.{{}}", ours="semantic_decoder.up.0.mix.{}"),
    Rename(published=f"{_HEAD}.sem_decoder.upconv.bn.0.{{}}", ours="semantic_decoder.up.0.norm.{}"),
    Rename(published=f"{_HEAD}.sem_decoder.upconv2.conv1.{{}}", ours="semantic_decoder.up.1.place.{}"),
    Rename(published=f"{_HEAD}.sem_decoder.upconv2.pointwise.{{}}", ours="semantic_decoder.up.1.mix.{}"),
    Rename(published=f"{_HEAD}.sem_decoder.upconv2.bn.0.{{}}", ours="semantic_decoder.up.1.norm.{}"),
    Rename(published=f"{_HEAD}.sem_decoder.head.0.{{}}", ours="semantic_decoder.spread.{}"),
    Rename(published=f"{_HEAD}.sem_decoder.head.1.{{}}", ours="semantic_decoder.norm.{}"),
    Rename(published=f"{_HEAD}.sem_decoder.head.4.{{}}", ours="semantic_decoder.classify.{}"),
    Rename(published=f"{_HEAD}.header.mlp_head.0.{{}}", ours="head.norm.{}"),
    Rename(published=f"{_HEAD}.header.mlp_head.1.{{}}", ours="head.classify.{}"),
    Rename(published="img_neck.lateral_convs.0.conv.{}", ours="neck.lateral.{}"),
    Rename(published="img_neck.fpn_convs.0.conv.{}", ours="neck.output.{}"),
    *CROSS_VIEW,
)


def name_map(config: MethodConfig) -> NameMap:
    """The table for a network of the published widths."""
    (config,) = of_type([config], MonoOccConfig)
    if config.backbone in VARIANTS:
        backbone = internimage.renames(_BACKBONE, "backbone.")
        unused = internimage.dead_names(VARIANTS[config.backbone], config.reduction, _BACKBONE)
    else:
        backbone = (Rename(published=f"{_BACKBONE}{{}}", ours="backbone.network.{}"),)
        unused = _last_stage()
    return NameMap(renames=_RENAMES + backbone, dead=_dead(config.views) | unused)


def _last_stage() -> dict[str, tuple[int, ...]]:
    with torch.device("meta"):
        stage = timm.create_model("resnet50", pretrained=False).get_submodule("layer4").state_dict()
    return {f"{_BACKBONE}layer4.{name}": tuple(tensor.shape) for name, tensor in stage.items()}


def _dead(views: int) -> dict[str, tuple[int, ...]]:
    """Published parameters that no output depends on (experiments left in the code), with their shapes."""
    width, wide = 128, 768

    def norm(name: str, channels: int, statistics: bool = False) -> dict[str, tuple[int, ...]]:
        names = ("weight", "bias", "running_mean", "running_var") if statistics else ("weight", "bias")
        counter = {f"{name}.num_batches_tracked": ()} if statistics else {}
        return {f"{name}.{leaf}": (channels,) for leaf in names} | counter

    def linear(name: str, inputs: int, outputs: int) -> dict[str, tuple[int, ...]]:
        return {f"{name}.weight": (outputs, inputs), f"{name}.bias": (outputs,)}

    header = f"{_HEAD}.header"
    return {
        f"{_HEAD}.self_transformer.level_embeds": (4, width),
        f"{_HEAD}.self_transformer.cams_embeds": (views, width),
        **norm(f"{_HEAD}.mlp.0", wide),
        **linear(f"{_HEAD}.mlp.1", wide, width),
        **norm(f"{header}.open_mlp_head.0", width),
        **linear(f"{header}.open_mlp_head.1", width, wide),
        **norm(f"{header}.lidar_head.0", width),
        **linear(f"{header}.lidar_head.1", width, 20),
        f"{header}.conv_3d.0.weight": (width, width, 1, 1, 1),
        f"{header}.conv_3d.0.bias": (width,),
        **norm(f"{header}.conv_3d.1", width, statistics=True),
        f"{header}.downsample.0.weight": (width, width, 1, 1, 1),
        **norm(f"{header}.downsample.1", width, statistics=True),
    }


_TRAINING = frozenset({
    "frozen_stages", "pretrained", "weights", "dropout", "query_start", "class_weights", "averaging", "voxel_ratio",
    "semantic_ratio", "geometric_ratio", "semantics_2d_ratio", "distillation", "distillation_ratio",
})  # fmt: skip
"""Fields that matter in training alone."""


def from_published(
    published: Mapping[str, Tensor], source: object, variants: Sequence[MethodConfig]
) -> tuple[MonoOccConfig, dict[str, Tensor]]:
    """Configuration and state of our network from a published file of MonoOcc-S, MonoOcc-L or their privileged branch.

    The backbone, the number of views, and whether the 2D semantic head and the cross-view transformer exist, are read
    off the file. Image-conditioned attention is always on: the released files hold its weights, and their published
    numbers need it.

    Raises:
        InputError: the file is not a MonoOcc checkpoint, or one of other classes than a variant's.
    """
    if _EMBEDDING not in published:
        raise not_a_checkpoint(published, source, _EMBEDDING, "MonoOcc")
    config = _like(_of_task(published, source, of_type(variants, MonoOccConfig)), published)
    # Views are frames of one camera where they look at one another, and cameras of one frame where they do not.
    cross_view = any(name.startswith(f"{_HEAD}.cvt.") for name in published)
    views = len(published[_EMBEDDING])
    config = replace(
        config,
        frames=views if cross_view else 1,
        cameras=1 if cross_view else views,
        semantics_2d=any(name.startswith(f"{_HEAD}.sem_decoder.") for name in published),
        cross_view=cross_view,
    )
    with torch.device("meta"):
        ours = config.build().state_dict()
    return config, name_map(config).to_ours(published, ours, source)


def to_published(
    config: MethodConfig, state: Mapping[str, Tensor], variants: Sequence[MethodConfig]
) -> dict[str, Tensor]:
    """A state of ours under its published names, for use with the published code.

    Raises:
        InputError: no published network has these sizes; says what differs.
    """
    published = name_map(config).to_published(state)
    check_readable(from_published, config, published, variants, _TRAINING)
    return published


def _of_task(published: Mapping[str, Tensor], source: object, variants: list[MonoOccConfig]) -> list[MonoOccConfig]:
    """The variants for as many classes as the file has."""
    scores = published.get(_SCORES)
    known = [v for v in variants if scores is None or len(v.task.classes) == len(scores)]
    if not known:
        raise InputError(
            file=source,
            field=_SCORES,
            expected=f"{', '.join(str(len(v.task.classes)) for v in variants)} rows, as many as a variant has classes",
            found=0 if scores is None else len(scores),
            remedy="Check that the network was trained on those classes.",
        )
    return known


def _like(variants: list[MonoOccConfig], published: Mapping[str, Tensor]) -> MonoOccConfig:
    """The variant with the file's backbone, or one with an InternImage of another size, which is put in its place."""
    stem = published.get(f"{_BACKBONE}patch_embed.norm2.1.weight")  # its width tells the size of an InternImage
    large = [v for v in variants if v.backbone in VARIANTS]
    if stem is None or not large:
        return next((v for v in variants if v.backbone not in VARIANTS), variants[0])
    size = {kind.channels: name for name, kind in VARIANTS.items()}.get(len(stem), large[0].backbone)
    return next((v for v in large if v.backbone == size), replace(large[0], backbone=size))

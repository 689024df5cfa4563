"""Published parameter names of MonoOcc (S, L, privileged branch) and ours, both ways, and those that do nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import timm
import torch
from torch import Tensor

from voxway.core.errors import InputError
from voxway.core.names import NameMap, Rename
from voxway.methods.monoocc.model import MONOOCC_L, MONOOCC_S, MonoOccConfig
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


def name_map(config: MonoOccConfig = MONOOCC_S) -> NameMap:
    """The table for a network of the published widths."""
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


def from_published(published: Mapping[str, Tensor], source: object) -> tuple[MonoOccConfig, dict[str, Tensor]]:
    """Configuration and state of our network from a published file of MonoOcc-S, MonoOcc-L or their privileged branch.

    The backbone, the number of views, and whether the 2D semantic head and the cross-view transformer exist, are read
    off the file. Image-conditioned attention is always on: the released files hold its weights, and their published
    numbers need it.

    Raises:
        InputError: the file is not a MonoOcc checkpoint.
    """
    embedding = published.get(f"{_HEAD}.cross_transformer.cams_embeds")
    if embedding is None:
        raise InputError(
            file=source,
            field="names",
            expected=f"{_HEAD}.cross_transformer.cams_embeds, as every MonoOcc file has",
            found=f"{len(published)} names such as {', '.join(list(published)[:3])}",
            remedy="Check that the file is a MonoOcc-S or MonoOcc-L checkpoint.",
        )
    config = _config(
        stem=published.get(f"{_BACKBONE}patch_embed.norm2.1.weight"),
        views=len(embedding),
        semantics_2d=any(name.startswith(f"{_HEAD}.sem_decoder.") for name in published),
        cross_view=any(name.startswith(f"{_HEAD}.cvt.") for name in published),
    )
    with torch.device("meta"):
        ours = config.build().state_dict()
    return config, name_map(config).to_ours(published, ours, source)


def to_published(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """A state of ours under its published names, for use with the published code."""
    config = _config(
        stem=state.get("backbone.stem.1.norm.weight"),
        views=len(state["seed.camera_embedding"]),
        semantics_2d=any(name.startswith("semantic_decoder.") for name in state),
        cross_view=any(name.startswith("cross_view.") for name in state),
    )
    return name_map(config).to_published(state)


def _config(stem: Tensor | None, views: int, semantics_2d: bool, cross_view: bool) -> MonoOccConfig:
    """The published configuration; `stem` is the norm that ends an InternImage's stem, and tells its size."""
    config = MONOOCC_S
    if stem is not None:
        size = {variant.channels: name for name, variant in VARIANTS.items()}.get(len(stem), MONOOCC_L.backbone)
        config = replace(MONOOCC_L, backbone=size)
    # Views are frames of one camera where they look at one another, and cameras of one frame where they do not.
    frames, cameras = (views, 1) if cross_view else (1, views)
    return replace(config, frames=frames, cameras=cameras, semantics_2d=semantics_2d, cross_view=cross_view)

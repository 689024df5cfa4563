"""Published parameter names of EFFOcc's networks and ours, both ways."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import torch
from torch import Tensor

from voxway.core.errors import InputError
from voxway.core.names import NameMap, Rename
from voxway.methods.effocc.bev import ResidualConfig, SecondConfig
from voxway.methods.effocc.camera import CameraConfig
from voxway.methods.effocc.lidar import LidarConfig
from voxway.methods.effocc.model import (
    FLASHOCC_R50,
    FUSION_R18,
    FUSION_R50,
    FUSION_SWIN_B,
    OPENOCCUPANCY_R18,
    WAYMO_R18,
    EffOccConfig,
)
from voxway.nn import swin

_TEACHER = "teacher_model."
_HEAD = "occ_head.predicter.2.weight"
_VIEW = "img_view_transformer"
_ENCODER = "pts_middle_encoder"
_BACKBONE = "img_backbone."


def _conv_norm(published: str, ours: str, first: int = 0) -> tuple[Rename, Rename]:
    """A convolution and its norm, which follow each other in a published sequence."""
    return (
        Rename(published=f"{published}.{first}.{{}}", ours=f"{ours}.conv.{{}}"),
        Rename(published=f"{published}.{first + 1}.{{}}", ours=f"{ours}.norm.{{}}"),
    )


def _numbered(published: str, ours: str, conv: str = ".conv.weight") -> tuple[Rename, ...]:
    """The two convolutions of a residual block with their norms."""
    return tuple(
        row
        for number, name in ((1, "first"), (2, "second"))
        for row in (
            Rename(published=f"{published}.conv{number}.weight", ours=f"{ours}.{name}{conv}"),
            Rename(published=f"{published}.bn{number}.{{}}", ours=f"{ours}.{name}.norm.{{}}"),
        )
    )


def _camera(config: CameraConfig) -> tuple[Rename, ...]:
    rows: list[Rename] = []
    if config.backbone in swin.VARIANTS:
        rows += swin.renames(_BACKBONE, "camera.backbone.")
    else:
        rows.append(Rename(published=f"{_BACKBONE}{{}}", ours="camera.backbone.network.{}"))
    if config.neck == "top-down":
        rows.append(Rename(published="img_neck.lateral_convs.{}.conv.{}", ours="camera.neck.lateral.{}.{}"))
        rows.append(Rename(published="img_neck.fpn_convs.0.conv.{}", ours="camera.neck.output.{}"))
    else:
        rows += _conv_norm("img_neck.conv", "camera.neck.first")
        rows += _conv_norm("img_neck.conv", "camera.neck.second", 3)
    if not config.lidar_depth:
        return (*rows, Rename(published=f"{_VIEW}.depth_net.{{}}", ours="camera.depth_net.output.{}"))
    for i in range(3):
        rows += _conv_norm(f"{_VIEW}.lidar_input_net", f"camera.depth_net.stem.{i}", 3 * i)
    for i in range(2):
        rows += _conv_norm(f"{_VIEW}.depth_net", f"camera.depth_net.mix.{i}", 3 * i)
    return (*rows, Rename(published=f"{_VIEW}.depth_net.6.{{}}", ours="camera.depth_net.output.{}"))


def _lidar(config: LidarConfig) -> tuple[Rename, ...]:
    def sparse(published: str, ours: str) -> tuple[Rename, Rename]:
        return (
            Rename(published=f"{published}.0.weight", ours=f"{ours}.weight"),
            Rename(published=f"{published}.1.{{}}", ours=f"{ours}.norm.{{}}"),
        )

    rows = [*sparse(f"{_ENCODER}.conv_input", "lidar.stem")]
    levels = len(config.widths)
    for level in range(levels):
        layer = f"{_ENCODER}.encoder_layers.encoder_layer{level + 1}"
        for block in range(2):
            rows += _numbered(f"{layer}.{block}", f"lidar.blocks.{level}.{block}", conv=".weight")
        rows += sparse(f"{layer}.2" if level + 1 < levels else f"{_ENCODER}.conv_out", f"lidar.down.{level}")
    return tuple(rows)


def _second(config: SecondConfig) -> tuple[Rename, ...]:
    rows = []
    for level in range(2):
        for layer in range(config.layers + 1):
            rows += _conv_norm(f"pts_backbone.blocks.{level}", f"encoder.levels.{level}.{layer}", 3 * layer)
    return (
        *rows,
        *_conv_norm("pts_neck.deblocks.0", "encoder.near"),
        *_conv_norm("pts_neck.deblocks.1", "encoder.far"),
    )


def _residual() -> tuple[Rename, ...]:
    layers, neck = "img_bev_encoder_backbone.layers", "img_bev_encoder_neck"
    return (
        *_numbered(f"{layers}.{{}}.{{}}", "encoder.levels.{}.{}"),
        Rename(published=f"{layers}.{{}}.0.downsample.{{}}", ours="encoder.levels.{}.0.shortcut.{}"),
        *_conv_norm(f"{neck}.conv", "encoder.neck.first"),
        *_conv_norm(f"{neck}.conv", "encoder.neck.second", 3),
        *_conv_norm(f"{neck}.up2", "encoder.enlarged", 1),
        Rename(published=f"{neck}.up2.4.{{}}", ours="encoder.output.{}"),
    )


def name_map(config: EffOccConfig = FUSION_R18) -> NameMap:
    """The table for a network of the published kind. Sparse weights come as `_sparse_to_ours` leaves them."""
    camera, lidar, second = config.camera, config.lidar, config.second
    tables = _relative_tables(camera.backbone) if camera else {}
    return NameMap(
        renames=(
            *(_camera(camera) if camera else ()),
            *(_lidar(lidar) if lidar else ()),
            *(_conv_norm("occ_fuser.occ_enc", "fuse") if camera and lidar else ()),
            *(_second(second) if second else _residual()),
            Rename(published="occ_head.final_conv.conv.{}", ours="head.conv.{}"),
            Rename(published="occ_head.predicter.0.{}", ours="head.expand.{}"),
            Rename(published="occ_head.predicter.2.{}", ours="head.classify.{}"),
        ),
        dead={name: tuple(table.shape) for name, table in tables.items()},
    )


def from_published(published: Mapping[str, Tensor], source: object) -> tuple[EffOccConfig, dict[str, Tensor]]:
    """Configuration and state of our network from a published file of any variant.

    Benchmark, branches, image backbone and widths are read off the file. The frozen teacher that a student's file
    holds is dropped; see `teacher_state`. Sparse convolutions may be in the layout of spconv 2 or of spconv 1 and mmcv.

    Raises:
        InputError: the file is not an EFFOcc checkpoint.
    """
    own = {name: tensor for name, tensor in published.items() if not name.startswith(_TEACHER)}
    config = _recognise(own, source)
    with torch.device("meta"):
        ours = config.build().state_dict()
    names = name_map(config)
    published_shapes = names.to_published(ours)
    arranged = {
        name: _sparse_to_ours(tensor, published_shapes.get(name)) if name.startswith(_ENCODER) else tensor
        for name, tensor in own.items()
    }
    return config, names.to_ours(arranged, ours, source)


def to_published(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """A state of ours under its published names and layouts, for use with the published code."""
    camera = any(name.startswith("camera.") for name in state)
    depth_net = any(name.startswith("camera.depth_net.stem.") for name in state)
    top_down = any(name.startswith("camera.neck.lateral.") for name in state)
    swin_b = any(name.startswith("camera.backbone.stages.") for name in state)
    parts = CameraConfig(
        backbone="swin-base" if swin_b else "resnet18",
        neck="top-down" if top_down else "concatenate",
        lidar_depth=depth_net,
    )
    lidar = any(name.startswith("lidar.") for name in state)
    second = any(name.startswith("encoder.near.") for name in state)
    config = EffOccConfig(
        camera=parts if camera else None,
        lidar=LidarConfig() if lidar else None,
        second=SecondConfig() if second else None,
        residual=None if second else ResidualConfig(),
    )
    published = name_map(config).to_published(state) | (_relative_tables(parts.backbone) if camera else {})
    return {
        name: tensor.permute(4, 0, 1, 2, 3).contiguous() if name.startswith(_ENCODER) and tensor.dim() == 5 else tensor
        for name, tensor in published.items()
    }


def teacher_state(published: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The frozen teacher inside a student's file, under its own published names; empty where there is none."""
    return {name.removeprefix(_TEACHER): tensor for name, tensor in published.items() if name.startswith(_TEACHER)}


def _relative_tables(backbone: str) -> dict[str, Tensor]:
    """Tables of a published transformer that follow from its size; ours are no part of the state."""
    return swin.relative_tables(swin.VARIANTS[backbone], _BACKBONE) if backbone in swin.VARIANTS else {}


def _recognise(published: Mapping[str, Tensor], source: object) -> EffOccConfig:
    if _HEAD not in published:
        raise InputError(
            file=source,
            field="names",
            expected=f"{_HEAD}, as every EFFOcc file has",
            found=f"{len(published)} names such as {', '.join(list(published)[:3])}",
            remedy="Check that the file is an EFFOcc or FlashOcc checkpoint.",
        )
    known = {c.grid.shape[2] * c.classes: c for c in (FUSION_R18, WAYMO_R18, OPENOCCUPANCY_R18)}
    scores = len(published[_HEAD])
    if scores not in known:
        raise InputError(
            file=source,
            field=_HEAD,
            expected=f"{', '.join(map(str, known))} rows (heights times classes of a benchmark)",
            found=scores,
            remedy="Check that the network was trained on Occ3D-nuScenes, Occ3D-Waymo or OpenOccupancy.",
        )
    config = known[scores]
    neck = published.get("img_bev_encoder_neck.up2.4.bias")
    if neck is not None:
        residual = ResidualConfig(channels=len(neck))
        config = replace(config, camera=FLASHOCC_R50.camera, lidar=None, second=None, residual=residual)
    elif not any(name.startswith(_BACKBONE) for name in published):
        # The published LiDAR network on Waymo learnt from plain cross-entropy.
        terms = "cross-entropy" if config.supervision.terms == "hard-examples" else config.supervision.terms
        weights = () if terms == "cross-entropy" else config.supervision.class_weights
        config = replace(
            config, camera=None, supervision=replace(config.supervision, terms=terms, class_weights=weights)
        )
    elif f"{_BACKBONE}patch_embed.projection.weight" in published:
        config = replace(config, camera=FUSION_SWIN_B.camera)
    elif f"{_BACKBONE}layer1.0.conv3.weight" in published and config.camera and FUSION_R50.camera:
        config = replace(config, camera=replace(config.camera, backbone=FUSION_R50.camera.backbone))
    return config


def _sparse_to_ours(tensor: Tensor, wanted: Tensor | None) -> Tensor:
    """Kernel first, then inputs, then outputs: from spconv 2 (outputs first), or from spconv 1 and mmcv as it is."""
    if wanted is None or tensor.dim() != 5 or tensor.shape == wanted.shape:
        return tensor
    return tensor.permute(1, 2, 3, 4, 0)

"""Published parameter names of EFFOcc's networks and ours, both ways."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from voxway.core.errors import InputError
from voxway.core.names import NameMap, Rename
from voxway.methods.contract import MethodConfig
from voxway.methods.effocc.bev import ResidualConfig, SecondConfig
from voxway.methods.effocc.camera import CameraConfig
from voxway.methods.effocc.lidar import LidarConfig
from voxway.methods.effocc.model import EffOccConfig
from voxway.methods.shared.published import check_readable, not_a_checkpoint, of_type
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


def name_map(config: MethodConfig) -> NameMap:
    """The table for a network of the published kind. Sparse weights come as `_sparse_to_ours` leaves them."""
    (config,) = of_type([config], EffOccConfig)
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


_TRAINING = frozenset({"pretrained", "camera.weights", "supervision", "distillation", "lidar.training_voxels"})
"""Fields that matter in training alone."""


def from_published(
    published: Mapping[str, Tensor], source: object, variants: Sequence[MethodConfig]
) -> tuple[EffOccConfig, dict[str, Tensor]]:
    """Configuration and state of our network from a published file of any variant.

    Benchmark, branches, image backbone and widths are read off the file. The frozen teacher that a student's file
    holds is dropped; see `teacher_state`. Sparse convolutions may be in the layout of spconv 2 or of spconv 1 and mmcv.

    Raises:
        InputError: the file is not an EFFOcc checkpoint.
    """
    own = {name: tensor for name, tensor in published.items() if not name.startswith(_TEACHER)}
    config = _recognise(own, source, of_type(variants, EffOccConfig))
    with torch.device("meta"):
        ours = config.build().state_dict()
    names = name_map(config)
    published_shapes = names.to_published(ours)
    arranged = {
        name: _sparse_to_ours(tensor, published_shapes.get(name)) if name.startswith(_ENCODER) else tensor
        for name, tensor in own.items()
    }
    return config, names.to_ours(arranged, ours, source)


def to_published(
    config: MethodConfig, state: Mapping[str, Tensor], variants: Sequence[MethodConfig]
) -> dict[str, Tensor]:
    """A state of ours under its published names and layouts, for use with the published code.

    Raises:
        InputError: no published network has these sizes; says what differs.
    """
    (config,) = of_type([config], EffOccConfig)
    tables = _relative_tables(config.camera.backbone) if config.camera else {}
    published = name_map(config).to_published(state) | tables
    arranged = {
        name: tensor.permute(4, 0, 1, 2, 3).contiguous() if name.startswith(_ENCODER) and tensor.dim() == 5 else tensor
        for name, tensor in published.items()
    }
    check_readable(from_published, config, arranged, variants, _TRAINING)
    return arranged


def teacher_state(published: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The frozen teacher inside a student's file, under its own published names; empty where there is none."""
    return {name.removeprefix(_TEACHER): tensor for name, tensor in published.items() if name.startswith(_TEACHER)}


def _relative_tables(backbone: str) -> dict[str, Tensor]:
    """Tables of a published transformer that follow from its size; ours are no part of the state."""
    return swin.relative_tables(swin.VARIANTS[backbone], _BACKBONE) if backbone in swin.VARIANTS else {}


@dataclass(frozen=True)
class _Traits:
    """By what variants are told apart.

    Attributes:
        scores: heights times classes.
        backbone: of the images; None without cameras.
        lidar: whether there is a LiDAR branch.
        residual: channels of the camera maps' encoder; None where the other encoder is.
    """

    scores: int
    backbone: str | None
    lidar: bool
    residual: int | None

    @classmethod
    def of(cls, config: EffOccConfig) -> _Traits:
        """Those of a configuration."""
        return cls(
            scores=config.task.grid.shape[2] * len(config.task.classes),
            backbone=config.camera.backbone if config.camera else None,
            lidar=config.lidar is not None,
            residual=config.residual.channels if config.residual else None,
        )

    @classmethod
    def read(cls, published: Mapping[str, Tensor]) -> _Traits:
        """Those of a file."""
        backbone = None
        if any(name.startswith(_BACKBONE) for name in published):
            bottleneck = f"{_BACKBONE}layer1.0.conv3.weight" in published
            backbone = "resnet50" if bottleneck else "resnet18"
        if f"{_BACKBONE}patch_embed.projection.weight" in published:
            backbone = "swin-base"
        neck = published.get("img_bev_encoder_neck.up2.4.bias")
        return cls(
            scores=len(published[_HEAD]),
            backbone=backbone,
            lidar=neck is None,
            residual=None if neck is None else len(neck),
        )


def _recognise(published: Mapping[str, Tensor], source: object, variants: list[EffOccConfig]) -> EffOccConfig:
    """The variant of a file, or one that is put together from the parts of several."""
    if _HEAD not in published:
        raise not_a_checkpoint(published, source, _HEAD, "EFFOcc")
    traits = _Traits.read(published)
    known = {_Traits.of(variant): variant for variant in reversed(variants)}
    if traits in known:
        return known[traits]
    base = next((variant for kind, variant in reversed(known.items()) if kind.scores == traits.scores), None)
    if base is None:
        rows = dict.fromkeys(kind.scores for kind in reversed(known))
        tasks = dict.fromkeys(variant.task.name for variant in variants)
        raise InputError(
            file=source,
            field=_HEAD,
            expected=f"{', '.join(map(str, rows))} rows (heights times classes of a benchmark)",
            found=traits.scores,
            remedy=f"Check that the network was trained on one of {', '.join(tasks)}.",
        )
    return replace(
        base,
        camera=_camera_like(traits, base, variants),
        lidar=base.lidar if traits.lidar else None,
        second=base.second if traits.residual is None else None,
        residual=None if traits.residual is None else ResidualConfig(channels=traits.residual),
    )


def _camera_like(traits: _Traits, base: EffOccConfig, variants: list[EffOccConfig]) -> CameraConfig | None:
    """The camera branch of the variant that has such a one, with the depth bins of the base."""
    if traits.backbone is None:
        return None
    branches = [(v.camera, v.residual is None) for v in variants if v.camera and v.camera.backbone == traits.backbone]
    alike = [camera for camera, without_residual in branches if without_residual == (traits.residual is None)]
    camera = next(iter(alike), base.camera)
    if camera is None or base.camera is None:
        return camera
    return replace(camera, depth_bins=base.camera.depth_bins)


def _sparse_to_ours(tensor: Tensor, wanted: Tensor | None) -> Tensor:
    """Kernel first, then inputs, then outputs: from spconv 2 (outputs first), or from spconv 1 and mmcv as it is."""
    if wanted is None or tensor.dim() != 5 or tensor.shape == wanted.shape:
        return tensor
    return tensor.permute(1, 2, 3, 4, 0)

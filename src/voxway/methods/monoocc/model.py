"""MonoOcc: Digging into Monocular Semantic Occupancy Prediction (ICRA 2024, arXiv 2403.08766).

The idea in five lines. Proposals (voxels that depth says are occupied) ask the image for features by deformable
cross-attention. All other voxels hold one learned token; deformable self-attention lets the seeds complete them.
Then every voxel, seed or not, looks at the image once more (image-conditioned cross-attention), since errors of the
proposals would otherwise stay. An auxiliary 2D head makes the image features semantic; a trilinear head doubles the
resolution.

======================  ========  ====================  ===========================================================
name                    symbol    shape                 meaning
======================  ========  ====================  ===========================================================
maps                    F_2D      n h w c               image features at 1/16 of the image
voxel_queries           Q         v c                   one learned query for every voxel of the working grid
proposals               -         x2 y2 z2              voxels proposed as occupied
mask_token              m         1 c                   stands in every voxel that was not proposed
plane_rows, _columns    -         r c/2, w c/2          positional encoding of the working grid re-read as a plane
voxels                  F_3D      v c                   voxel features after image-conditioned attention
======================  ========  ====================  ===========================================================

The privileged branch (`frames`, `cross_view`) is the same network on several frames of a drive, which is allowed to
teach: earlier frames look at the key frame's, then count as further cameras; a voxel averages over views that see it.

v = x2 * y2 * z2 = r * w counts the voxels of the working grid, flat index ``(x * y2 + y) * z2 + z``.

Kept because released weights depend on it: images keep their own size; sampling positions are normalised by the true
image size although the feature map spans up to 15 more pixels; self-attention reads the volume as a plane, not in 3D;
a voxel outside the image receives the output projection's bias; no query position in cross-attention; upsampling
comes before the head's norm. Put right: any batch size, image sizes may differ within a batch, the unused fourth
stage of the backbone is not built, a scan without labelled pixels gives loss 0 instead of NaN. Earlier frames are
projected by the cameras they come with, that is KITTI's full P2, of which the released code drops the fourth column
(6 cm); their images have no 2D labels instead of the key frame's.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import torch
from jaxtyping import Bool, Float, UInt8
from torch import Tensor, nn

from voxway.core.camera import Cameras
from voxway.core.errors import InputError
from voxway.core.grid import VoxelGrid
from voxway.core.sample import Batch, Prediction
from voxway.core.task import IGNORE, Task
from voxway.losses.cross_entropy import Averaging, cross_entropy, semantic_2d
from voxway.losses.distillation import Form, feature_distillation
from voxway.losses.scene_affinity import geometric_affinity, semantic_affinity
from voxway.losses.valid import valid_log_probs
from voxway.methods.contract import Said
from voxway.methods.monoocc.attention import ImageCrossAttention, VoxelSelfAttention
from voxway.methods.monoocc.cross_view import CrossViewTransformer
from voxway.methods.monoocc.heads import SemanticDecoder
from voxway.methods.shared.batches import by_image_size, check_grid, in_order
from voxway.methods.shared.frames import views_of
from voxway.methods.shared.teaching import heard
from voxway.methods.shared.voxel_head import VoxelHead
from voxway.nn.backbone import Norm, build_backbone
from voxway.nn.imagenet import WeightSource


@dataclass(frozen=True, kw_only=True)
class MonoOccConfig:
    """MonoOcc-S as in the paper's tables, for any task. The released configuration has both switches off.

    Raises:
        ValueError: the plane does not hold the working grid, the width does not split into heads, or there are neither
            no class weights nor one for every class.
    """

    task: Task
    """What is predicted."""
    coarsening: tuple[int, int, int] = (2, 2, 2)
    """Size of a working voxel in predicted voxels, along x, y and z."""
    plane: tuple[int, int] = (512, 512)
    """Rows and columns of the plane as which self-attention reads the working grid."""
    cameras: int = 1
    """Cameras (of one frame) that voxels look at."""
    frames: int = 1
    """Frames that voxels look at: the key frame and earlier ones, as the privileged branch (teacher) does."""
    cross_view: bool = False
    """Whether frames look at one another before voxels look at them (privileged branch). As published, feature maps
    with an odd side are left as they are; KITTI's images of 1226 pixels give such maps (24 x 77)."""
    width: int = 128
    """Channels c of voxel and image features."""
    heads: int = 8
    """Attention heads."""
    points: int = 8
    """Sampled points per head, and per queue in self-attention."""
    hidden: int = 256
    """Channels inside the feed-forward networks."""
    dropout: float = 0.1
    """Dropout in attention, feed-forward networks and the 2D head."""
    query_start: Literal["normal", "position"] = "normal"
    """What voxel queries are before training: N(0, 1), as published, or a smooth code of the voxel's position, from
    which a short training on few frames learns faster, since neighbours share what they learn."""
    seed_layers: int = 3
    """Layers of cross-attention from proposals to the image."""
    completion_layers: int = 2
    """Layers of self-attention over all voxels."""
    image_layers: int = 3
    """Layers of image-conditioned cross-attention from all voxels; 0 switches it off (paper, Table II)."""
    semantics_2d: bool = True
    """Whether the auxiliary 2D head and its loss exist (paper, Table II)."""
    backbone: str = "resnet50"
    """A timm network, or an InternImage (see `voxway.nn.internimage.VARIANTS`)."""
    reduction: int = 16
    """Image pixels per feature pixel."""
    norm: Norm = "frozen-batch"
    """Normalisation of a timm backbone: frozen for ImageNet weights, ``"group"`` to train from nothing."""
    frozen_stages: int = 1
    """Backbone stages after the stem that are not trained; -1 trains all."""
    pretrained: bool = False
    """Start the backbone from ImageNet weights."""
    weights: WeightSource = "timm"
    """Where ImageNet weights come from, if any are asked for."""
    class_weights: tuple[float, ...] = ()
    """Weight of each class in the voxel cross-entropy; empty weighs all alike."""
    averaging: Averaging = "positions"
    """What the voxel cross-entropy is divided by; the released code divides by the number of voxels."""
    voxel_ratio: float = 2.0
    """Weight of the voxel cross-entropy (lambda 3)."""
    semantic_ratio: float = 1.0
    """Weight of the semantic affinity (lambda 4)."""
    geometric_ratio: float = 0.5
    """Weight of the geometric affinity (lambda 5)."""
    semantics_2d_ratio: float = 4.0
    """Weight of the 2D cross-entropy (lambda 1)."""
    distillation: Form = "published"
    """How the student follows a teacher, where it has one."""
    distillation_ratio: float = 3.0
    """Weight of that (lambda 2)."""

    def __post_init__(self) -> None:
        working = self.working_grid
        rows, columns = self.plane
        if rows * columns != working.count or columns % working.shape[2]:
            raise ValueError(
                f"plane {self.plane} has {rows * columns} pixels, the working grid {working.shape} has {working.count} "
                f"voxels; their products must be equal and columns a multiple of {working.shape[2]}"
            )
        if self.width % self.heads or self.width % 2:
            raise ValueError(f"width {self.width} must be even and a multiple of {self.heads} heads")
        count = len(self.task.classes)
        if self.class_weights and len(self.class_weights) != count:
            raise ValueError(f"{count} classes need as many weights, or none, got {len(self.class_weights)}")
        if self.cross_view and self.views < 2:
            raise ValueError(f"cross_view joins at least two views, got {self.frames} frame of {self.cameras} camera")

    @property
    def working_grid(self) -> VoxelGrid:
        """The voxels that look at images."""
        return self.task.grid.coarsen(self.coarsening)

    @property
    def views(self) -> int:
        """Images that voxels look at."""
        return self.frames * self.cameras

    def build(self) -> MonoOcc:
        """The network, freshly initialised."""
        return MonoOcc(self)


class Neck(nn.Module):
    """One feature level to the common width: a 1 x 1 and a 3 x 3 convolution."""

    def __init__(self, channels: int, width: int) -> None:
        super().__init__()
        self.lateral = nn.Conv2d(channels, width, 1)
        self.output = nn.Conv2d(width, width, 3, padding=1)

    def forward(self, maps: Float[Tensor, "n c h w"]) -> Float[Tensor, "n d h w"]:
        """The map in the common width."""
        return self.output(self.lateral(maps))


class ImageTransformer(nn.Module):
    """Layers of cross-attention, with the embeddings that tell views (cameras, frames) apart."""

    def __init__(self, config: MonoOccConfig, layers: int) -> None:
        super().__init__()
        self.camera_embedding = nn.Parameter(torch.randn(config.views, config.width))
        self.level_embedding = nn.Parameter(torch.randn(config.width))
        self.layers = nn.ModuleList(
            ImageCrossAttention(config.width, config.heads, config.points, config.hidden, config.dropout)
            for _ in range(layers)
        )

    def forward(
        self,
        x: Float[Tensor, "q c"],
        maps: Float[Tensor, "n h w c"],
        reference_px: Float[Tensor, "n q 2"],
        seen: Bool[Tensor, "n q"],
    ) -> Float[Tensor, "q c"]:
        """Update voxel features from image features; arguments as in `ImageCrossAttention`."""
        maps = maps + (self.camera_embedding + self.level_embedding)[:, None, None]
        for layer in self.layers:
            x = layer(x, maps, reference_px, seen)
        return x


class MonoOcc(nn.Module):
    """The network: the student of one frame, or with `frames` the privileged branch that teaches it."""

    image_mean: Tensor
    image_std: Tensor
    class_weights: Tensor

    def __init__(self, config: MonoOccConfig) -> None:
        super().__init__()
        self.config = config
        self.training_masks: tuple[str, ...] = ()
        self.task = config.task
        self.working_grid = config.working_grid
        self.inputs = frozenset({"images", "proposals", "pose"} if config.frames > 1 else {"images", "proposals"})
        self.targets = frozenset({"target", "semantics_2d"} if config.semantics_2d else {"target"})
        width, classes = config.width, len(config.task.classes)
        self.feature_shape = (width, *self.working_grid.shape)
        self.backbone = build_backbone(
            config.backbone, config.reduction, config.norm, config.frozen_stages, config.pretrained, config.weights
        )
        self.neck = Neck(self.backbone.channels[0], width)
        self.cross_view = CrossViewTransformer(width) if config.cross_view else None
        self.semantic_decoder = SemanticDecoder(width, classes, config.dropout) if config.semantics_2d else None
        self.voxel_queries = nn.Parameter(
            torch.randn(self.working_grid.count, width)
            if config.query_start == "normal"
            else position_code(self.working_grid.shape, width)
        )
        self.mask_token = nn.Parameter(torch.randn(1, width))
        self.plane_rows = nn.Parameter(torch.randn(config.plane[0], width // 2))
        self.plane_columns = nn.Parameter(torch.randn(config.plane[1], width // 2))
        self.seed = ImageTransformer(config, config.seed_layers)
        self.completion = nn.ModuleList(
            VoxelSelfAttention(width, config.heads, config.points, config.hidden, config.dropout)
            for _ in range(config.completion_layers)
        )
        self.look_again = ImageTransformer(config, config.image_layers) if config.image_layers else None
        self.head = VoxelHead(width, classes, config.coarsening)
        self.register_buffer("image_mean", torch.tensor([0.485, 0.456, 0.406])[:, None, None], persistent=False)
        self.register_buffer("image_std", torch.tensor([0.229, 0.224, 0.225])[:, None, None], persistent=False)
        self.register_buffer("class_weights", torch.tensor(config.class_weights or (1.0,) * classes), persistent=False)

    def forward(self, batch: Batch) -> Prediction:
        """Predict from images, cameras and proposals.

        Intermediates: ``"voxels"`` (b, c, x2, y2, z2), the features that a teacher distils, and ``"semantics_2d"``,
        for each sample the class scores (n, k, h, w) of its images, the key frame's first.

        Raises:
            InputError: the batch lacks images, cameras, proposals, or earlier frames and poses where they are needed.
        """
        images, cameras = views_of(batch, self.config.frames)
        proposals = batch.need("proposals")
        check_grid(batch, self.task.grid)
        self._check(cameras, proposals)
        maps = self.encode(images, cameras)
        if self.cross_view is not None:
            maps = [self.cross_view(m) for m in maps]
        voxels = [self.complete(m, cameras[i], self.coarse(proposals[i])) for i, m in enumerate(maps)]
        semantics = [self.semantic_decoder(m) for m in maps] if self.semantic_decoder else []
        return Prediction(
            logits=_stack([self.head(v) for v in voxels]),
            intermediates={"voxels": _stack([v.permute(3, 0, 1, 2) for v in voxels]), "semantics_2d": semantics},
        )

    def _check(self, cameras: Cameras, proposals: Tensor) -> None:
        finer = zip(proposals.shape[1:], self.working_grid.shape)
        if any(given < own or given % own for given, own in finer):
            raise InputError(
                file="batch",
                field="proposals",
                expected=f"{self.working_grid.shape} voxels, or whole times finer",
                found=tuple(proposals.shape[1:]),
                remedy="Prepare proposals for the network's coarsening.",
            )
        if cameras.count != self.config.views:
            raise InputError(
                file="batch",
                field="cameras",
                expected=f"{self.config.views}, as the network was built for",
                found=cameras.count,
                remedy="Read as many cameras as the network looks at, or choose another network.",
            )

    def coarse(self, proposals: Bool[Tensor, "_x _y _z"]) -> Bool[Tensor, "x2 y2 z2"]:
        """Proposals on the working grid: a working voxel is proposed where any finer one within it is."""
        for axis, count in enumerate(self.working_grid.shape):
            proposals = proposals.unflatten(axis, (count, -1)).any(axis + 1)
        return proposals

    def encode(self, images: UInt8[Tensor, "b n 3 h w"], cameras: Cameras) -> list[Float[Tensor, "n c h2 w2"]]:
        """Image features of every sample. Padding is cut off first: images of unlike size are encoded apart."""
        groups, maps = by_image_size(cameras), []
        for group in groups:
            own = group.cut(images).flatten(0, 1)
            encoded = self.encode_normalised(self.normalise(own))
            maps.append(encoded.split(images.shape[1]))
        return in_order(groups, maps)

    def normalise(self, images: UInt8[Tensor, "m 3 h w"]) -> Float[Tensor, "m 3 h w"]:
        """Pictures as the backbone expects them."""
        return (images / 255 - self.image_mean) / self.image_std

    def encode_normalised(self, images: Float[Tensor, "m 3 h w"]) -> Float[Tensor, "m c h2 w2"]:
        """Image features of normalised images of one size."""
        return self.neck(self.backbone(images)[0])

    def complete(
        self, maps: Float[Tensor, "n c h w"], cameras: Cameras, proposals: Bool[Tensor, "x2 y2 z2"]
    ) -> Float[Tensor, "x2 y2 z2 c"]:
        """Voxel features of one sample, from its feature maps, cameras and proposals."""
        return self.attend(maps, *self.references(cameras, (maps.shape[-2], maps.shape[-1])), proposals)

    def attend(
        self,
        maps: Float[Tensor, "n c h w"],
        reference_px: Float[Tensor, "n v 2"],
        seen: Bool[Tensor, "n v"],
        proposals: Bool[Tensor, "x2 y2 z2"],
    ) -> Float[Tensor, "x2 y2 z2 c"]:
        """Seeds from the image, completion, a second look at the image.

        Args:
            maps: image features.
            reference_px: where voxels lie on them (`references`).
            seen: which voxels each camera sees.
            proposals: voxels that are proposed as occupied.
        """
        maps = maps.permute(0, 2, 3, 1)
        proposed = proposals.flatten().nonzero()[:, 0]
        seeds = self.seed(self.voxel_queries[proposed], maps, reference_px[:, proposed], seen[:, proposed])
        voxels = self.mask_token.expand(self.working_grid.count, -1).index_copy(0, proposed, seeds)
        for layer in self.completion:
            voxels = layer(voxels, self.plane_rows, self.plane_columns)
        if self.look_again is not None:
            voxels = self.look_again(voxels, maps, reference_px, seen)
        return voxels.view(*self.working_grid.shape, -1)

    def references(self, cameras: Cameras, size: tuple[int, int]) -> tuple[Float[Tensor, "n v 2"], Bool[Tensor, "n v"]]:
        """Where each working voxel's centre lies on feature maps of `size` (rows, columns), and which cameras see it.

        Positions are pixels of the map, with pixel centres at whole numbers.
        """
        centres = self.working_grid.centres(device=cameras.K.device).flatten(0, 2)
        pixels, depth = cameras.project(centres)
        normalised = pixels / cameras.size_px.to(pixels).flip(-1)[:, None]
        on_map = normalised * pixels.new_tensor([size[1], size[0]]) - 0.5
        return on_map.to(self.mask_token.dtype), cameras.visible(pixels, depth)

    def loss(self, prediction: Prediction, batch: Batch) -> dict[str, Tensor]:
        """The four published terms, weighted; all reductions run over the whole batch.

        Of several frames only the key frame has 2D labels. (The published code scores all frames against these.)
        """
        config = self.config
        log_probs, target = valid_log_probs(prediction.logits, batch.need("target"))
        terms = {
            "voxel": config.voxel_ratio * cross_entropy(log_probs, target, self.class_weights, config.averaging),
            "semantic_affinity": config.semantic_ratio * semantic_affinity(log_probs, target),
            "geometric_affinity": config.geometric_ratio * geometric_affinity(log_probs, target, self.task.free),
        }
        if self.semantic_decoder is not None:
            labels = batch.need("semantics_2d")
            scores = prediction.each("semantics_2d")
            sizes = batch.need("cameras").size_px.amax(1).tolist()
            cut = [label[:, :height, :width] for label, (height, width) in zip(labels, sizes)]
            labelled = [score[: len(label)] for score, label in zip(scores, labels)]
            terms["semantics_2d"] = config.semantics_2d_ratio * semantic_2d(labelled, cut)
        return terms

    def follow(self, prediction: Prediction, said: Said, batch: Batch) -> dict[str, Tensor]:
        """Pull the voxel features towards the teacher's ``"voxels"``, where a working voxel is at least 5 % occupied.

        That is where the published half-scale labels have a class (section III-D).

        Raises:
            InputError: the teacher says nothing of voxels.
            ValueError: its features have another shape.
        """
        mine, theirs = prediction.need("voxels"), heard(said, "voxels")
        if mine.shape != theirs.shape:
            raise ValueError(
                f"the teacher's features {tuple(theirs.shape)} must be shaped as ours, {tuple(mine.shape)}"
            )
        config, counts = self.config, self.followed(batch.need("target"))
        return {"distil": config.distillation_ratio * feature_distillation(mine, theirs, counts, config.distillation)}

    def followed(self, target: UInt8[Tensor, "b x y z"]) -> Bool[Tensor, "b x2 y2 z2"]:
        """Working voxels whose features a student takes over: those of which at least 5 % are occupied."""
        occupied = (target != self.task.free) & (target != IGNORE)
        for axis, times in enumerate(self.config.coarsening, start=1):
            occupied = occupied.unflatten(axis, (-1, times)).sum(axis + 1)
        return 20 * occupied >= math.prod(self.config.coarsening)

    def inherit(self, teacher: nn.Module) -> None:
        """Nothing: MonoOcc's student starts on its own."""


def position_code(shape: tuple[int, int, int], width: int) -> Float[Tensor, "v c"]:
    """Sines and cosines of every voxel's position along x, y and z, slow ones first; unused channels are 0."""
    waves = width // 6
    codes = []
    for axis in torch.meshgrid(*(torch.linspace(0, torch.pi, count) for count in shape), indexing="ij"):
        phase = axis.flatten()[:, None] * torch.arange(1, waves + 1)
        codes += [phase.sin(), phase.cos()]
    return nn.functional.pad(torch.cat(codes, 1), (0, width - 6 * waves))


def _stack(tensors: list[Tensor]) -> Tensor:
    """Stack; a single tensor is viewed, not copied, since these are volumes of 100 MB and more."""
    return tensors[0][None] if len(tensors) == 1 else torch.stack(tensors)

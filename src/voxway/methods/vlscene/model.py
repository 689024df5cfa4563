"""VLScene: Vision-Language Guidance Distillation for Camera-Based 3D Semantic Scene Completion (AAAI 2025,
arXiv 2503.06219).

The idea in five lines. The left image's features are lifted into the volume by a depth distribution, which two
estimates make together: one from the left image that knows its camera, one from the correlation of the pair. What is
lifted spreads to near voxels, and a sparse U-Net reasons over the voxels that hold anything. A dense head gives classes
at twice the resolution. In training a vision-language network (LSeg) guides the features that are lifted.

======================  ========  ====================  ===========================================================
name                    symbol    shape                 meaning
======================  ========  ====================  ===========================================================
maps                    F_l, F_r  b c h w               features of both images at 1/8
context                 I         b c h w               left features that are lifted
depth                   P         b d h w               final probability of every depth bin
lifted                  V         b c x2 y2 z2          sum of depth times context over the points in a voxel
voxels                  -         b e x2 y2 z2          after sparse awareness
======================  ========  ====================  ===========================================================

Kept because released weights depend on it: the pair's bins lie 1.5 m nearer than those of the left image, and ignore
that pictures were resized; cells are cut off towards zero; depth labels sit half a bin higher; the last gate of the
sparse U-Net; points are looked up in another order of axes and by the right camera's pixels. The last two have
switches.
"""

from __future__ import annotations

import torch
from jaxtyping import Float, Int, UInt8
from torch import Tensor, nn

from voxway.core.errors import InputError
from voxway.core.sample import Batch, Prediction
from voxway.core.task import IGNORE
from voxway.losses.cross_entropy import cross_entropy
from voxway.losses.depth import depth_cross_entropy, nearest_bin
from voxway.losses.lovasz import lovasz_softmax
from voxway.losses.scene_affinity import geometric_affinity, semantic_affinity
from voxway.losses.valid import valid_log_probs
from voxway.methods.contract import Said
from voxway.methods.shared.batches import Alike, by_image_size, check_grid, in_order
from voxway.methods.shared.teaching import heard
from voxway.methods.shared.voxel_head import VoxelHead
from voxway.methods.vlscene.awareness import SparseAwareness
from voxway.methods.vlscene.config import VLSceneConfig
from voxway.methods.vlscene.depth import DepthNet
from voxway.methods.vlscene.guidance import FEATURES, SCORES, Guidance
from voxway.methods.vlscene.head import Trunk
from voxway.methods.vlscene.interaction import MutualInteraction
from voxway.methods.vlscene.points import PointHead
from voxway.methods.vlscene.rig import StereoRig
from voxway.methods.vlscene.stereo import StereoNet
from voxway.nn.backbone import ImageBackbone
from voxway.nn.necks import TopDownNeck
from voxway.ops.bev_pool import bev_pool, frustum, pool_table, volume_cells

_MEAN, _STD = (123.675, 116.28, 103.53), (58.395, 57.12, 57.375)
_DEPTH_LABEL_SHIFT = 0.5
"""Steps by which depth labels sit above the bins that they supervise."""


class VLScene(nn.Module):
    """The network. Its pictures are a rectified pair, the left one first."""

    image_mean: Tensor
    image_std: Tensor
    class_weights: Tensor

    def __init__(self, config: VLSceneConfig) -> None:
        super().__init__()
        self.config = config
        self.task = config.task
        self.training_masks: tuple[str, ...] = ()
        self.inputs = frozenset({"images", "T_rect_ego"})
        self.targets = frozenset({"target", "depth"} | ({"points", "point_labels"} if config.points else set()))
        width, bins, classes = config.width, config.depth_bins.count, len(config.task.classes)
        self.backbone = ImageBackbone(
            config.backbone, config.reductions, config.norm, pretrained=config.pretrained, weights=config.weights
        )
        self.neck = TopDownNeck(self.backbone.channels, width)
        self.depth_net = DepthNet(width, bins, config.dropout)
        self.stereo = StereoNet(width, config.stereo_features, config.stereo_groups)
        self.interaction = MutualInteraction(config.stereo_groups)
        self.awareness = SparseAwareness(
            width, config.sparse_widths, config.propagation, config.gate if config.interaction else None
        )
        self.trunk = Trunk(self.awareness.channels, config.head_width)
        self.head = VoxelHead(config.head_width, classes, config.coarsening)
        self.point_head = (
            PointHead(self.awareness.channels, width, classes, config.point_axes) if config.points else None
        )
        self.guidance = Guidance(config.guidance, width) if config.guidance else None
        self.register_buffer("image_mean", torch.tensor(_MEAN)[:, None, None], persistent=False)
        self.register_buffer("image_std", torch.tensor(_STD)[:, None, None], persistent=False)
        self.register_buffer("class_weights", torch.tensor(config.class_weights or (1.0,) * classes), persistent=False)

    def forward(self, batch: Batch) -> Prediction:
        """Predict from a pair of images and their cameras.

        Intermediates, one per sample: ``"depth"`` (d, h, w), ``"context"`` (c, h, w), and where points supervise, in
        training, ``"maps"`` (c, h, w) and ``"voxels"`` (e, x2, y2, z2).

        Raises:
            InputError: the batch lacks images or cameras, or these are no rectified pair.
        """
        batch.need("images")
        batch.need("T_rect_ego")
        check_grid(batch, self.task.grid)
        groups = by_image_size(batch.need("cameras"))
        found = [self._of_group(group, batch) for group in groups]
        together = {name: in_order(groups, [list(one[name]) for one in found]) for name in found[0]}
        return Prediction(logits=torch.stack(together.pop("logits")), intermediates=together)

    def _of_group(self, group: Alike, batch: Batch) -> dict[str, Tensor]:
        members = list(group.members)
        rig = StereoRig.of(
            group.cameras(batch.need("cameras")),
            batch.need("T_rect_ego")[members],
            tuple(batch.keys[i] for i in members),
        )
        images = self.normalise(group.cut(batch.need("images")))
        maps = self.encode(images)
        depth, context = self.see(maps, rig)
        found = {"depth": depth, "context": context}
        # Large volumes are let go as soon as they were read.
        near = self.awareness.propagate(self.lift(depth, context, rig))
        voxels = self.awareness.interacted(near)
        if self.point_head is not None and self.training:
            found |= {"maps": maps[:, 0], "voxels": voxels}
        voxels = self.trunk.narrowed(voxels)
        voxels = self.trunk.diffuse(voxels)
        found["logits"] = torch.stack([self.head(one.movedim(0, -1)) for one in voxels])
        return found

    def normalise(self, images: UInt8[Tensor, "b 2 3 h w"]) -> Float[Tensor, "b 2 3 h w"]:
        """Pictures as the backbone expects them."""
        return (images - self.image_mean) / self.image_std

    def encode(self, images: Float[Tensor, "b 2 3 h w"]) -> Float[Tensor, "b 2 c h2 w2"]:
        """Features of both images."""
        return self.neck(self.backbone(images.flatten(0, 1))).unflatten(0, images.shape[:2])

    def see(
        self, maps: Float[Tensor, "b 2 c h w"], rig: StereoRig
    ) -> tuple[Float[Tensor, "b d h w"], Float[Tensor, "b c h w"]]:
        """Probability of every depth bin of the left image, and the features to spread over them."""
        left, right = maps.unbind(1)
        cameras = [rig.vector(side).to(maps.device) for side in (0, 1)]
        mono = self.depth_net(left, cameras[0])
        config = self.config
        steps = rig.steps(config.depth_bins.depths(), config.reductions[0], config.stereo_bins)
        stereo = self.stereo(left, right, *cameras, steps)
        return self.interaction(stereo, mono.scores.softmax(1)), mono.context

    def lift(
        self, depth: Float[Tensor, "b d h w"], context: Float[Tensor, "b c h w"], rig: StereoRig
    ) -> Float[Tensor, "b c x2 y2 z2"]:
        """Sum of depth times context over the points in every working voxel."""
        cells = self.cells(rig, (context.shape[-2], context.shape[-1]))
        return bev_pool(depth[:, None], context[:, None], pool_table(cells, self.config.working_grid.shape))

    def cells(self, rig: StereoRig, size: tuple[int, int]) -> Int[Tensor, "b 1 d h w"]:
        """Working voxel of every depth bin of every pixel of the left map of `size` (rows, columns)."""
        depths = self.config.depth_bins.depths().to(self.image_mean.device)
        return volume_cells(rig.lift(frustum(rig.size_px, size, depths))[:, None], self.config.working_grid)

    def loss(self, prediction: Prediction, batch: Batch) -> dict[str, Tensor]:
        """The published terms, each with weight 1; all reductions run over the whole batch."""
        log_probs, target = valid_log_probs(prediction.logits, batch.need("target"))
        terms = {
            "voxel": cross_entropy(log_probs, target, self.class_weights, "weights"),
            "semantic_affinity": semantic_affinity(log_probs, target),
            "geometric_affinity": geometric_affinity(log_probs, target, self.task.free),
            "depth": self._depth_loss(prediction, batch),
        }
        if self.point_head is not None and self.training:
            scores, labels = self._labelled_points(prediction, batch)
            terms["point"] = cross_entropy(scores, labels)
            terms["point_lovasz"] = lovasz_softmax(scores, labels)
        return terms

    def _depth_loss(self, prediction: Prediction, batch: Batch) -> Tensor:
        bins, seen = self.config.depth_bins, batch.need("depth")
        groups = by_image_size(batch.need("cameras"))
        images = in_order(groups, [list(group.cut(seen)[:, 0]) for group in groups])
        likely, nearest = [], []
        for probabilities, depth in zip(prediction.each("depth"), images, strict=True):
            reduction = self.config.reductions[0]
            start = bins.start + _DEPTH_LABEL_SHIFT * bins.step
            nearest.append(nearest_bin(depth, reduction, start, bins.step, bins.count).flatten())
            likely.append(probabilities.flatten(1))
        return depth_cross_entropy(torch.cat(likely, 1)[:, None], torch.cat(nearest)[None])

    def _labelled_points(self, prediction: Prediction, batch: Batch) -> tuple[Tensor, Tensor]:
        """Log-probabilities and labels of all labelled points that the camera sees."""
        points, labels, offsets = batch.need("points"), batch.need("point_labels"), batch.need("point_offsets")
        cameras, grid = batch.need("cameras"), self.task.grid
        side = 1 if self.config.point_camera == "released" else 0
        scores, known = [], []
        for i, (maps, voxels) in enumerate(zip(prediction.each("maps"), prediction.each("voxels"), strict=True)):
            own = slice(int(offsets[i]), int(offsets[i + 1]))
            xyz, label, camera = points[own, :3], labels[own], cameras[i][side : side + 1]
            pixels, depth = camera.project(xyz)
            seen = camera.visible(pixels, depth)[0] & (label != IGNORE)
            lower, upper = (xyz.new_tensor(bound) for bound in (grid.lower, grid.upper))
            position = (xyz[seen] - lower) / (upper - lower) * 2 - 1
            size = camera.size_px[0].flip(0).to(pixels)
            pixel = torch.cat([pixels[0, seen] / size * 2 - 1, depth[0, seen, None]], 1)
            assert self.point_head is not None
            scores.append(self.point_head(voxels, maps, position, pixel))
            known.append(label[seen])
        return torch.cat(scores).float().log_softmax(-1), torch.cat(known).long()

    def follow(self, prediction: Prediction, said: Said, batch: Batch) -> dict[str, Tensor]:
        """Pull the lifted features towards those of a vision-language teacher, and towards its words.

        Raises:
            InputError: the teacher says nothing of that kind, or the network has no part for it.
        """
        features, scores = (heard(said, name).float() for name in (FEATURES, SCORES))
        if self.guidance is None:
            raise InputError(
                file=type(self).__name__,
                field="guidance",
                expected="a network with a part for a vision-language teacher",
                found="none",
                remedy="Configure it (method.guidance), or train without a teacher.",
            )
        context = torch.stack(list(prediction.each("context"))).float()
        config, size = self.guidance.config, context.shape[-2:]
        for name, tensor, channels in ((FEATURES, features, config.features), (SCORES, scores, config.words)):
            if tuple(tensor.shape[1:]) != (channels, *size):
                raise InputError(
                    file="teacher",
                    field=name,
                    expected=f"{(channels, *size)}, as the network has",
                    found=tuple(tensor.shape[1:]),
                    remedy="Set method.guidance.features and method.guidance.words as the teacher has them, and ask it "
                    "about pictures of the network's size.",
                )
        return self.guidance.terms(context, features, scores)

    def inherit(self, teacher: nn.Module) -> None:
        """Nothing: a vision-language teacher has no part that the student could start from."""

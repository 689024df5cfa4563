"""OccLE: Label-Efficient 3D Semantic Occupancy Prediction (arXiv 2505.20617).

The paper's full text and its code were not open to us. Known are its title, abstract, introduction and what reviews
tell of it; the network below is our reading of the paper, not the paper's network, and every choice that the paper does
not settle is a field of the configuration.

The idea in five lines. Semantics and geometry are learnt apart, each as a volume of features, and then fused. Semantics
come from an image and from LiDAR, both supervised by pseudo-labels that 2D foundation models give to pixels. Geometry
joins image and LiDAR across planes, and learns from few voxel labels and many frames without. What the fused volume
predicts is projected into the images, so that pseudo-labels supervise it where no voxel is labelled.

======================  ============  ====================  =======================================================
name                    symbol        shape                 meaning
======================  ============  ====================  =======================================================
maps                    F_I^s         b n c h w             features of images
pixels                  s             b n k-1 h w           class scores of pixels, free space not among them
pseudo_labels           s-bar         b n h w               their pseudo-labels
voxels                  S             v k-1                 class scores of voxels that LiDAR hits
semantic                F_s           b c x2 y2 z2          volume of the semantic branch
geometric               F_g           b c x2 y2 z2          volume of the geometric branch
coarse                  q             b k x2 y2 z2          class scores of working voxels, which are projected
logits                  Y             b k x y z             class scores
======================  ============  ====================  =======================================================
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from jaxtyping import Float, UInt8
from torch import Tensor, nn

from voxway.core.camera import Cameras
from voxway.core.sample import Batch, Prediction
from voxway.methods.contract import Said
from voxway.methods.occle.config import OccLEConfig
from voxway.methods.occle.geometry import GeometryBranch
from voxway.methods.occle.head import OccupancyHead
from voxway.methods.occle.labels import channels_of
from voxway.methods.occle.lift import lift, nearest_depths
from voxway.methods.occle.points import COLUMNS, all_points, key_points
from voxway.methods.occle.pseudo import predicted_labels, projection_terms, semantic_terms
from voxway.methods.occle.semantic import SemanticBranch, VoxelScores
from voxway.methods.occle.supervision import Terms, consistency, geometry_terms, predicted_evidence, voxel_terms
from voxway.methods.shared.batches import by_image_size, check_grid, in_order
from voxway.methods.shared.frames import views_of
from voxway.methods.shared.teaching import heard

_SURE = 10.0
"""Score by which a branch that knows only a part of the answer says what it knows."""


class OccLE(nn.Module):
    """The network. In the stages of one branch the other parts neither learn nor run."""

    image_mean: Tensor
    image_std: Tensor
    channels: Tensor

    def __init__(self, config: OccLEConfig) -> None:
        super().__init__()
        self.config, self.task = config, config.task
        self.training_masks: tuple[str, ...] = ()
        self.progress = 1.0
        grid, width, classes = config.working_grid, config.width, len(config.task.classes)
        self.semantic = SemanticBranch(config.semantic, grid, classes - 1, width, config.pretrained)
        self.geometry = GeometryBranch(config.geometry, grid, config.semantic.image.width, width)
        self.fusion = config.fusion.build(width)
        self.head = OccupancyHead(width, config.head_width, config.head_groups, classes, config.log_shares)
        self.register_buffer("image_mean", torch.tensor(config.semantic.image.mean)[:, None, None], persistent=False)
        self.register_buffer("image_std", torch.tensor(config.semantic.image.std)[:, None, None], persistent=False)
        self.register_buffer("channels", channels_of(config.task), persistent=False)
        stage = config.stage
        self.point_columns = COLUMNS + (config.lag == "column")
        self.inputs = frozenset({"images", "points"} | ({"pose"} if config.frames > 1 else set()))
        forms = config.supervision
        predicted = stage == "all" and (forms.predicted_evidence or forms.predicted_labels)
        labels = {"target"} | ({"evidence"} if forms.evidence or predicted else set())
        pixels = forms.projection or forms.semantic_share or forms.predicted_labels
        everything = labels | ({"pseudo_labels"} if pixels else set())
        read = {"semantic": {"pseudo_labels"}, "geometry": labels, "all": everything}
        self.targets = frozenset(read[stage])
        rates = {"semantic": config.branch_rate, "geometry": config.branch_rate, "head": config.head_rate}
        rates["semantic.image.backbone"] = config.encoder_rate
        self.rate_factors = rates if stage == "all" else {}
        for part in self._idle():
            part.requires_grad_(False)
        self.train()

    def _idle(self) -> list[nn.Module]:
        """Parts that do not learn in this stage."""
        semantic, stage = self.semantic, self.config.stage
        if stage == "all":
            return []
        if stage == "semantic":
            return [semantic.marker, semantic.join, self.geometry, self.fusion, self.head]
        shared = self.geometry.sees and not self.config.geometry.detach
        own = [part for part in semantic.children() if part is not semantic.image or not shared]
        return [*own, self.fusion, self.head]

    def train(self, mode: bool = True) -> OccLE:
        """Switch mode; parts that do not learn keep their statistics."""
        super().train(mode)
        for part in self._idle():
            part.eval()
        return self

    def forward(self, batch: Batch) -> Prediction:
        """Predict from images and points.

        In the stages of one branch the logits say what that branch knows: the semantic one the classes of voxels that
        LiDAR hits, the geometric one what is free and what is not.

        Intermediates. One per sample: ``"pixels"`` (n, k - 1, h, w), ``"voxels"`` (v, k - 1) and their ``"places"``
        (v, 3), x, y, z on the fine grid of LiDAR. Of the batch: ``"geometry"`` (b, 2, x, y, z), scores of free and
        occupied, and ``"coarse"`` (b, k, x2, y2, z2). A stage of one branch has its own alone.

        Raises:
            InputError: the batch lacks what the network reads, or lies on another grid.
        """
        for name in sorted(self.inputs):
            batch.need(name)
        check_grid(batch, self.task.grid)
        found: dict[str, Tensor | Sequence[Tensor]] = {}
        looked = self._look(batch)
        if "pixels" in looked:
            found["pixels"] = looked["pixels"]
        semantic = None
        if self.config.stage != "geometry":
            voxels = self._read_points(batch)
            found |= self._each(voxels, len(batch))
            if self.config.stage == "semantic":
                return Prediction(logits=self._of_voxels(voxels), intermediates=found)
            semantic = self.semantic(torch.stack(looked["semantic"]), torch.stack(looked["seen"]), voxels.volume)
        geometric = self._geometry(batch, looked)
        shape = self.task.grid.shape
        found["geometry"] = geometry = self.geometry.score(geometric, shape)
        if semantic is None:
            return Prediction(logits=self._of_geometry(geometry), intermediates=found)
        found["coarse"], logits = self.head(self.fusion(semantic, geometric), shape)
        return Prediction(logits=logits, intermediates=found)

    def _look(self, batch: Batch) -> dict[str, list[Tensor]]:
        """What the stage takes from images, one tensor per sample: ``"pixels"``, and in working voxels ``"semantic"``
        and ``"geometric"`` with ``"seen"``. Images of unlike size are looked at apart."""
        images, cameras = views_of(batch, self.config.frames)
        clouds = None
        if self.config.fade:
            points, offsets = self._points_of_all(batch)
            clouds = points[:, :3].tensor_split(offsets[1:-1].cpu())
        groups, looks = by_image_size(cameras), []
        for group in groups:
            points = None if clouds is None else [clouds[i] for i in group.members]
            looks.append(self._look_at(group.cut(images), group.cameras(cameras), points))
        return {name: in_order(groups, [list(one[name]) for one in looks]) for name in looks[0]}

    def _look_at(
        self, images: UInt8[Tensor, "b n 3 h w"], cameras: Cameras, points: Sequence[Tensor] | None
    ) -> dict[str, Tensor]:
        stage, own = self.config.stage, cameras.count // self.config.frames
        parts = ["semantic"] if stage == "all" else []
        parts += ["geometric"] if self.geometry.sees and stage != "semantic" else []
        if not parts and stage == "geometry":
            return {}
        shown = images if parts else images[:, :own]  # earlier frames are there to be lifted
        maps = self.semantic.look((shown - self.image_mean) / self.image_std)
        found = {} if stage == "geometry" else {"pixels": self.semantic.score_pixels(maps[:, :own])}
        if not parts:
            return found
        features = [maps if part == "semantic" else self.geometry.look(maps) for part in parts]
        # Both branches look up the same places: once, for all their channels.
        reduction = self.config.semantic.image.finest
        size = (maps.shape[-2], maps.shape[-1])
        depths = None
        if points is not None:
            depths = torch.stack([nearest_depths(own, cameras[i], size, reduction) for i, own in enumerate(points)])
        lifted, found["seen"] = lift(
            torch.cat(features, 2),
            cameras,
            self.config.working_grid,
            reduction,
            depths,
        )
        return found | dict(zip(parts, lifted.split([one.shape[2] for one in features], 1)))

    def _read_points(self, batch: Batch) -> VoxelScores:
        """What LiDAR says of the voxels that it hits."""
        if self.config.semantic.frames == "key":
            return self.semantic.read_points(*key_points(batch, self.config.full_intensity))
        return self.semantic.read_points(*self._points_of_all(batch))

    def _points_of_all(self, batch: Batch) -> tuple[Tensor, Tensor]:
        config = self.config
        return all_points(batch, config.frames, config.full_intensity, config.lag)

    def _geometry(self, batch: Batch, looked: dict[str, list[Tensor]]) -> Float[Tensor, "b c x2 y2 z2"]:
        """The geometric branch's volume."""
        lifted = {name: torch.stack(looked[name]) for name in ("geometric", "seen") if name in looked}
        return self.geometry(lifted.get("geometric"), lifted.get("seen"), *self._points_of_all(batch))

    def _each(self, voxels: VoxelScores, samples: int) -> dict[str, Sequence[Tensor]]:
        """Scores and places of voxels, sample by sample."""
        counts = voxels.sites.index[:, 0].bincount(minlength=samples).tolist()
        return {"voxels": voxels.scores.split(counts), "places": voxels.sites.index[:, 1:].split(counts)}

    def _of_voxels(self, voxels: VoxelScores) -> Float[Tensor, "b k x y z"]:
        """Logits of what LiDAR hits; the rest is free."""
        free, sites = self.task.free, voxels.sites
        nothing = voxels.scores.new_zeros(len(self.task.classes))
        nothing[free] = _SURE
        fine = nothing.expand(sites.samples, *sites.shape, -1).clone()
        unlikely = voxels.scores.new_full((len(voxels.scores), 1), -_SURE)
        rows = torch.cat([voxels.scores[:, :free], unlikely, voxels.scores[:, free:]], 1)
        fine[tuple(sites.index.unbind(1))] = rows
        for axis, coarsening in enumerate(self.config.coarsening, start=1):
            fine = fine.repeat_interleave(coarsening // 2, axis)
        return fine.movedim(-1, 1)

    def _of_geometry(self, geometry: Float[Tensor, "b 2 x y z"]) -> Float[Tensor, "b k x y z"]:
        """Logits of free space, and of every other class alike."""
        logits = geometry[:, 1:].repeat(1, len(self.task.classes), 1, 1, 1)
        logits[:, self.task.free] = geometry[:, 0]
        return logits

    def loss(self, prediction: Prediction, batch: Batch) -> Terms:
        """The stage's terms, weights included; see `supervision`. Terms without anything to learn from are 0."""
        config, stage = self.config.supervision, self.config.stage
        if stage == "geometry":
            return geometry_terms(config, self.task, prediction.need("geometry"), batch, self.progress)
        if stage == "semantic":
            return semantic_terms(self.config, self.channels, prediction, batch)
        terms = voxel_terms(config, self.task, prediction.logits, batch)
        if config.predicted_evidence:
            terms["predicted_evidence"] = predicted_evidence(config, self.task, prediction.logits, batch, self.progress)
        if config.predicted_labels:
            terms["predicted_labels"] = predicted_labels(self.config, prediction, batch)
        if config.projection:
            terms |= projection_terms(self.config, self.channels, prediction, batch)
        geometry = geometry_terms(config, self.task, prediction.need("geometry"), batch, self.progress)
        if config.semantic_share:
            semantic = semantic_terms(self.config, self.channels, prediction, batch)
            terms |= {name: config.semantic_share * term for name, term in semantic.items()}
        return terms | {name: config.geometry_share * term for name, term in geometry.items()}

    def follow(self, prediction: Prediction, said: Said, batch: Batch) -> Terms:
        """Agree with the moving average of one's own weights about what is free and what is not.

        Raises:
            InputError: the teacher says nothing of that.
        """
        config, stage = self.config.supervision, self.config.stage
        if stage == "semantic":
            return {}
        taught = heard(said, "geometry")
        term = consistency(config, prediction.need("geometry"), taught, batch, self.progress)
        return {"consistency": term * (config.geometry_share if stage == "all" else 1.0)}

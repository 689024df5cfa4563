"""The box network: one set of weights for any rig, of any number of pinhole cameras, with LiDAR or without.

No paper: lift-splat (Philion and Fidler, ECCV 2020) with depth that knows the camera (BEVDepth, AAAI 2023), a LiDAR
branch of dense counts, both summed into one bird's-eye map (BEVFusion, ICRA 2023), a channel-to-height head (FlashOcc,
2311.12058). What is ours: pictures' rays and the height of a flat road under them are given to the depth net, so that
it need not learn them anew for every rig; what a rig lacks adds exact zeros and says so by a flag; training hides
LiDAR and cameras at random; and there is no operator that ONNX lacks.

::

    pictures (b, n, 3, h, w) -> features, depth (d bins) -> slabs of lifted context    -\\
                                                         -> what voxels' pixels see    --+
    points (p, c) -> counts (b, z, y, x) -> reduced to the map's cells                 --+-> map encoder -> columns
    flags (b, 2): whether there are pictures, points                                   -/
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn

from voxway.core.camera import Cameras
from voxway.core.sample import Batch, Prediction
from voxway.methods.box.bev import ColumnHead, MapEncoder
from voxway.methods.box.blocks import ConvGroup
from voxway.methods.box.camera import CameraBranch, Look
from voxway.methods.box.config import BoxConfig
from voxway.methods.box.hiding import hidden
from voxway.methods.box.lidar import LidarBranch, point_counts
from voxway.methods.box.sight import SIGHTS
from voxway.methods.box.supervision import follow, supervise
from voxway.methods.contract import Said
from voxway.methods.shared.batches import Alike, by_image_size, check_grid, in_order


class BoxNetwork(nn.Module):
    """Reads pictures, points, or both; at least one of them is needed."""

    def __init__(self, config: BoxConfig) -> None:
        super().__init__()
        self.config = config
        self.task = config.task
        pictures_only = config.stage == "camera"
        self.inputs = frozenset({"images"} if pictures_only else {"images", "points"})
        self.dispensable = self.inputs
        self.targets = frozenset({"target", "depth"})
        self.training_masks: tuple[str, ...] = ()
        self.point_columns = 3
        self.camera, self.lidar = CameraBranch(config), LidarBranch(config)
        width = config.width
        self.from_cameras = nn.Sequential(
            ConvGroup(self.camera.channels + SIGHTS * config.task.grid.shape[2], width),
            ConvGroup(width, width),
            nn.Conv2d(width, width, 1),
        )
        self.from_lidar = nn.Conv2d(self.lidar.channels, width, 1)
        self.flags = nn.Linear(2, width)
        self.encoder = MapEncoder(width, config.widths)
        grid, classes = config.task.grid, len(config.task.classes)
        self.head = ColumnHead(
            config.widths[0],
            config.head_width,
            config.measured,
            factor=config.cell,
            heights=grid.shape[2],
            classes=classes,
            free=config.task.free,
        )
        for part in (self.camera, self.lidar, self.from_cameras, self.from_lidar, self.encoder):
            part.to(memory_format=torch.channels_last)  # steps on a processor take a seventh less

    def forward(self, batch: Batch) -> Prediction:
        """Predict from pictures, points or both.

        Intermediates: with pictures ``"depth"`` (b, n, d, h, w), the probability of every depth bin, and ``"pixels"``
        (b, n, k, h, w), scores of the class that each feature pixel shows; where a batch has images of unlike size, one
        per sample. In the stage of the camera branch that is all; voxels' classes are all as likely.

        Raises:
            InputError: the batch has neither pictures nor points, or lies on another grid.
        """
        check_grid(batch, self.task.grid)
        if batch.images is None and batch.points is None:
            batch.need("images")
        if self.config.stage == "camera":
            return self._look(batch)
        samples, device = len(batch), self.flags.weight.device
        counts = torch.zeros(samples, *self.task.grid.shape[::-1], device=device)
        if batch.points is not None:
            counts = point_counts(batch.points, batch.need("point_offsets"), self.task.grid)
        shown = torch.zeros(samples, 0, device=device)
        if batch.images is not None:
            # Cameras of no pixels only keep a place.
            shown = (batch.need("cameras").size_px[..., 0] > 0).to(device, torch.float32)
        if self.training:
            shown, counts = hidden(self.config, shown, counts)
        if batch.images is None:
            return Prediction(logits=self.fuse(*self.camera.nothing(samples), counts, shown))
        groups, images, cameras = _pictures(batch)
        seen = [self.camera(*pair, shown[list(group.members)]) for group, *pair in zip(groups, images, cameras)]
        lifted, sight = (torch.stack(in_order(groups, [list(one[part]) for one in seen])) for part in range(2))
        return Prediction(
            logits=self.fuse(lifted, sight, counts, shown),
            intermediates=_joined(groups, [look for _, _, look in seen]),
        )

    def fuse(
        self,
        lifted: Float[Tensor, "b c y2 x2"],
        sight: Float[Tensor, "b 2 z y2 x2"],
        counts: Float[Tensor, "b z y x"],
        shown: Float[Tensor, "b n"],
    ) -> Float[Tensor, "b k x y z"]:
        """Scores from what both branches have, zeros and a flag for what is not there."""
        pictures = torch.cat([lifted, sight.flatten(1, 2)], 1)
        flags = torch.stack([(shown.sum(1) > 0).float(), (counts.flatten(1).sum(1) > 0).float()], 1)
        seen, met = flags[:, :1, None, None], flags[:, 1:, None, None]
        joined = self.from_cameras(pictures) * seen + self.from_lidar(self.lidar(counts)) * met
        return self.head(self.encoder(joined + self.flags(flags)[:, :, None, None]), counts, sight)

    def loss(self, prediction: Prediction, batch: Batch) -> dict[str, Tensor]:
        """Named terms of what labels and LiDAR say; see `supervision`."""
        return supervise(self.config, prediction, batch)

    def follow(self, prediction: Prediction, said: Said, batch: Batch) -> dict[str, Tensor]:
        """Named terms of what a teacher says that sees whatever the rig has; see `supervision`."""
        return follow(self.config, prediction, said)

    def _look(self, batch: Batch) -> Prediction:
        """What the camera branch says alone, where somebody has measured depths; of voxels nothing."""
        nothing = 0 * self.camera.depth_net.belief.sum()
        logits = nothing.expand(len(batch), len(self.task.classes), *self.task.grid.shape)
        measured = batch.depth is not None and bool((batch.depth > 0).any())
        if batch.images is None or not measured:
            return Prediction(logits=logits)
        groups, images, cameras = _pictures(batch)
        looks = [self.camera.look(*pair) for pair in zip(images, cameras)]
        return Prediction(logits=logits, intermediates=_joined(groups, looks))


def _pictures(batch: Batch) -> tuple[list[Alike], list[Tensor], list[Cameras]]:
    """Samples by the size of their images, each group's images without padding, and its cameras."""
    cameras, images = batch.need("cameras"), batch.need("images")
    groups = by_image_size(cameras)
    return groups, [group.cut(images) for group in groups], [group.cameras(cameras) for group in groups]


def _joined(groups: Sequence[Alike], looks: Sequence[Look]) -> dict[str, Tensor | list[Tensor]]:
    """Looks of samples of several image sizes as intermediates: one tensor where all are of one size."""
    parts = {"depth": [look.depth for look in looks], "pixels": [look.shows for look in looks]}
    if len(groups) == 1:
        return {name: own[0] for name, own in parts.items()}
    return {name: in_order(groups, [list(one) for one in own]) for name, own in parts.items()}

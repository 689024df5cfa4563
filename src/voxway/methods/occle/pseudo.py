"""What pseudo-labels of pixels teach: the scores of pixels, those of voxels that LiDAR hits, and the prediction."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from jaxtyping import Float, Float64, Int, UInt8
from torch import Tensor

from voxway.core.sample import EVIDENCE_OCCUPIED, Batch, Prediction
from voxway.core.task import IGNORE
from voxway.losses.cross_entropy import cross_entropy
from voxway.methods.occle.config import OccLEConfig
from voxway.methods.occle.labels import Hidden, as_targets, at_cells, lifted_labels
from voxway.methods.occle.projection import ProjectionTable, accumulate, compared
from voxway.methods.occle.supervision import Terms, labelled, labelled_rows, learnt_from, mean
from voxway.methods.shared.batches import by_image_size, in_order


def semantic_terms(config: OccLEConfig, channels: Int[Tensor, "256"], prediction: Prediction, batch: Batch) -> Terms:
    """Terms of pixels and of voxels that LiDAR hits.

    Args:
        config: of the network.
        channels: from `channels_of`.
        prediction: with ``"pixels"``, ``"voxels"`` and ``"places"``.
        batch: with pseudo-labels, cameras and points.
    """
    groups = by_image_size(batch.need("cameras"))
    labels = in_order(groups, [list(group.cut(batch.need("pseudo_labels"))) for group in groups])
    pixels = [
        _pixel_rows(config, scores, as_targets(own, channels))
        for scores, own in zip(prediction.each("pixels"), labels, strict=True)
    ]
    finer = config.working_grid.refine(2)
    targets = [
        as_targets(_voxel_labels(config, finer.centre(places, torch.float64), own, batch, sample), channels)
        for sample, (places, own) in enumerate(zip(prediction.each("places"), labels, strict=True))
    ]
    terms = learnt_from(*labelled_rows([one for one, _ in pixels], [target for _, target in pixels]), "pixels")
    return terms | learnt_from(*labelled_rows(prediction.each("voxels"), targets), "points")


def _pixel_rows(
    config: OccLEConfig, scores: Float[Tensor, "n k h2 w2"], labels: UInt8[Tensor, "n h w"]
) -> tuple[Float[Tensor, "n k _h _w"], UInt8[Tensor, "n _h _w"]]:
    """Scores and labels at one size: the images', or the map's."""
    reduction = config.semantic.image.finest
    if config.supervision.pixels == "map":
        return scores, at_cells(labels, reduction)
    enlarged = F.interpolate(scores.float(), scale_factor=reduction, mode="bilinear")
    return enlarged[..., : labels.shape[-2], : labels.shape[-1]], labels


@torch.no_grad()
def _voxel_labels(
    config: OccLEConfig, centres: Float64[Tensor, "v 3"], labels: UInt8[Tensor, "n h w"], batch: Batch, sample: int
) -> UInt8[Tensor, "v"]:
    """The label of the pixel that shows each voxel of one sample."""
    forms, cameras = config.supervision, batch.need("cameras")[sample]
    first, last = batch.need("point_offsets")[sample : sample + 2].tolist()
    points = batch.need("points")[first:last, :3]
    hidden = Hidden(points, cameras, forms.hidden_window, forms.hidden_slack_m, forms.hidden_slack)
    return lifted_labels(centres, labels, cameras, hidden)


def predicted_labels(config: OccLEConfig, prediction: Prediction, batch: Batch) -> Float[Tensor, ""]:
    """Cross-entropy of the prediction to the labels of the pixels that show the voxels which LiDAR's rays hit, on
    frames without labels.

    Args:
        config: of the network.
        prediction: scores of all classes.
        batch: with evidence, pseudo-labels, cameras and points.
    """
    hit = batch.need("evidence") == EVIDENCE_OCCUPIED
    groups, grid = by_image_size(batch.need("cameras")), config.task.grid
    labels = in_order(groups, [list(group.cut(batch.need("pseudo_labels"))) for group in groups])
    classes = torch.full((256,), IGNORE, dtype=torch.uint8, device=hit.device)
    classes[list(config.task.occupied)] = torch.tensor(config.task.occupied, dtype=torch.uint8, device=hit.device)
    scores, targets = [], []
    for sample in (~labelled(batch)).nonzero()[:, 0].tolist():
        centres = grid.centre(hit[sample].nonzero(), torch.float64)
        targets.append(classes[_voxel_labels(config, centres, labels[sample], batch, sample).long()])
        scores.append(prediction.logits[sample][:, hit[sample]].T)
    if not scores:
        return prediction.logits.sum() * 0
    return config.supervision.predicted_labels * cross_entropy(*labelled_rows(scores, targets))


def projection_terms(config: OccLEConfig, channels: Int[Tensor, "256"], prediction: Prediction, batch: Batch) -> Terms:
    """Terms of the prediction as the images show it: of labelled cells, and of the sky.

    Arguments are those of `semantic_terms`; the prediction's ``"coarse"`` is what is projected.
    """
    coarse, cameras, labels = prediction.need("coarse"), batch.need("cameras"), batch.need("pseudo_labels")
    losses, skies, forms = [], [], config.supervision
    for group in by_image_size(cameras):
        with torch.no_grad():
            rig = group.cameras(cameras)
            table = ProjectionTable.of(rig, config.working_grid, group.size_px, config.projection_reduction)
            said = at_cells(group.cut(labels), config.projection_reduction).flatten()
        log_probs = coarse[list(group.members)].float().log_softmax(1)
        shown = accumulate(log_probs, config.task.free, table, forms.projection_mode)
        loss, sky = compared(shown, said, channels)
        losses.append(loss)
        skies.append(sky)
    return {
        "projection": forms.projection * mean(torch.cat(losses)),
        "sky": forms.projection * forms.sky * mean(torch.cat(skies)),
    }

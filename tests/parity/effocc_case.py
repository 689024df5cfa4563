"""What the EFFOcc parity tests share: the case's cameras, and the comparison of a stored tensor."""

from __future__ import annotations

import numpy as np
import torch

from voxway.core.camera import Cameras

SIZE_PX = (256, 704)


def bev_change(reference):
    """The case's random change of the bird's-eye frame, which its points have gone through: float64 (4, 4)."""
    return torch.from_numpy(reference["in.bda"][0]).double()


def cameras(reference, change=None):
    """The six cameras; the key ego frame is the first camera's, moved by `change` (4, 4), by default the case's own."""
    T_world_ego, T_ego_cam = (torch.from_numpy(reference[f"in.{n}"]).double() for n in ("ego2global", "sensor2ego"))
    T_key_cam = torch.linalg.inv(T_world_ego[:, :1]) @ T_world_ego @ T_ego_cam
    T_image = torch.from_numpy(reference["in.post_rots"]).double()
    T_image[..., :2, 2] = torch.from_numpy(reference["in.post_trans"]).double()[..., :2]
    rig = Cameras(
        K=torch.from_numpy(reference["in.intrins"]).double(),
        T_cam_ego=torch.linalg.inv(T_key_cam),
        size_px=torch.tensor(SIZE_PX).expand(1, 6, 2).clone(),
        T_image=T_image,
    )
    return rig.move_ego(bev_change(reference) if change is None else change)


def errors(reference, key, found):
    """Absolute differences from the stored samples of `key`, after its shape and statistics were compared."""
    assert tuple(found.shape) == tuple(reference[f"{key}.shape"]), key
    expected = reference[key]
    found = found.cpu()
    sampled = found.contiguous().flatten()[:: int(reference[f"{key}.stride"])]
    if f"{key}.stats" in reference.arrays:
        full = found.double()
        statistics = [full.mean(), full.std(correction=0), full.abs().max()]
        np.testing.assert_allclose([float(v) for v in statistics], reference[f"{key}.stats"], rtol=2e-3, atol=1e-5)
    return np.abs(sampled.numpy().astype(np.float64) - expected)


def check_prediction(reference, prefix, logits, close):
    """Logits (b, k, x, y, z) against a case's samples, columns and classes."""
    logits = logits.cpu().permute(0, 2, 3, 4, 1)
    columns = np.abs(logits[0, ::20, ::20].numpy() - reference[f"{prefix}.logits_columns"])
    for error in (errors(reference, f"{prefix}.logits", logits), columns):
        close(f"{prefix}, logits", error, 3e-4)
        assert np.quantile(error, 0.999) <= close.factor * 1e-4
    best = logits[0].topk(2).values
    clear = (best[..., 0] - best[..., 1] > 1e-3).numpy()
    assert clear.mean() > 0.9
    winners = logits[0].argmax(-1).to(torch.uint8).numpy()
    assert (winners == reference[f"{prefix}.argmax"])[clear].all()

"""The example that draws over images what supervises where there are no voxel labels."""

from __future__ import annotations

import runpy
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from voxway.data.semantickitti.config import SemanticKITTIConfig

EXAMPLE = Path(__file__).parents[2] / "examples" / "draw_supervision.py"


def test_rays_and_labels_lie_on_the_picture(world: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = SemanticKITTIConfig(root=world, split="val", needs=frozenset({"images"}), partial=True)
    sample = data.build()[0]
    monkeypatch.setattr("sys.argv", ["draw", "semantickitti", str(world), sample.key, str(tmp_path / "drawn.png")])
    runpy.run_path(str(EXAMPLE), run_name="__main__")
    picture, original = np.asarray(Image.open(tmp_path / "drawn.png")), sample.images[0].movedim(0, -1).numpy()
    height = len(original)
    assert picture.shape == (2 * height, *original.shape[1:])
    rays, labels = ((part != original).any(-1) for part in (picture[:height], picture[height:]))
    assert rays[height // 2 :].mean() > 0.02 and labels[height // 2 :].mean() > 0.02
    assert not rays[0].any() and not labels[0].any()  # a LiDAR does not look into the sky
    near = picture[:height][rays & (np.arange(height) >= 0.9 * height)[:, None]].astype(int)
    assert (near[:, 0] > near[:, 2]).all()

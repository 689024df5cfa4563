"""MonoOcc-S at its published size keeps within its memory: 3 GB to predict, 24 GB to train, on a CPU."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow
ROOT = Path(__file__).parents[2]


def measured(script: str) -> dict:
    """What a process of its own prints as JSON; peak memory is a whole process's."""
    result = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    return json.loads(result.stdout.splitlines()[-1])


SCRIPT = """
import json, torch
from voxway.core.frame_shape import FrameShape
from voxway.measure.passes import measure, network_and_batch
from voxway.recipes.networks.monoocc import MONOOCC_S
torch.set_num_threads(2)
frame = FrameShape(cameras=1, image_px=(370, 1226), proposals=17_000)
network, batch = network_and_batch(MONOOCC_S, frame)
print(json.dumps({{"peak_gb": measure(network, batch, 1, 0, training={training})[-1].peak_gb}}))
"""


def test_prediction_fits_3_gb():
    assert measured(SCRIPT.format(training=False))["peak_gb"] <= 3


@pytest.mark.timeout(1800)
def test_training_step_fits_24_gb():
    assert measured(SCRIPT.format(training=True))["peak_gb"] <= 24 * 0.9  # leave room for AdamW's two moments

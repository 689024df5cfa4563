"""Published networks at full size, on a made-up frame of six pictures of 256 x 704."""

from __future__ import annotations

import pytest
import torch

from voxway.engine.mock import ring, ring_batch
from voxway.export.run import ExportConfig, export_network
from voxway.methods.effocc.export import graph
from voxway.recipes.networks.effocc import FLASHOCC_R50, FUSION_R18

CASES = [(FLASHOCC_R50, False), (FLASHOCC_R50, True), (FUSION_R18, False)]


@pytest.mark.slow
@pytest.mark.parametrize(("config", "fixed"), CASES, ids=["flashocc-r50", "flashocc-r50-fixed", "fusion-r18"])
def test_published_networks_export(config, fixed, tmp_path):
    torch.manual_seed(0)
    batch = ring_batch(config.task.grid, ring(6, (256, 704)))
    cameras = batch.cameras if fixed else None
    report = export_network(config.build(), graph, [batch], tmp_path / "a.onnx", ExportConfig(runs=1), fixed=cameras)
    assert report.parity.agreement >= 0.999 and report.parity.logits_difference < 1e-3

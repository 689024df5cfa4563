"""Published networks at full size, on a made-up frame of six pictures of 256 x 704."""

from __future__ import annotations

import pytest

from voxway.core.calibration import Calibration
from voxway.core.frame_shape import FrameShape
from voxway.export.run import ExportConfig, export_network
from voxway.measure.passes import network_and_batch
from voxway.methods.effocc.export import graph
from voxway.recipes.networks.effocc import FLASHOCC_R50, FUSION_R18

CASES = [(FLASHOCC_R50, False), (FLASHOCC_R50, True), (FUSION_R18, False)]


@pytest.mark.slow
@pytest.mark.parametrize(("config", "fixed"), CASES, ids=["flashocc-r50", "flashocc-r50-fixed", "fusion-r18"])
def test_published_networks_export(config, fixed, tmp_path):
    network, batch = network_and_batch(config, FrameShape(masks=config.supervision.masks))
    rig = Calibration.of(batch) if fixed else None
    report = export_network(network, graph, [batch], tmp_path / "a.onnx", ExportConfig(runs=1), fixed=rig)
    assert report.parity.agreement >= 0.999 and report.parity.logits_difference < 1e-3

"""Published networks at full size, on made-up frames with pictures of the size that they learn from."""

from __future__ import annotations

import pytest

from voxway.core.calibration import Calibration
from voxway.core.frame_shape import FrameShape
from voxway.export.run import ExportConfig, export_network
from voxway.measure.passes import network_and_batch
from voxway.methods import registry
from voxway.recipes.networks.effocc import FLASHOCC_R50, FUSION_R18
from voxway.recipes.networks.monoocc import MONOOCC_L, MONOOCC_S
from voxway.recipes.networks.vlscene import VLSCENE

RING = FrameShape(masks=FLASHOCC_R50.supervision.masks)
ONE = FrameShape(cameras=1, image_px=(370, 1226))
PAIR = FrameShape(cameras=2, image_px=(384, 1280))
CASES = {
    "flashocc-r50": (FLASHOCC_R50, RING, False),
    "flashocc-r50-fixed": (FLASHOCC_R50, RING, True),
    "fusion-r18": (FUSION_R18, RING, False),
    "monoocc-s": (MONOOCC_S, ONE, False),
    "monoocc-l-fixed": (MONOOCC_L, ONE, True),
    "vlscene": (VLSCENE, PAIR, False),
    "vlscene-fixed": (VLSCENE, PAIR, True),
}


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize(("config", "frame", "fixed"), CASES.values(), ids=CASES)
def test_published_networks_export(config, frame, fixed, tmp_path):
    network, batch = network_and_batch(config, frame)
    rig = Calibration.of(batch) if fixed else None
    exporter = registry.exporter(registry.config_name(config))
    report = export_network(network, exporter, [batch], tmp_path / "a.onnx", ExportConfig(runs=1), fixed=rig)
    assert report.parity.agreement >= 0.999 and report.parity.logits_difference < 1e-3

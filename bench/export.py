"""Exported files of full-size networks: agreement, size and speed, on made-up frames, with random weights.

python bench/export.py                                 FlashOcc-R50, fusion, MonoOcc-S and VLScene, float32
python bench/export.py --precision float16 int8 --fixed
python bench/export.py --network fusion --threads 2
python bench/export.py --network monoocc-small vlscene-small
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import torch

from voxway.core.calibration import Calibration
from voxway.core.frame_shape import FrameShape
from voxway.export.run import PRECISIONS, ExportConfig, export_network
from voxway.measure.made_up import made_up_batch
from voxway.measure.passes import describe_machine
from voxway.methods import registry
from voxway.recipes.networks import effocc, monoocc, vlscene

_RING, _ONE = FrameShape(), FrameShape(cameras=1, image_px=(370, 1226))
_PAIR, _SMALL_PAIR = (FrameShape(cameras=2, image_px=size_px) for size_px in ((384, 1280), (128, 416)))
NETWORKS = {
    "camera": (effocc.FLASHOCC_R50, _RING),
    "fusion": (effocc.FUSION_R18, _RING),
    "monoocc-s": (monoocc.MONOOCC_S, _ONE),
    "monoocc-l": (monoocc.MONOOCC_L, _ONE),
    "monoocc-small": (monoocc.SMALL, _ONE),
    "vlscene": (vlscene.VLSCENE, _PAIR),
    "vlscene-small": (vlscene.SMALL, _SMALL_PAIR),
}
USUAL = ("camera", "fusion", "monoocc-s", "vlscene")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--network", nargs="+", choices=NETWORKS, default=list(USUAL))
    parser.add_argument("--precision", nargs="+", choices=PRECISIONS, default=["float32"])
    parser.add_argument("--fixed", action="store_true", help="for the made-up rig alone")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--runs", type=int, default=3)
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    print(describe_machine())
    for name in given.network:
        config, frame = NETWORKS[name]
        torch.manual_seed(0)
        network = config.build().eval()
        exporter = registry.exporter(registry.config_name(config))
        batches = [made_up_batch(network.task, network.inputs, frame, seed=seed) for seed in range(2)]
        fixed = Calibration.of(batches[0]) if given.fixed else None
        for precision in given.precision:
            with tempfile.TemporaryDirectory() as folder:
                settings = ExportConfig(precision=precision, runs=given.runs)
                out = Path(folder) / f"{name}-{precision}.onnx"
                report = export_network(
                    network, exporter, batches[:1], out, settings, fixed=fixed, calibrate=batches[1:]
                )
                print(report, "\n")


if __name__ == "__main__":
    main()

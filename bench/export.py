"""Exported files of full-size networks: agreement, size and speed (six pictures of 256 x 704, random weights).

python bench/export.py                                 FlashOcc-R50 and the fusion network, float32
python bench/export.py --precision float16 int8 --fixed
python bench/export.py --network fusion --threads 2
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
from voxway.methods.effocc.export import graph
from voxway.recipes.networks.effocc import FLASHOCC_R50, FUSION_R18

NETWORKS = {"camera": FLASHOCC_R50, "fusion": FUSION_R18}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--network", nargs="+", choices=NETWORKS, default=list(NETWORKS))
    parser.add_argument("--precision", nargs="+", choices=PRECISIONS, default=["float32"])
    parser.add_argument("--fixed", action="store_true", help="for the made-up rig alone")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--runs", type=int, default=3)
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    print(describe_machine())
    for name in given.network:
        torch.manual_seed(0)
        network = NETWORKS[name].build().eval()
        batches = [made_up_batch(network.task, network.inputs, FrameShape(), seed=seed) for seed in range(2)]
        fixed = Calibration.of(batches[0]) if given.fixed else None
        for precision in given.precision:
            with tempfile.TemporaryDirectory() as folder:
                config = ExportConfig(precision=precision, runs=given.runs)
                out = Path(folder) / f"{name}-{precision}.onnx"
                report = export_network(network, graph, batches[:1], out, config, fixed=fixed, calibrate=batches[1:])
                print(report, "\n")


if __name__ == "__main__":
    main()

"""Files exported once for all tests."""

from __future__ import annotations

import pytest

from tests.export.lively import exporter, frame, lively
from voxway.core.calibration import Calibration
from voxway.export.run import ExportConfig, export_network


@pytest.fixture(scope="session")
def exported(tmp_path_factory):
    """Exports a network, each once: it, its file and the report. ``-fixed`` behind a name fixes the calibration."""
    folder, made = tmp_path_factory.mktemp("onnx"), {}

    def export(case):
        if case not in made:
            name, path = case.removesuffix("-fixed"), folder / f"{case}.onnx"
            network, config = lively(name), ExportConfig(logits=True, runs=1)
            frames = [frame(seed, name) for seed in (0, 1)]
            fixed = Calibration.of(frames[0]) if case.endswith("-fixed") else None
            report = export_network(network, exporter(network), frames, path, config, fixed=fixed)
            made[case] = network, path, report
        return made[case]

    return export

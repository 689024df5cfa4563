"""SemanticKITTI's scores against the published evaluation."""

from __future__ import annotations

import numpy as np
import pytest

from tests.conftest import Reference
from voxway.core.result import Protocol, Result
from voxway.data.semantickitti.benchmark import SEMANTIC_KITTI
from voxway.metrics.confusion import confusion

PROTOCOL = Protocol(benchmark="semantickitti", split="val", samples=1, masks=())


@pytest.fixture(scope="module")
def result(reference: Reference) -> Result:
    """Our counts of the reference prediction."""
    classes = len(SEMANTIC_KITTI.classes)
    return Result(
        task=SEMANTIC_KITTI.task,
        protocol=PROTOCOL,
        confusion=confusion(reference["loss/ssc_target"], reference["metric/pred"], classes),
    )


def test_occupancy_scores_are_equal(reference: Reference, result: Result) -> None:
    assert result.iou == pytest.approx(float(reference["metric/iou"]), abs=1e-12)
    assert result.precision == pytest.approx(float(reference["metric/precision"]), abs=1e-12)
    assert result.recall == pytest.approx(float(reference["metric/recall"]), abs=1e-12)


def test_class_scores_differ_by_the_published_epsilon_and_nothing_else(reference: Reference, result: Result) -> None:
    """The published script divides by 1e-5 more than the union."""
    hit = np.diag(result.confusion)
    union = result.confusion.sum(0) + result.confusion.sum(1) - hit
    np.testing.assert_allclose(hit / (union + 1e-5), reference["metric/iou_ssc"], rtol=0, atol=1e-12)
    np.testing.assert_allclose(np.nan_to_num(result.class_iou), reference["metric/iou_ssc"], rtol=0, atol=1e-5)
    assert result.miou == pytest.approx(float(reference["metric/iou_ssc_mean"]), abs=1e-6)

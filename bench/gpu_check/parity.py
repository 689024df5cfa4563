"""Networks and operators on the card against the reference tensors of the released codes."""

from __future__ import annotations

import math
from collections.abc import Iterator

from gpu_check.pytest_run import records
from gpu_check.setting import FAILED, OK, ROUNDING, SKIPPED, Row, Setting

TITLE = "Parity with reference tensors, float32, TF32 off"
ABOUT = """The parity tests on this device, with the tolerances that they have on a CPU: absolute differences, largest
and (where a test has one) mean. Sums are taken in another order here, so a tensor beyond a tolerance, by a factor of
ten at most, is called rounding and not a failure; the table says how far it is."""
BUDGET_S = 140.0

FILES = {
    "operators": ("test_dcnv3.py", "test_deform_attn.py"),
    "monoocc": ("test_cross_view.py", "test_internimage.py", "test_monoocc.py", "test_temporal.py", "test_qpn.py"),
    "monoocc-l": ("test_monoocc_l.py",),
    "vlscene": ("test_vlscene.py", "test_vlscene_losses.py"),
    "occle": (
        "test_occle_dense.py",
        "test_occle_project.py",
        "test_occle_sparse.py",
        "test_occle_ssm.py",
        "test_occle_unet2d.py",
    ),
    "effocc": ("test_effocc_parts.py", "test_effocc_camera.py", "test_effocc_fusion.py"),
}


def items(setting: Setting) -> tuple[str, ...]:
    """See `Part`."""
    return ("operators",) if setting.small else tuple(FILES)


def rows(item: str, setting: Setting) -> Iterator[Row]:
    """See `Part`."""
    if not setting.reference.is_dir():
        yield {"what": item, "state": f"{SKIPPED}: no reference tensors here; name their folder with --reference"}
        return
    files = [f"tests/parity/{name}" for name in FILES[item]]
    outcomes = {"passed": 0, "failed": 0, "skipped": 0}
    # Names convert without the device.
    for record in records(setting, [*files, "-k", "not names", "--reference", str(setting.reference)]):
        if "tensor" in record:
            yield difference(record)
            continue
        outcomes[record["outcome"]] += 1
        if record["outcome"] == "failed":
            yield {"what": record["test"], "state": f"{FAILED}: {record['message']}"}
    said = ", ".join(f"{count} {outcome}" for outcome, count in outcomes.items() if count)
    state = OK if outcomes["passed"] and not outcomes["failed"] else f"{FAILED}: see above"
    if outcomes["skipped"] and not outcomes["passed"] + outcomes["failed"]:
        state = f"{SKIPPED}: no reference tensors of it"
    yield {"what": f"{item}, tests", "largest": said, "state": state}


def difference(record: dict) -> Row:
    """A row for one compared tensor."""
    over = max(_over(record["largest"], record["allowed"]), _over(record["mean"] or 0.0, record["allowed_mean"] or 1.0))
    state = OK if over <= 1 else ROUNDING if over <= record["factor"] else f"{FAILED}: {over:.0f} times the tolerance"
    return {
        "what": record["tensor"],
        "test": record["test"].partition("::")[0],
        "largest": f"{record['largest']:.1e}",
        "allowed": f"{record['allowed']:.0e}",
        "mean": "" if record["mean"] is None else f"{record['mean']:.1e}",
        "mean allowed": "" if record["allowed_mean"] is None else f"{record['allowed_mean']:.0e}",
        "state": state,
    }


def _over(found: float, allowed: float) -> float:
    """How many times a tolerance is used; one of zero asks for equality."""
    if allowed == 0:
        return 0.0 if found == 0 else math.inf
    return found / allowed

"""Our tests that need a GPU."""

from __future__ import annotations

from collections.abc import Iterator

from gpu_check.pytest_run import records
from gpu_check.setting import FAILED, OK, SKIPPED, Row, Setting

TITLE = "Tests that need a GPU"
ABOUT = "Those marked `gpu`."
BUDGET_S = 100.0


def items(setting: Setting) -> tuple[str, ...]:
    """See `Part`: files that have any, since the others may need packages that are not here."""
    files = sorted((setting.root / "tests").rglob("test_*.py"))
    return tuple(str(path.relative_to(setting.root)) for path in files if "pytest.mark.gpu" in path.read_text())


def rows(item: str, setting: Setting) -> Iterator[Row]:
    """See `Part`."""
    for record in records(setting, [item, "-m", "gpu"]):
        if "outcome" in record:
            states = {"passed": OK, "skipped": SKIPPED, "failed": FAILED}
            state = states[record["outcome"]]
            yield {"what": record["test"], "state": f"{state}: {record['message']}" if record["message"] else state}

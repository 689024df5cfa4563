"""Results of either kind from a file: of voxels, or of rays."""

from __future__ import annotations

from pathlib import Path
from typing import TypeAlias

from voxway.core.files import read_json
from voxway.core.ray_result import RayResult
from voxway.core.result import Result

AnyResult: TypeAlias = Result | RayResult


def load_result(path: Path | str) -> AnyResult:
    """Read what `Result.save` or `RayResult.save` wrote.

    Raises:
        InputError: the file is absent, not JSON, or not a result.
    """
    content = read_json(path, remedy="Write it again with `voxway eval`.")
    kind = content.get("kind") if isinstance(content, dict) else None
    return RayResult.load(path) if kind == RayResult.kind else Result.load(path)

"""What commands say of results: the table of the first, and what stands beside it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from voxway.core.results import AnyResult


def show_scores(results: Sequence[AnyResult]) -> None:
    """Print a table of the main result, its notes, and scores within near ranges."""
    from voxway.cli.screen import show
    from voxway.core.ray_result import RayResult
    from voxway.metrics.compare import compare

    main = results[0]
    show(compare([main]).table())
    if isinstance(main, RayResult):
        print(", ".join(f"{name.replace('_', ' ')}: {value}" for name, value in main.notes.items()))
        return
    for name, value in main.notes.items():
        if name.startswith("miou_over_"):
            count = name.removeprefix("miou_over_")
            print(f"divided by {count} instead, as a published evaluation does: {100 * value:.2f}; not to be compared")
    for near in results[1:]:
        if not isinstance(near, RayResult):
            print(f"within {near.protocol.range_m:g} m: IoU {100 * near.iou:.2f}, mIoU {100 * near.miou:.2f}")

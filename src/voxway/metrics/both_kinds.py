"""Results of voxels and of rays of the same predictions in one table."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import fields
from typing import TYPE_CHECKING

from voxway.core.errors import InputError
from voxway.core.ray_result import RayProtocol, RayResult
from voxway.core.result import Protocol
from voxway.core.results import AnyResult
from voxway.metrics.compare import Comparison, cells, compare, said

if TYPE_CHECKING:
    from rich.table import Table

WHY_THEY_DIFFER = (
    "A thick surface wins voxels and loses rays: most of what it adds is hidden, where no voxel counts, "
    "but a ray stops at its front, too near."
)
_OF_THE_METRIC = ("masks", "absent", "range_m")
"""Fields of the protocol in which the two kinds always differ."""
_OF_RAYS = {field.name for field in fields(RayProtocol)} - {field.name for field in fields(Protocol)}


def results_table(results: Sequence[AnyResult], allow: Collection[str] = ()) -> Table:
    """Results as one table: of one kind as `compare` has it; of both, a column for each name, voxels above rays.

    Args:
        results: at least one; in either kind a name stands once.
        allow: protocol fields that may differ; they become rows.

    Raises:
        InputError: see `compare`; or of both kinds, a name stands twice, or frames or, of one name, networks differ.
    """
    rays = [result for result in results if isinstance(result, RayResult)]
    voxels = [result for result in results if not isinstance(result, RayResult)]
    if not rays or not voxels:
        return compare(results, allow).table()
    for kind in (voxels, rays):
        _require_names(kind)
    for one in voxels:
        for other in rays:
            _require_alike(one, other, allow)
    return _table(compare(voxels, [name for name in allow if name not in _OF_RAYS]), compare(rays, allow))


def _require_names(results: Sequence[AnyResult]) -> None:
    names = [result.name for result in results]
    twice = [name for name in names if names.count(name) > 1]
    if twice or "" in names:
        raise InputError(
            file="results",
            field="name",
            expected="one for each, once among those of voxels and once among those of rays",
            found=f"{twice[0]!r} more than once" if twice else "'' among them",
            remedy="Give every network a name with --name, the same for both of its scores.",
        )


def _require_alike(voxels: AnyResult, rays: RayResult, allow: Collection[str]) -> None:
    """Refuse scores of unlike frames, and of unlike networks under one name."""
    shared = {field.name: getattr(rays.protocol, field.name) for field in fields(Protocol)}
    shared |= {name: getattr(voxels.protocol, name) for name in _OF_THE_METRIC}
    found = voxels.protocol.differences(Protocol(**shared))
    if voxels.name != rays.name:
        found = {name: both for name, both in found.items() if name in ("benchmark", "split", "samples", "frame_names")}
    elif voxels.protocol.checkpoint != rays.protocol.checkpoint:
        found["checkpoint"] = voxels.protocol.checkpoint, rays.protocol.checkpoint
    found = {name: both for name, both in found.items() if name not in allow}
    if found:
        raise InputError(
            file=f"results {voxels.name!r} (voxels) and {rays.name!r} (rays)",
            field=", ".join(found),
            expected="the same of both: " + ", ".join(f"{name} {one!r}" for name, (one, _) in found.items()),
            found=", ".join(f"{name} {other!r}" for name, (_, other) in found.items()),
            remedy="Score the same predictions of the same frames by both.",
        )


def _table(voxels: Comparison, rays: Comparison) -> Table:
    from rich.table import Table

    protocol, kinds = rays.results[0].protocol, {"voxels": voxels, "rays": rays}
    names = list(dict.fromkeys(result.name for kind in kinds.values() for result in kind.results))
    caption = f"{WHY_THEY_DIFFER} Voxels: {voxels.caption()}. Rays: {rays.caption()}."
    table = Table(title=f"{protocol.benchmark} {protocol.split}, %", caption=caption)
    for name in ("", *names):
        table.add_column(name, justify="right" if name else "left")
    for what, kind in kinds.items():
        rows = {str(row["name"]): row for row in kind.rows()}
        for field in kind.differing:
            known = [said(field, rows[name][field]) if name in rows else "-" for name in names]
            table.add_row(f"{field}, {what}", *known)
        for score in kind.score_names():
            values = [float(rows.get(name, {}).get(score, "nan")) for name in names]
            is_class = score in kind.results[0].task.classes
            table.add_row(f"{score}, {what}" if is_class else score, *cells(values))
        table.add_section()
    return table

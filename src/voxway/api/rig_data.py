"""A rig's recordings for a network: which sensors the network reads, or why it cannot be served and what would."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from voxway.core.errors import InputError, nearest
from voxway.data.config import DataConfig
from voxway.data.own.config import RigConfig
from voxway.data.own.rig import RigFile
from voxway.data.own.rig_file import read_rig
from voxway.data.whole import tell_once
from voxway.prepare.makers import MAKERS

_PICTURED = frozenset({"images", "depth", "semantics_2d", "pseudo_labels", "T_rect_ego", "P"})
_MEASURED = frozenset({"points", "lidar_origin"})
_LIDAR, _STEREO = "lidar", "stereo"


def rig_data(
    file: Path | str,
    data: DataConfig,
    count: int | None,
    sources: Mapping[str, str],
    cameras: Sequence[str] = (),
    dispensable: frozenset[str] = frozenset(),
) -> RigConfig:
    """What a network reads of a rig.

    Args:
        file: the rig's.
        data: of the network's own dataset, with its preprocessing and what the network needs.
        count: how many cameras it was trained with; None: not known.
        sources: what prepared files are made from, by need.
        cameras: names of those that it is to look through; none: those that there are, as many as it knows.
        dispensable: what it can do without, as long as it has something to read.

    Raises:
        InputError: the rig's file is not usable, or the rig has not what the network reads.
    """
    rig = read_rig(file)
    data = replace(data, needs=_served(rig, data.needs, dispensable))
    needs = data.needs
    made = {need: sources.get(need) or MAKERS[need].usual for need in sorted(needs & set(MAKERS))}
    chosen = _cameras(rig, needs, count, made, tuple(cameras))
    from_points = _from_points(needs, made)
    if from_points and not rig.lidars:
        raise _no_lidar(rig, from_points, made)
    if "pose" in needs and rig.poses is None:
        remedy = 'Add "poses" to the rig\'s file, or choose a network that looks at single moments.'
        raise _unserved(rig, "poses", "where the vehicle was, which the network reads", "absent", remedy)
    config = RigConfig.of(data, rig.path, chosen, lidars=bool(from_points))
    if from_points and config.scans > 1 and rig.poses is None:
        said = f"{rig.name}: the network learnt from {config.scans} scans laid over each other"
        tell_once(f"{said}; without poses it is given one")
    return config


def _served(rig: RigFile, needs: frozenset[str], dispensable: frozenset[str]) -> frozenset[str]:
    """What the network is given: without what the rig lacks and it can do without, if something is left."""
    lacking = (_PICTURED if not rig.cameras else frozenset()) | (_MEASURED if not rig.lidars else frozenset())
    left = needs - (lacking & dispensable)
    return left if left & dispensable else needs


def _cameras(
    rig: RigFile, needs: frozenset[str], count: int | None, made: Mapping[str, str | None], named: tuple[str, ...]
) -> tuple[str, ...]:
    known = tuple(camera.name for camera in rig.cameras)
    for name in named:
        if name not in known:
            raise nearest(name, known, f"{rig.path}: camera")
    pair = () if rig.pair is None else (rig.pair.left, rig.pair.right)
    if not needs & _PICTURED:
        return pair if _STEREO in made.values() else named
    if "T_rect_ego" in needs:
        if not pair or named not in ((), pair):
            remedy = (
                'Name them, "pair": {"left": ..., "right": ...}, or choose a network for a single camera or a ring.'
            )
            found = "absent" if not pair else f"other cameras: {', '.join(named)}"
            raise _unserved(rig, "pair", "two cameras of a rectified pair, which the network looks at", found, remedy)
        return pair
    if named or count is None or len(known) == count:
        chosen = named or known
    else:
        chosen = pair[:count] if count == 1 else ()
    if chosen and (count is None or len(chosen) == count):
        return chosen
    found = f"{len(named or known)}: {', '.join(named or known) or 'none'}"
    remedy = "Take a network that was trained with as many cameras, or train one."
    if count is not None and len(known) > count:
        some = " ".join(known[:count])
        remedy = f"Name those that it is to look through (--cameras {some}; in Python cameras=), or {remedy.lower()}"
    raise _unserved(rig, "cameras", f"{count}, as the network was trained with", found, remedy)


def _from_points(needs: frozenset[str], made: Mapping[str, str | None]) -> list[str]:
    """What of a network's needs comes from LiDAR."""
    direct = sorted(needs & {"points", "lidar_origin"})
    drawn = ["depth"] if "depth" in needs and made.get("depth") is None else []
    return [*direct, *drawn, *(need for need, source in made.items() if source == _LIDAR)]


def _no_lidar(rig: RigFile, from_points: Sequence[str], made: Mapping[str, str | None]) -> InputError:
    others = [need for need in from_points if need in made and _STEREO in MAKERS[need].sources]
    remedy = "Add one, or choose a network that looks at pictures alone."
    if list(from_points) == others:
        pair = "" if rig.pair else ' after naming a rectified pair as "pair"'
        remedy = f"Make {' and '.join(others)} from pictures: --{others[0]} stereo{pair}; or add a LiDAR."
    expected = f"a LiDAR: the network needs {', '.join(from_points)}, which come from its points"
    return _unserved(rig, "lidars", expected, "none", remedy)


def _unserved(rig: RigFile, field: str, expected: str, found: str, remedy: str) -> InputError:
    return InputError(file=rig.path, field=field, expected=expected, found=found, remedy=remedy)

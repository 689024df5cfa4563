"""Which recordings of several sensors belong to one moment: those nearest in time to the clock's."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64, Int64

from voxway.core.errors import InputError
from voxway.data.own.streams import Stream

_UNITS = {1e3: "milliseconds", 1e6: "microseconds", 1e9: "nanoseconds"}


@dataclass(frozen=True)
class Moment:
    """Recordings that belong together.

    Attributes:
        number: of the clock's recording.
        time_s: of that recording.
        recordings: of every sensor, the number of its recording.
    """

    number: int
    time_s: float
    recordings: Mapping[str, int]


def nearest(
    times_s: Float64[np.ndarray, "n"], wanted_s: Float64[np.ndarray, "m"]
) -> tuple[Int64[np.ndarray, "m"], Float64[np.ndarray, "m"]]:
    """Of every wanted time, the recording nearest to it, and how much later that is (negative: earlier), seconds.

    Args:
        times_s: of the recordings, ascending, at least one.
        wanted_s: any times.
    """
    after = np.searchsorted(times_s, wanted_s).clip(0, len(times_s) - 1)
    before = (after - 1).clip(0)
    chosen = np.where(np.abs(times_s[before] - wanted_s) <= np.abs(times_s[after] - wanted_s), before, after)
    return chosen, times_s[chosen] - wanted_s


def matched(streams: Mapping[str, Stream], clock: Stream, tolerance_s: float) -> tuple[Moment, ...]:
    """Moments at which every sensor has a recording, in order of time.

    Args:
        streams: of the sensors that must have one.
        clock: whose recordings are the moments.
        tolerance_s: how far from the clock's time a recording may be.
    """
    whole = np.ones(len(clock.times_s), bool)
    chosen: dict[str, Int64[np.ndarray, "n"]] = {}
    for name, stream in streams.items():
        chosen[name], late_s = nearest(stream.times_s, clock.times_s)
        whole &= np.abs(late_s) <= tolerance_s
    return tuple(
        Moment(int(number), float(clock.times_s[number]), {name: int(own[number]) for name, own in chosen.items()})
        for number in np.flatnonzero(whole)
    )


def unmatched(
    streams: Mapping[str, Stream], clock_name: str, clock: Stream, tolerance_s: float, file: object
) -> InputError:
    """Why no moment has a recording of every sensor: the sensor that is farthest off, and by how much; or that each has
    some of its own."""
    best = {name: min(nearest(stream.times_s, clock.times_s)[1].tolist(), key=abs) for name, stream in streams.items()}
    name = max(best, key=lambda one: abs(best[one]))
    own, others = streams[name].times_s, clock.times_s
    late_s = best[name]
    found = f"none within {tolerance_s:g} s; the nearest is {abs(late_s):g} s {'later' if late_s > 0 else 'older'}"
    remedy = f"Raise tolerance_s, or set its clock right with an offset_s of {-late_s:g} in its times."
    unit = _other_unit(own, others)
    if unit is not None:
        found, remedy = f"{found}: {unit}", "Say the unit of its times, or write them in seconds."
    elif own[-1] < others[0] - 1 or own[0] > others[-1] + 1:
        found += f"; {name} was recorded from {own[0]:.3f} to {own[-1]:.3f}, {clock_name} to {others[-1]:.3f}"
        remedy = "Check that both are of one drive and one clock; offset_s in times shifts a sensor's."
    if abs(late_s) <= tolerance_s:
        name, found = ", ".join(streams), f"some within {tolerance_s:g} s for each of them, but never for all at once"
        remedy = "Raise tolerance_s, or leave out sensors that others do not overlap with."
    expected = f"a recording for each of {clock_name}"
    return InputError(file=file, field=f"times of {name}", expected=expected, found=found, remedy=remedy)


def _other_unit(first: Float64[np.ndarray, "n"], second: Float64[np.ndarray, "m"]) -> str | None:
    """In words, whether times of two sensors are of unlike units: their recordings are then about that much apart."""
    steps = [float(np.median(np.diff(times))) if len(times) > 1 else 0.0 for times in (first, second)]
    sizes = [abs(float(times[-1])) for times in (first, second)]
    for factor, word in _UNITS.items():
        for (own, other), what in ((steps, "steps"), (sizes, "times")):
            if other > 0 and 0.2 < own / other / factor < 5:
                return f"its {what} look like {word} beside seconds"
            if own > 0 and 0.2 < other / own / factor < 5:
                return f"its {what} look like seconds beside {word}"
    return None

"""Blocks: scans of a drive by stretches of time, whose evidence is counted together."""

from __future__ import annotations

from dataclasses import dataclass

from voxway.data.recordings import Drive, Frame, ScanName


@dataclass(frozen=True)
class Blocks:
    """Blocks of a drive.

    Attributes:
        scans: of each block, by time.
        begin_s: when the first begins.
        block_s: how long each is; the last may be up to half longer.
    """

    scans: tuple[tuple[ScanName, ...], ...]
    begin_s: float
    block_s: float

    @classmethod
    def of(cls, drive: Drive, block_s: float) -> Blocks:
        """Blocks of a drive, `block_s` seconds each."""
        begin, end = drive.scans[0].time_s, drive.scans[-1].time_s
        count = max(round((end - begin) / block_s), 1)
        parted: list[list[ScanName]] = [[] for _ in range(count)]
        for scan in drive.scans:
            parted[_number(scan.time_s, begin, block_s, count)].append(scan)
        return cls(tuple(map(tuple, parted)), begin, block_s)

    def at(self, time_s: float) -> int:
        """The block of a time; the first or last one beyond them."""
        return _number(time_s, self.begin_s, self.block_s, len(self.scans))

    def around(self, block: int, aside: int) -> range:
        """As many blocks on either side of one; at an end of the drive, more on the other."""
        first = min(max(block - aside, 0), max(len(self.scans) - 2 * aside - 1, 0))
        return range(first, min(first + 2 * aside + 1, len(self.scans)))

    def between(self, begin_s: float, end_s: float) -> range:
        """Blocks from one time to another."""
        return range(self.at(begin_s), self.at(end_s) + 1)


def key_frames(drive: Drive, every: int) -> tuple[Frame, ...]:
    """Every so-many-th frame, by number, that lies within the time of the scans."""
    first, last = drive.scans[0].time_s, drive.scans[-1].time_s
    return tuple(one for one in drive.frames if one.number % every == 0 and first <= one.time_s <= last)


def _number(time_s: float, begin_s: float, block_s: float, count: int) -> int:
    # Times ten times a second are no multiples of a tenth in binary; a thousandth decides nothing here.
    return min(max(int((time_s - begin_s + 1e-3) // block_s), 0), count - 1)

"""Damage files of every kind at random, and see that each is refused in five parts or gives a valid value.

examples:
  python -m tests.fuzz --mutations 20000 --out fuzz.json
  python -m tests.fuzz --formats "KITTI scan" "info file" --seed 7
"""

from __future__ import annotations

import argparse
import json
import resource
import signal
import sys
import tempfile
import time
import traceback
import warnings
from collections import Counter
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from tests.fuzz import formats, mutate
from tests.fuzz.formats import FORMATS, Format
from voxway.core.errors import InputError

LIMIT_S = 10
LIMIT_BYTES = 3 << 30
"""More memory than this in one file's reading is a fault; the process gets no more."""


_OTHERS = 0.03
"""Share of mutations that are sound files of another kind."""


class Hang(BaseException):
    """A reader took longer than `LIMIT_S`; no reader's `except Exception` may swallow it."""


@dataclass
class Outcome:
    """What became of the mutations of one format.

    Attributes:
        counts: refused, valid, fault.
        fields: what the refusals named.
        faults: descriptions of what must not be, with the mutation's number, by which it can be repeated.
        slowest_s: of all readings.
    """

    counts: Counter[str] = field(default_factory=Counter)
    fields: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)
    slowest_s: float = 0.0


def damaged(kind: Format, sound: bytes, others: Sequence[bytes], seed: int, number: int) -> bytes:
    """The bytes of one mutation, now and then a whole file of another kind; the same for the same seed and number."""
    random = np.random.default_rng([seed, number, *kind.name.encode()])
    if random.random() < _OTHERS:
        return mutate.some(random, others)
    ways = (mutate.of_bytes, *kind.mutations)
    for _ in range(int(random.integers(1, 3))):
        try:
            sound = ways[int(random.integers(len(ways)))](sound, random)
        except Exception:  # what was damaged already cannot always be damaged in another way
            return sound
    return sound


def judge(kind: Format, folder: Path) -> tuple[str, str]:
    """("refused", field), ("valid", "") or ("fault", what)."""
    try:
        value = kind.read(folder)
    except InputError as error:
        parts = (error.file, error.field, error.expected, error.found, error.remedy)
        return ("refused", error.field) if all(part.strip() for part in parts) else ("fault", f"an empty part: {error}")
    except Hang:
        return "fault", f"longer than {LIMIT_S} s"
    except BaseException as error:
        last = traceback.extract_tb(error.__traceback__)[-1]
        return "fault", f"{type(error).__name__}: {str(error)[:120]} ({Path(last.filename).name}:{last.lineno})"
    return ("valid", "") if kind.holds(value) else ("fault", "a value that is not valid")


def sound_files(scratch: Path) -> dict[str, bytes]:
    """A sound file of every format, made in a folder of its name's number below `scratch`."""
    formats.scratch(scratch)
    found = {}
    for number, kind in enumerate(FORMATS):
        folder = scratch / str(number)
        folder.mkdir()
        kind.make(folder)
        found[kind.name] = (folder / kind.path).read_bytes()
    return found


def run(kind: Format, mutations: int, seed: int, folder: Path, others: Sequence[bytes]) -> Outcome:
    """Read so many mutations of one format, made in `folder` before."""
    path, outcome = folder / kind.path, Outcome()
    sound = path.read_bytes()
    if judge(kind, folder)[0] != "valid":
        raise SystemExit(f"{kind.name}: the sound file is not read: {judge(kind, folder)}")
    for number in range(mutations):
        path.write_bytes(damaged(kind, sound, others, seed, number))
        start = time.monotonic()
        with _time_limit():
            verdict, what = judge(kind, folder)
        outcome.slowest_s = max(outcome.slowest_s, time.monotonic() - start)
        outcome.counts[verdict] += 1
        if verdict == "refused":
            outcome.fields[what] += 1
        elif verdict == "fault":
            outcome.faults.append(f"mutation {number}: {what}")
    return outcome


def main() -> None:
    """Run, say how far it is, and print and write a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mutations", type=int, default=20_000, help="of all formats together")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--formats", nargs="+", default=[kind.name for kind in FORMATS], metavar="NAME")
    parser.add_argument("--out", type=Path, default=None, help="a JSON file for the table and the faults")
    options = parser.parse_args()
    chosen = [kind for kind in FORMATS if kind.name in options.formats]
    _limit()
    outcomes: dict[str, Outcome] = {}
    shares = np.array([1 / np.sqrt(kind.cost) for kind in chosen])
    counts = np.ceil(options.mutations * shares / shares.sum()).astype(int)
    with tempfile.TemporaryDirectory() as scratch:
        others = list(sound_files(Path(scratch)).values())
        for done, (kind, count) in enumerate(zip(chosen, counts), 1):
            folder = Path(scratch) / str(FORMATS.index(kind))
            start = time.monotonic()
            outcomes[kind.name] = one = run(kind, int(count), options.seed, folder, others)
            spent = time.monotonic() - start
            line = f"{done:3d}/{len(chosen)}  {kind.name:26s} {count:6d} read: {one.counts['refused']:6d} refused"
            print(f"{line} {one.counts['valid']:6d} valid {len(one.faults):5d} faults  {spent:6.1f} s", flush=True)
            for fault, times in Counter(f.split(": ", 1)[1] for f in one.faults).most_common(5):
                print(f"         {times} x {fault}", flush=True)
    faults = sum(len(one.faults) for one in outcomes.values())
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    total = sum(sum(one.counts.values()) for one in outcomes.values())
    print(f"{total} mutations, seed {options.seed}: {faults} faults; at most {peak:.1f} GiB of memory")
    if options.out is not None:
        options.out.write_text(json.dumps(_table(outcomes, options.seed, peak), indent=1) + "\n")
    sys.exit(1 if faults else 0)


@contextmanager
def _time_limit() -> Generator[None]:
    def stop(*_: object) -> None:
        raise Hang

    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(LIMIT_S)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def _limit() -> None:
    warnings.simplefilter("ignore")
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + LIMIT_BYTES, resource.RLIM_INFINITY))


def _table(outcomes: dict[str, Outcome], seed: int, peak: float) -> dict[str, Any]:
    rows = {
        name: {
            **{word: one.counts[word] for word in ("refused", "valid", "fault")},
            "slowest_s": round(one.slowest_s, 3),
            "fields": dict(one.fields.most_common(12)),
            "faults": one.faults[:50],
        }
        for name, one in outcomes.items()
    }
    return {"seed": seed, "peak_gib": round(peak, 2), "formats": rows}


if __name__ == "__main__":
    main()

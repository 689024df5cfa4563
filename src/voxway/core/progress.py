"""How far a long command is: a bar on a terminal, plain lines at intervals anywhere else."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Generator, Iterable
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol, TypeVar

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress as RichProgress
    from rich.progress import TaskID

T = TypeVar("T")


class Progress(Protocol):
    """Something to be done a known number of times, and how often it has been done."""

    def advance(self, note: str = "", count: int = 1) -> None:
        """`count` more are done; `note` is shown beside them."""
        ...

    def update(self, done: int, total: int, note: str = "") -> None:
        """So many are done of so many, where the total becomes known only on the way."""
        ...


@contextmanager
def progress_bar(
    what: str,
    total: int,
    done: int = 0,
    show: bool = True,
    *,
    every_s: float = 30.0,
    first_s: float = 5.0,
) -> Generator[Progress]:
    """Show progress on the error stream, with the time left.

    A terminal gets a bar, in colours unless ``NO_COLOR`` is set. A file, a pipe or a dumb terminal gets lines such as
    ``training: 120 of 360, 0.92/s, 4 min 21 s left, loss 3.214``, and one at the end.

    Args:
        what: is being done, e.g. ``"training"``.
        total: how many there are.
        done: how many of them were done before.
        show: false shows nothing; of several processes only one should.
        every_s: seconds between lines, at least.
        first_s: seconds until the first line, at least.
    """
    from rich.console import Console

    console = Console(stderr=True)
    if not show:
        yield _Hidden()
    elif console.is_terminal and not console.is_dumb_terminal:
        with _drawn(console, what, total, done) as bar:
            yield bar
    else:
        lines = PlainLines(what, total, done, every_s=every_s, first_s=first_s)
        yield lines
        lines.end()


def tracked(items: Iterable[T], what: str, total: int, show: bool = True) -> Generator[T]:
    """Iterate and show progress."""
    with progress_bar(what, total, show=show) as bar:
        for item in items:
            yield item
            bar.advance()


class PlainLines:
    """Progress as lines of text; see `progress_bar`. `clock` gives seconds."""

    def __init__(
        self,
        what: str,
        total: int,
        done: int = 0,
        *,
        every_s: float,
        first_s: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.what, self.total, self.done, self.note = what, total, done, ""
        self._before, self._every, self._clock = done, every_s, clock
        self._began = clock()
        self._due = self._began + first_s

    def advance(self, note: str = "", count: int = 1) -> None:
        """`count` more are done; writes a line if the last one is long enough ago."""
        self.update(self.done + count, self.total, note)

    def update(self, done: int, total: int, note: str = "") -> None:
        """So many are done of so many; writes a line if the last one is long enough ago."""
        self.done, self.total, self.note = done, total, note
        now = self._clock()
        if now >= self._due and done < total:
            self._due = now + self._every
            self._write()

    def end(self) -> None:
        """Write the last line, with the time that all of it took."""
        self._write(ended=True)

    def _write(self, ended: bool = False) -> None:
        passed, made = self._clock() - self._began, self.done - self._before
        parts = [f"{self.what}: {self.done} of {self.total}"]
        if made and passed > 0:
            rate = made / passed
            parts.append(f"{rate:.2f}/s" if rate >= 0.1 else f"{1 / rate:.1f} s each")
            parts.append(f"{duration(passed)} in all" if ended else f"{duration((self.total - self.done) / rate)} left")
        sys.stderr.write(", ".join([*parts, self.note] if self.note else parts) + "\n")
        sys.stderr.flush()


def duration(seconds: float) -> str:
    """Seconds as people say them: ``"21 s"``, ``"4 min 21 s"``, ``"3 h 05 min"``."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"


class _Hidden:
    def advance(self, note: str = "", count: int = 1) -> None:
        pass

    def update(self, done: int, total: int, note: str = "") -> None:
        pass


@contextmanager
def _drawn(console: Console, what: str, total: int, done: int) -> Generator[Progress]:
    """A bar that rich draws, with time passed and left."""
    from rich import progress as rich

    columns = (
        rich.TextColumn("{task.description}", markup=False),
        rich.BarColumn(),
        rich.MofNCompleteColumn(),
        rich.TimeElapsedColumn(),
        rich.TimeRemainingColumn(),
        rich.TextColumn("{task.fields[note]}", markup=False),
    )
    with rich.Progress(*columns, console=console) as bar:
        yield _Drawn(bar, bar.add_task(what, total=total, completed=done, note=""))


class _Drawn:
    def __init__(self, bar: RichProgress, task: TaskID) -> None:
        self._bar, self._task = bar, task

    def advance(self, note: str = "", count: int = 1) -> None:
        self._bar.update(self._task, advance=count, note=note)

    def update(self, done: int, total: int, note: str = "") -> None:
        self._bar.update(self._task, completed=done, total=total, note=note)

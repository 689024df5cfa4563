"""What commands show: tables as plain text, and streams that no letter and no reader that left can break."""

from __future__ import annotations

import os
import sys
from collections.abc import Generator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from typing import TYPE_CHECKING, Any, TextIO, cast

if TYPE_CHECKING:
    from rich.table import Table


def show(table: Table) -> None:
    """Print a table; paths, names and findings in its cells are never read as markup."""
    from rich.console import Console

    Console(markup=False, emoji=False, highlight=False).print(table)


@contextmanager
def patient_output() -> Generator[None]:
    """While this lasts, letters that a terminal cannot show are printed as ``?``, and whatever is printed after the
    reader of the output left (head, a pager) is dropped: the command goes on and writes its files.
    """
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):  # not where a test or a notebook put its own
            cast(Any, stream).reconfigure(errors="replace")
    said, told = (cast(TextIO, _Patient(stream)) for stream in (sys.stdout, sys.stderr))
    with redirect_stdout(said), redirect_stderr(told):
        try:
            yield
        finally:
            said.flush()
            told.flush()


class _Patient:
    """A stream that stays quiet once nobody reads it."""

    def __init__(self, stream: Any) -> None:  # what a test or notebook put in its place is no TextIO
        self._stream, self._left = stream, False

    def write(self, text: str) -> int:
        if not self._left:
            try:
                return self._stream.write(text)
            except BrokenPipeError:
                self._leave()
        return len(text)

    def flush(self) -> None:
        if not self._left:
            try:
                self._stream.flush()
            except BrokenPipeError:
                self._leave()

    def _leave(self) -> None:
        self._left = True
        # What is buffered still, and what child processes say, goes nowhere, without a complaint at the end.
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, self._stream.fileno())
        os.close(nowhere)

    def __getattr__(self, name: str) -> object:
        return getattr(self._stream, name)

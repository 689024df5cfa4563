"""Work on things that are independent of each other, by processes of one thread each."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from typing import Any, Generic, TypeVar

from voxway.core.errors import InputError

Job = TypeVar("Job")
Answer = TypeVar("Answer")


class Workers(Generic[Job, Answer]):
    """Processes that all do the same; a single one is this process itself.

    Args:
        count: how many.
        do: what is done with a job; it is sent to every process once.

    Raises:
        InputError: fewer than one.
    """

    def __init__(self, count: int, do: Callable[[Job], Answer]) -> None:
        if count < 1:
            raise InputError(
                file="--processes", field="value", expected="1 or more", found=count, remedy="Leave it out for one."
            )
        self._do, self._pool = do, None
        if count > 1:
            context = multiprocessing.get_context("spawn")
            self._pool = ProcessPoolExecutor(count, mp_context=context, initializer=_begin, initargs=(do,))

    def __enter__(self) -> Workers[Job, Answer]:
        return self

    def __exit__(self, *_: object) -> None:
        if self._pool is not None:
            self._pool.shutdown(wait=True, cancel_futures=True)

    def finish(self, jobs: Mapping[int, Job]) -> Iterator[tuple[int, Answer]]:
        """Do the jobs; yields the number of each and what it answers when it is done, in any order.

        Raises:
            InputError: a process was killed.
        """
        if self._pool is None:
            for number, job in jobs.items():
                yield number, self._do(job)
            return
        yield from answered({self._pool.submit(_done, job): number for number, job in jobs.items()})


def answered(futures: Mapping[Future[Answer], Job]) -> Iterator[tuple[Job, Answer]]:
    """Each job with what a process answers when it is done, in any order.

    Raises:
        InputError: a process was killed.
    """
    for future in as_completed(futures):
        try:
            answer = future.result()
        except BrokenProcessPool as error:
            raise InputError(
                file="--processes",
                field="process",
                expected="to work until the end",
                found="one that was killed",
                remedy="Most often memory has run out: use fewer (--processes 1), or allow for more memory. "
                'The same command continues. In a script, call it below `if __name__ == "__main__":`.',
            ) from error
        yield futures[future], answer


def begin_worker() -> None:
    """Prepare a process that works for this one: one thread, Ctrl-C left to the parent, an end when the parent ends."""
    import torch

    torch.set_num_threads(1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()

    def follow() -> None:
        if parent is not None:
            parent.join()
            os._exit(1)

    threading.Thread(target=follow, daemon=True).start()


_DO: list[Callable[[Any], Any]] = []
"""What this process does, if it is a worker."""


def _begin(do: Callable[[Any], Any]) -> None:
    begin_worker()
    _DO[:] = [do]


def _done(job: Any) -> Any:
    return _DO[0](job)

"""Doors to processors: every one opens a `concurrent.futures.Executor`, so the runner knows only that."""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.context import BaseContext
from typing import Any, Protocol

from abm.study.errors import StudyError

CONNECT_SECONDS = 10.0
MPI_LAUNCHER = "mpi4py.futures"


class Door(Protocol):
    """A place where runs are done."""

    @property
    def width(self) -> int:
        """Chunks under way at once."""
        ...

    def reach(self) -> None:
        """Called once before anything is written; StudyError if there is no executor to be had."""
        ...

    def open(self) -> Executor:
        """A fresh executor."""
        ...

    def close(self, executor: Executor, *, kill: bool) -> None:
        """End it, killing what still runs if asked to."""
        ...


class Here(Executor):
    """Runs at once, in this process."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """A future that is done already."""
        future: Future[Any] = Future()
        future.set_result(fn(*args, **kwargs))
        return future


@dataclass
class InProcess:
    """No other process: for one processor and for looking inside."""

    width: int = 1

    def reach(self) -> None:
        """It is always there."""

    def open(self) -> Executor:
        """An executor that runs what it is given at once."""
        return Here()

    def close(self, executor: Executor, *, kill: bool) -> None:
        """Nothing is left to end."""


@dataclass
class Local:
    """Processes of this machine, forked from a server that has imported `preload`."""

    jobs: int
    preload: Sequence[str] = ()

    @property
    def width(self) -> int:
        """One chunk per process under way and one waiting for each, so that no process waits."""
        return 2 * self.jobs

    def reach(self) -> None:
        """Let the server of processes start, if it has not: it imports while this process does something else."""
        from multiprocessing import forkserver, resource_tracker

        self._context()
        resource_tracker.ensure_running()  # first: to start it lets Ctrl-C through again
        unheard = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})  # it inherits being deaf to Ctrl-C
        try:
            forkserver.ensure_running()
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, unheard)

    def open(self) -> Executor:
        """A pool whose processes leave Ctrl-C to their parent and do not outlive it."""
        return ProcessPoolExecutor(self.jobs, mp_context=self._context(), initializer=_serve)

    def _context(self) -> BaseContext:
        context = get_context("forkserver")
        context.set_forkserver_preload(["abm.study.work", *self.preload])
        return context

    def close(self, executor: Executor, *, kill: bool) -> None:
        """Wait for the processes, or kill them."""
        assert isinstance(executor, ProcessPoolExecutor)
        workers = list((executor._processes or {}).values())  # no public way to stop what is running
        executor.shutdown(wait=not kill, cancel_futures=True)
        for worker in workers if kill else ():
            worker.kill()


@dataclass
class Dask:
    """Workers of a Dask scheduler at `address`."""

    address: str
    width: int = 2

    def reach(self) -> None:
        """Connect; the width is twice the number of threads of all workers."""
        try:
            import distributed
        except ImportError:
            raise StudyError("--cluster needs Dask: pip install 'cascade-abm[cluster]'") from None
        for name in ("distributed", "distributed.client"):  # a scheduler that is gone is told in one line, not in pages
            logging.getLogger(name).setLevel(logging.CRITICAL)
        client: Any = distributed.Client  # not typed
        try:
            self.client: Any = client(self.address, timeout=CONNECT_SECONDS, set_as_default=False)
        except (OSError, ValueError) as error:
            raise StudyError(f"--cluster {self.address}: no Dask scheduler answers: {' '.join(str(error).split())}") from None
        threads = sum(self.client.nthreads().values())
        if not threads:
            self.client.close()
            raise StudyError(f"--cluster {self.address}: the scheduler has no workers; start some with `dask worker`")
        self.width = 2 * threads

    def open(self) -> Executor:
        """The scheduler's executor."""
        executor: Executor = self.client.get_executor(pure=False)
        return executor

    def close(self, executor: Executor, *, kill: bool) -> None:
        """Give the workers back; they stay."""
        executor.shutdown(wait=not kill)
        self.client.close()


@dataclass
class Mpi:
    """The processes of `mpiexec -n N python -m mpi4py.futures run.py ...`: the first hands out, the others run."""

    width: int = 2

    def reach(self) -> None:
        """See that MPI started this process, and others beside it; the width is twice the number of the others."""
        if MPI_LAUNCHER not in sys.orig_argv:
            raise StudyError(f"--cluster mpi is started by mpi4py: mpiexec -n 3 python -m {MPI_LAUNCHER} run.py sweep ...")
        others = mpi_processes() - 1
        if others < 1:
            raise StudyError("--cluster mpi needs a process that hands out and at least one that runs: mpiexec -n 2 or more")
        self.width = 2 * others

    def open(self) -> Executor:
        """An executor over the other processes, which leave Ctrl-C to the first."""
        from mpi4py.futures import MPIPoolExecutor

        executor: Executor = MPIPoolExecutor(initializer=_leave_interrupts)
        return executor

    def close(self, executor: Executor, *, kill: bool) -> None:
        """Wait for the processes; what they still run can only be ended with all of MPI."""
        executor.shutdown(wait=not kill, cancel_futures=True)


def mpi_processes() -> int:
    """Processes that `mpiexec` started."""
    from mpi4py import MPI  # never missing: its launcher has imported it

    return int(MPI.COMM_WORLD.Get_size())


def door(jobs: int, cluster: str | None, preload: Sequence[str]) -> Door:
    """The door that a command line asks for."""
    if cluster is not None:
        return Mpi() if cluster == "mpi" else Dask(cluster)
    return InProcess() if jobs == 1 else Local(jobs, preload)


def _leave_interrupts() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _serve() -> None:
    """What a local process does first. A parent that is killed cannot end its processes: they see it themselves."""
    _leave_interrupts()
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    from multiprocessing import connection, parent_process

    parent = parent_process()
    assert parent is not None, "a process of the pool has a parent"
    connection.wait([parent.sentinel])
    os._exit(1)

"""Doors to processors: every one opens a `concurrent.futures.Executor`, so the runner knows only that."""

from __future__ import annotations

import signal
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from dataclasses import dataclass
from typing import Any, Protocol

from abm.study.errors import StudyError

CONNECT_SECONDS = 10.0


class Door(Protocol):
    """A place where runs are done."""

    @property
    def width(self) -> int:
        """Chunks under way at once."""
        ...

    def open(self) -> Executor:
        """A fresh executor; StudyError if there is none to be had."""
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

    def open(self) -> Executor:
        """A pool whose processes leave Ctrl-C to their parent."""
        from multiprocessing import get_context

        context = get_context("forkserver")
        context.set_forkserver_preload(["abm.study.work", *self.preload])
        return ProcessPoolExecutor(self.jobs, mp_context=context, initializer=_leave_interrupts)

    def close(self, executor: Executor, *, kill: bool) -> None:
        """Wait for the processes, or kill them."""
        assert isinstance(executor, ProcessPoolExecutor)
        workers = list((executor._processes or {}).values())  # no public way to stop what is running
        executor.shutdown(wait=not kill, cancel_futures=True)
        for worker in workers if kill else ():
            worker.kill()


@dataclass
class Cluster:
    """Workers of a Dask scheduler at `address`, or of MPI (`mpi`, under `mpiexec ... python -m mpi4py.futures`)."""

    address: str
    width: int = 2

    def open(self) -> Executor:
        """The scheduler's executor; its width is twice the number of threads of all workers."""
        if self.address == "mpi":
            return self._mpi()
        try:
            import distributed
        except ImportError:
            raise StudyError("--cluster needs Dask: pip install 'cascade-abm[cluster]'") from None
        client: Any = distributed.Client  # not typed
        try:
            self.client: Any = client(self.address, timeout=CONNECT_SECONDS, set_as_default=False)
        except (OSError, ValueError) as error:
            raise StudyError(f"--cluster {self.address}: no Dask scheduler answers: {' '.join(str(error).split())}") from None
        threads = sum(self.client.nthreads().values())
        if not threads:
            raise StudyError(f"--cluster {self.address}: the scheduler has no workers; start some with `dask worker`")
        self.width = 2 * threads
        executor: Executor = self.client.get_executor(pure=False)
        return executor

    def close(self, executor: Executor, *, kill: bool) -> None:
        """Give the workers back; they stay."""
        executor.shutdown(wait=not kill)
        if self.address != "mpi":
            self.client.close()

    def _mpi(self) -> Executor:
        try:
            from mpi4py.futures import MPIPoolExecutor
        except ImportError:
            raise StudyError("--cluster mpi needs mpi4py: pip install mpi4py") from None
        executor: Executor = MPIPoolExecutor()
        self.width = 2 * max(1, getattr(executor, "num_workers", 1))
        return executor


def door(jobs: int, cluster: str | None, preload: Sequence[str]) -> Door:
    """The door that a command line asks for."""
    if cluster is not None:
        return Cluster(cluster)
    return InProcess() if jobs == 1 else Local(jobs, preload)


def _leave_interrupts() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)

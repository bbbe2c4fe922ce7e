"""The runner: keeps an executor busy with chunks of runs and survives what happens to its workers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, CancelledError, Future, wait
from itertools import islice

from abm.study.doors import Door
from abm.study.errors import StudyError
from abm.study.work import FAILED, Outcome, Run, perform, told

CHUNK_SECONDS = 0.2  # of work in a chunk: hides the way to a worker, and an interrupt waits no longer
CHUNK_MAX = 1_000
ATTEMPTS = 2  # of a run whose worker dies
DEATHS = {"KilledWorker"}  # what Dask says where a local pool is broken
PATIENCE = 0.5  # seconds between looks at an interrupt


class Runner:
    """Runs through a door: `stop` is asked before every chunk, `attempts` counts runs whose worker died."""

    def __init__(self, door: Door, task: str, *, stop: Callable[[], bool] = lambda: False) -> None:
        self.door, self.task, self.stop = door, task, stop
        self.attempts: dict[tuple[int, int], int] = {}  # (point, replication) -> attempts that took a worker down
        self._chunk = 1
        self._pending: dict[Future[list[Outcome]], list[Run]] = {}
        self._suspects: list[Run] = []
        self._broken = False

    def outcomes(self, todo: Iterator[Run], count: int) -> Iterator[Outcome]:
        """What becomes of `count` runs, in the order in which they end; after a stop, of those under way."""
        self._left = count
        self._executor = self.door.open()
        finished = False
        try:
            while self._fill(todo):
                done, _ = wait(self._pending, timeout=PATIENCE, return_when=FIRST_COMPLETED)
                for future in done:
                    yield from self._collect(future)
                if self._suspects and not self._pending:
                    yield from self._one_by_one()
            finished = True
        finally:
            self.door.close(self._executor, kill=not finished)

    def _fill(self, todo: Iterator[Run]) -> bool:
        """Hand out chunks until the door is full; False when nothing is under way any more."""
        while len(self._pending) < self.door.width and not self._suspects and not self.stop():
            even = -(-self._left // (2 * self.door.width))  # the last chunks are small: no process waits for one long one
            chunk = list(islice(todo, max(1, min(self._chunk, even))))
            if not chunk:
                break
            self._left -= len(chunk)
            self._pending[self._submit(chunk)] = chunk
        return bool(self._pending)

    def _submit(self, chunk: list[Run]) -> Future[list[Outcome]]:
        try:
            return self._executor.submit(perform, self.task, chunk)
        except BrokenExecutor as error:  # a worker died since we looked: the same as dying a moment later
            future: Future[list[Outcome]] = Future()
            future.set_exception(error)
            return future

    def _collect(self, future: Future[list[Outcome]]) -> list[Outcome]:
        chunk = self._pending.pop(future)
        error = _raised(future)
        if error is None:
            outcomes = future.result()
            self._pace(outcomes)
            return outcomes
        _refuse_others(error)
        self._suspects += chunk
        self._broken |= isinstance(error, BrokenExecutor)  # then all that was under way fails, and is suspect
        return []

    def _reopen(self) -> None:
        self.door.close(self._executor, kill=True)
        self._executor = self.door.open()
        self._broken = False

    def _one_by_one(self) -> Iterator[Outcome]:
        """Runs that were under way when a worker died, each alone, so that a culprit takes nobody with it."""
        suspects, self._suspects = self._suspects, []
        if self._broken:
            self._reopen()
        for run in suspects:
            if self.stop():
                return
            yield from self._alone(run)

    def _alone(self, run: Run) -> list[Outcome]:
        key = (run.point, run.replication)
        self.attempts[key] = 1
        while self.attempts[key] < ATTEMPTS:
            self.attempts[key] += 1
            future = self._submit([run])
            error = _raised(future)
            if error is None:
                return future.result()
            _refuse_others(error)
            if isinstance(error, BrokenExecutor):
                self._reopen()
        cause = f"its worker died {self.attempts[key]} times ({type(error).__name__}): killed, or out of memory"
        return [Outcome(run.point, run.replication, run.seed, FAILED, cause, {}, 0.0, "")]

    def _pace(self, outcomes: list[Outcome]) -> None:
        """Chunks long enough to be worth the way, by the runs just seen."""
        seconds = sum(outcome.wall_seconds for outcome in outcomes) / len(outcomes)
        wanted = int(CHUNK_SECONDS / max(seconds, CHUNK_SECONDS / CHUNK_MAX))
        self._chunk = max(1, min(CHUNK_MAX, wanted, 2 * self._chunk))



def _raised(future: Future[list[Outcome]]) -> BaseException | None:
    """What a chunk came back with, None for its outcomes; StudyError where it was lost with the scheduler."""
    try:
        return future.exception()
    except CancelledError:
        raise StudyError("the workers cannot go on: their scheduler is gone; what was done is stored") from None


def _refuse_others(error: BaseException) -> None:
    """StudyError unless a worker died: errors of a run come back as outcomes, so anything else is the executor's."""
    if not isinstance(error, BrokenExecutor) and type(error).__name__ not in DEATHS:
        raise StudyError(f"the workers cannot go on: {told(error)}; what was done is stored") from None

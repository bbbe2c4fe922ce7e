"""The clock of one page: a thread that steps the session and asks for drawings no faster than the browser shows them."""

from __future__ import annotations

from collections.abc import Callable
from threading import Event, Lock, Thread
from time import perf_counter

from abm.view.session import Session

FRAME_SECONDS = 0.033  # least time between two drawings: a page that is redrawn without pause is replaced by a traceback
PATIENCE = 2.0  # seconds to wait for a browser that has not shown the last drawing
ABSENT = 5  # drawings in a row that nobody showed: the visitor has gone
FASTEST = 200.0  # steps a second


class Player:
    """Plays, pauses and runs to a step; one thread at most, which ends with `close`.

    `show` is called after steps, from that thread; the page answers each drawing by `shown`.
    """

    def __init__(self, session: Session, show: Callable[[], None]) -> None:
        self.session, self.show = session, show
        self.speed = 10.0  # steps a second
        self.playing = False
        self._until: int | None = None
        self._shown, self._stop, self._guard = Event(), Event(), Lock()
        self._go, self._resting, self._closed = Event(), Event(), False
        self._resting.set()
        self._thread: Thread | None = None

    def play(self, until: int | None = None) -> None:
        """Step at `speed`; up to step `until`, if given, as fast as it goes."""
        with self._guard:
            self._until = until
            if self.playing or self.session.done or self._closed:
                return
            self._stop.clear()
            self.playing = True
            self._resting.clear()
            if self._thread is None:  # kept between plays: memory that one thread has freed is seldom used by the next
                self._thread = Thread(target=self._live, name="view", daemon=True)
                self._thread.start()
            self._go.set()

    def pause(self) -> None:
        """Stop after the step under way and wait for it."""
        with self._guard:
            self._stop.set()
            self._shown.set()
        self._resting.wait(timeout=10.0)
        self.playing = False

    def shown(self) -> None:
        """The browser has shown the last drawing."""
        self._shown.set()

    def close(self) -> None:
        """End the thread and let go of the models."""
        self.pause()
        self._closed = True
        self._go.set()
        if self._thread is not None:
            self._thread.join(timeout=10.0)
        self.session.close()

    def _live(self) -> None:
        while self._go.wait() and not self._closed:
            self._go.clear()
            try:
                self._loop()
            finally:
                with self._guard:
                    if not self._go.is_set():  # else somebody has pressed Play again already
                        self._resting.set()

    def _loop(self) -> None:
        unseen, due = 0, perf_counter()
        self._shown.set()
        while not (self._stop.is_set() or self._finished()) and unseen < ABSENT:
            begun = perf_counter()
            self._steps()  # while the browser paints the drawing before
            unseen = 0 if self._shown.wait(PATIENCE) else unseen + 1
            due = max(due, begun - 1.0) + 1.0 / min(self.speed, 1.0 / FRAME_SECONDS)
            self._shown.clear()
            self.show()
            self._stop.wait(max(FRAME_SECONDS - (perf_counter() - begun), due - perf_counter(), 0.0))
        self.playing = False
        self.show()

    def _steps(self) -> None:
        """As many steps as one drawing stands for."""
        many = 1 if self.speed <= 1.0 / FRAME_SECONDS else round(self.speed * FRAME_SECONDS)
        for _ in range(20 if self._until is not None else many):
            if self._stop.is_set() or self._finished():
                return
            self.session.step()

    def _finished(self) -> bool:
        return self.session.done or (self._until is not None and self.session.tick >= self._until)

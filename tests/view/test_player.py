"""The player: paced by the browser, ended by the page."""

from __future__ import annotations

import threading
from pathlib import Path
from time import monotonic, sleep

import pytest

from abm.view.player import Player
from abm.view.session import Session
from tests.small_worlds import world


@pytest.fixture(name="session")
def _session(tmp_path: Path) -> Session:
    file = tmp_path / "small.toml"
    file.write_text(world().to_toml(), encoding="utf-8")
    return Session(str(file))


def until(said: bool | object, *, seconds: float = 20.0) -> None:
    """Wait for a condition, a function without arguments."""
    begun = monotonic()
    while not said():  # type: ignore[operator]
        assert monotonic() - begun < seconds, "waited in vain"
        sleep(0.01)


def test_it_runs_to_the_shock_and_stops_there(session: Session) -> None:
    player = Player(session, lambda: player.shown())  # noqa: PLW0108  (it does not exist yet)
    player.play(until=session.shock_step)
    until(lambda: not player.playing)
    assert session.tick == session.shock_step == 6  # the fall begins at 30 s and is built up, steps are 5 s
    player.close()


def test_it_plays_to_the_end_at_the_fastest(session: Session) -> None:
    drawn: list[int] = []

    def show() -> None:
        drawn.append(session.tick)
        player.shown()

    player = Player(session, show)
    player.speed = 200.0
    player.play()
    until(lambda: not player.playing)
    assert session.done
    assert drawn[-1] == session.steps
    assert len(drawn) < session.steps, "a drawing stands for several steps"
    player.close()


def test_it_plays_again_after_a_pause_and_a_reset_in_the_same_thread(session: Session) -> None:
    player = Player(session, lambda: player.shown())  # noqa: PLW0108
    player.speed = 200.0
    for _ in range(3):
        player.play()
        until(lambda: session.tick > 2)
        player.pause()
        session.reset()
        assert [thread.name for thread in threading.enumerate()].count("view") == 1
    player.play()
    until(lambda: session.done)
    player.close()
    player.play()
    assert not player.playing, "nothing plays after the end"
    assert not [thread for thread in threading.enumerate() if thread.name == "view"]


def test_it_pauses_at_once_and_leaves_no_thread(session: Session) -> None:
    player = Player(session, lambda: None)  # a browser that never answers
    player.play()
    until(lambda: session.tick > 0)
    player.pause()
    tick = session.tick
    sleep(0.1)
    assert (session.tick, player.playing) == (tick, False)
    player.close()
    assert not [thread for thread in threading.enumerate() if thread.name == "view"]

"""The page: controls in the side bar, the board beside them. Every visitor has a session of their own."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs

import solara

from abm.scenario.files import shipped
from abm.twins import TWINS
from abm.view.board import Board, board, picked
from abm.view.controls import Control, controls
from abm.view.export import archive
from abm.view.page_name import OPENING
from abm.view.player import FASTEST, Player
from abm.view.session import NO_TWIN, Session

SPEEDS = [1, 2, 5, 10, 20, 50, 100, int(FASTEST)]  # steps a second


def names() -> list[str]:
    """Scenarios that may be picked: the shipped ones and the one that the command line named; no other file of the machine."""
    opening = os.environ.get(OPENING, "baseline")
    return list(dict.fromkeys([opening, *(path.stem for path in shipped())]))


def begun(search: str | None) -> Session:
    """The session that a link asks for (`?scenario=baseline&seed=7`); what it asks in vain is told in `message`."""
    asked = {key: values[-1] for key, values in parse_qs((search or "").lstrip("?")).items()}
    name = asked.get("scenario", names()[0])
    session = Session(name if name in names() else names()[0])
    if name not in names():
        session.message = f"no scenario {name!r} here; known: {', '.join(names())}"
    elif "seed" in asked:
        session.sow(asked["seed"])
    return session


@solara.component_vue("board.vue")
def Panels(panels: Board, frame: int, event_pick: Callable[[Any], None], event_shown: Callable[[Any], None]) -> None:
    """The drawings; a click tells an account or a place, every new frame is answered once it is shown."""


@solara.component
def Page() -> None:
    """One visitor's page."""
    search = solara.use_router().search
    frame = solara.use_reactive(0)
    speed, instrument, chosen = solara.use_reactive(10), solara.use_reactive(""), solara.use_reactive(None)

    def opened() -> Player:
        return Player(begun(search), lambda: frame.set(frame.peek() + 1))

    player = solara.use_memo(opened, [])
    solara.use_effect(lambda: player.close, [])
    solara.Title("cascade-abm")
    with solara.Sidebar():
        Controls(player, frame, speed, instrument, chosen)
    Drawing(player, frame, instrument, chosen)


@solara.component
def Drawing(player: Player, frame: Any, instrument: Any, chosen: Any) -> None:
    """The board of the current frame, with the message of what could not be done above it."""
    session = player.session

    def pick(place: dict[str, Any]) -> None:
        account = place.get("account")
        if account is None and place.get("panel") == "accounts":
            account = picked(session, "accounts", float(place["x"]), float(place["y"]))
        elif account is None and place.get("panel") != "events":
            return
        chosen.set(account)
        frame.set(frame.peek() + 1)

    if session.message:
        solara.Error(session.message, dense=True)
    books = list(session.run.instruments.names)
    row = books.index(instrument.value) if instrument.value in books else 0
    panels = board(session, instrument=row, chosen=chosen.value)
    Panels(panels=panels, frame=frame.value, event_pick=pick, event_shown=lambda number: player.shown())


@solara.component
def Controls(player: Player, frame: Any, speed: Any, instrument: Any, chosen: Any) -> None:
    """Step, Play, Reset where a user of Mesa expects them; scenario, seed and twin; the parameters; what to take home."""
    session = player.session
    frame.value  # noqa: B018  (drawn again with every frame: the buttons follow the run)

    def then(action: Callable[[], None]) -> Callable[..., None]:
        def act(*_: Any) -> None:
            player.pause()
            action()
            frame.set(frame.peek() + 1)

        return act

    def choose(name: str) -> None:
        chosen.set(None)
        then(lambda: session.choose(name))()

    def hurry(value: int) -> None:
        player.speed = float(value)
        speed.set(value)

    Buttons(player, then)
    solara.Select("Speed, steps a second", value=speed.value, values=SPEEDS, on_value=hurry)
    solara.Select("Scenario", values=names(), value=session.name, on_value=choose)
    with solara.Row(gap="8px"):
        solara.InputText("Seed", value=str(session.seed), on_value=lambda text: then(lambda: session.sow(text))())
        twins = [NO_TWIN, *TWINS]
        solara.Select("Twin", values=twins, value=session.twin, on_value=lambda name: then(lambda: session.pair(name))())
    books = list(session.run.instruments.names)
    shown = instrument.value if instrument.value in books else books[0]
    solara.Select("Book", values=books, value=shown, on_value=instrument.set)
    solara.Text("Parameters (a change begins the run anew)", style="font-weight: 600; font-size: 13px")
    for control in controls(session.scenario):
        Handle(control, lambda name, value: then(lambda: session.change(name, value))())
    solara.Text(f"Repeat this run: {session.command()}", style="font-family: monospace; font-size: 11px; user-select: all")
    file = f"{session.scenario.name}-{session.seed}.zip"
    solara.FileDownload(lambda: archive(session), filename=file, label="Data and figures")


@solara.component
def Buttons(player: Player, then: Callable[[Callable[[], None]], Callable[..., None]]) -> None:
    """What moves the run."""
    session, end = player.session, player.session.done
    with solara.Row(gap="4px", style="flex-wrap: wrap"):
        if player.playing:
            solara.Button("Pause", on_click=then(player.pause), color="primary", small=True)
        else:
            solara.Button("Play", on_click=lambda *_: player.play(), color="primary", small=True, disabled=end)
        solara.Button("Step", on_click=then(session.step), small=True, disabled=end)
        shock = session.shock_step
        late = shock is None or session.tick >= shock
        solara.Button("To shock", on_click=lambda: player.play(until=shock), small=True, disabled=late)
        solara.Button("Reset", on_click=then(session.reset), small=True)


@solara.component
def Handle(control: Control, change: Callable[[str, Any], None]) -> None:
    """One parameter: a slider that acts when it is let go, or a list."""
    label = f"{control.label}, {control.unit}" if control.unit not in ("1", "rule", "choice", "names") else control.label
    with solara.Tooltip(control.help):
        if control.choices:
            solara.Select(
                label, values=list(control.choices), value=control.value,
                on_value=lambda value: change(control.name, control.meant(value)), dense=True,
            )  # fmt: skip
        else:
            Slider(label, control, change)


@solara.component
def Slider(label: str, control: Control, change: Callable[[str, Any], None]) -> None:
    """A slider that shows its number while it is dragged and acts when it is let go."""
    dragged, set_dragged = solara.use_state(float(control.value))
    solara.use_effect(lambda: set_dragged(float(control.value)), [control.value])
    drawn = solara.v.Slider(
        label=f"{label}: {dragged:.3g}", v_model=dragged, min=control.low, max=control.high, step=control.grain,
        on_v_model=lambda value: set_dragged(float(value)), dense=True, hide_details=True,
    )  # fmt: skip
    solara.v.use_event(drawn, "change", lambda *told: change(control.name, control.meant(told[-1])))

"""The page: controls in the side bar, the board beside them. Every visitor has a session of their own."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from typing import Any, NamedTuple
from urllib.parse import parse_qs

import solara
from solara.lab import ThemeToggle

from abm.scenario.files import shipped
from abm.twins import TWINS
from abm.view.board import SIZES, Wish, believed, board, book_picked, picked
from abm.view.colours import css
from abm.view.controls import Control, controls
from abm.view.export import archive
from abm.view.page_name import OPENING
from abm.view.player import FASTEST, Player
from abm.view.session import NO_TWIN, Session

PICKED = ("accounts", "forest")  # drawings in which a click finds an account
SPEEDS = [1, 2, 5, 10, 20, 30, 50, 100, int(FASTEST)]  # steps a second


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
def Panels(
    frame: int,
    message: str,
    measured: bool,
    numbers: str,
    prices: str,
    accounts: str,
    cascade: str,
    forest: str,
    ladder: str,
    losses: str,
    matrix: str,
    makers: str,
    log: str,
    account: str,
    event_pick: Callable[[Any], None],
    event_shown: Callable[[Any], None],
    event_sized: Callable[[Any], None],
) -> None:
    """The drawings, of which only those that changed are sent; every new frame is answered once it is shown, a click tells
    an account or a place, and the page tells how large its places are."""


class Turn(NamedTuple):
    """What the side bar depends on: it is drawn again when this changes, not with every step."""

    run: int = 0  # how often a run has begun
    playing: bool = False
    done: bool = False
    late: bool = False  # no shock lies ahead
    message: str = ""


def turn_of(player: Player) -> Turn:
    """Of now."""
    session, shock = player.session, player.session.shock_step
    return Turn(session.generation, player.playing, session.done, shock is None or session.tick >= shock, session.message)


@solara.component
def Page() -> None:
    """One visitor's page."""
    search = solara.use_router().search
    frame, turn = solara.use_reactive(0), solara.use_reactive(Turn())
    wish, sizes = solara.use_reactive(Wish()), solara.use_reactive(SIZES)

    def opened() -> Player:
        return Player(begun(search), show)

    def show() -> None:
        frame.set(frame.peek() + 1)
        turn.set(turn_of(player))

    player = solara.use_memo(opened, [])
    solara.use_effect(lambda: player.close, [])
    with solara.Column(gap="0px"):
        solara.Title("cascade-abm")
        solara.Style(css())
        with solara.AppBar():
            ThemeToggle()
        with solara.Sidebar():
            Controls(player, show, turn, wish)
        Heading(player, turn)
        Drawing(player, frame, wish, sizes)


@solara.component
def Heading(player: Player, turn: Any) -> None:
    """The scenario and its question, in the bar above the page."""
    turn.value  # noqa: B018  (drawn again when the scenario changes)
    scenario = player.session.scenario
    with solara.AppBarTitle():
        solara.Text(f"cascade-abm · {scenario.name}{': ' * bool(scenario.question)}{scenario.question}")


@solara.component
def Drawing(player: Player, frame: Any, wish: Any, sizes: Any) -> None:
    """The board of the current frame, with the message of what could not be done above it."""
    session = player.session

    def pick(place: dict[str, Any]) -> None:
        account, panel = place.get("account"), str(place.get("panel"))
        now, seen = wish.peek(), replace(wish.peek(), sizes=sizes.peek())
        if account is not None:
            wish.set(replace(now, chosen=account if account >= 0 else None))
        elif panel == "prices":
            book = book_picked(session, seen, float(place["x"]), float(place["y"]))
            wish.set(now if book is None else replace(now, book=book))
        elif panel in PICKED:
            wish.set(replace(now, chosen=picked(session, seen, panel, float(place["x"]), float(place["y"]))))

    drawn = board(session, replace(wish.value, sizes=sizes.value))
    Panels(
        **drawn,
        frame=frame.value,
        message=session.message,
        measured=sizes.value is not SIZES,
        event_pick=pick,
        event_shown=lambda number: player.shown(),
        event_sized=lambda told: sizes.set(believed(told)),  # the side bar depends on the wish, not on this
    )


@solara.component
def Controls(player: Player, show: Callable[[], None], turn: Any, wish: Any) -> None:
    """Step, Play, Reset where a user of Mesa expects them; scenario, seed and twin; the parameters; what to take home."""
    session = player.session

    def then(action: Callable[[], None]) -> Callable[..., None]:
        def act(*_: Any) -> None:
            player.pause()
            action()
            show()

        return act

    def choose(name: str) -> None:
        wish.set(replace(wish.peek(), chosen=None, book=0))
        then(lambda: session.choose(name))()

    with solara.Card("Controls", margin=0, elevation=0):
        Buttons(player, turn.value, then)
        Speed(player)
    with solara.Card("Run", margin=0, elevation=0):
        solara.Select("Scenario", values=names(), value=session.name, on_value=choose)
        with solara.Row(gap="8px"):
            solara.InputText("Seed", value=str(session.seed), on_value=lambda text: then(lambda: session.sow(text))())
            twins = [NO_TWIN, *TWINS]
            solara.Select("Twin", values=twins, value=session.twin, on_value=lambda name: then(lambda: session.pair(name))())
        books = list(session.run.instruments.names)
        shown = books[min(wish.value.book, len(books) - 1)]

        def open_book(name: str) -> None:
            wish.set(replace(wish.peek(), book=books.index(name)))

        solara.Select("Book", values=books, value=shown, on_value=open_book)
    with solara.Card("Model Parameters", margin=0, elevation=0):
        for control in solara.use_memo(lambda: controls(session.scenario), [session.generation]):
            Handle(control, lambda name, value: then(lambda: session.change(name, value))())
    with solara.Card("Take home", margin=0, elevation=0):
        solara.Text(f"Repeat this run: {session.command()}", style="font-family: monospace; font-size: 11px; user-select: all")
        file = f"{session.scenario.name}-{session.seed}.zip"
        solara.FileDownload(lambda: archive(session), filename=file, label="Data and figures")


@solara.component
def Speed(player: Player) -> None:
    """How fast Play goes."""
    speed, set_speed = solara.use_state(int(player.speed))

    def hurry(value: int) -> None:
        player.speed = float(value)
        set_speed(value)

    solara.Select("Speed, steps a second", value=speed, values=SPEEDS, on_value=hurry)


@solara.component
def Buttons(player: Player, turn: Turn, then: Callable[[Callable[[], None]], Callable[..., None]]) -> None:
    """What moves the run."""
    session, end = player.session, turn.done
    with solara.Row(gap="4px"):
        if turn.playing:
            solara.Button("Pause", on_click=then(player.pause), color="primary", small=True)
        else:
            solara.Button("Play", on_click=lambda *_: player.play(), color="primary", small=True, disabled=end)
        solara.Button("Step", on_click=then(session.step), small=True, disabled=end)
        run_up = lambda *_: player.play(until=session.shock_step)  # noqa: E731
        solara.Button("To shock", on_click=run_up, small=True, disabled=turn.late)
        solara.Button("Reset", on_click=then(session.reset), small=True)


@solara.component
def Handle(control: Control, change: Callable[[str, Any], None]) -> None:
    """One parameter: a slider that acts when it is let go, or a list."""
    label = f"{control.label}, {control.unit}" if control.unit not in ("1", "rule", "choice", "names") else control.label
    with solara.Tooltip(f"{control.help} ({control.name})"):
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
    with solara.Div():
        with solara.Div(classes=["handle"]):
            solara.Text(label)
            solara.HTML(tag="b", unsafe_innerHTML=f"{dragged:.3g}")
        drawn = solara.v.Slider(
            v_model=dragged, min=control.low, max=control.high, step=control.grain,
            on_v_model=lambda value: set_dragged(float(value)), dense=True, hide_details=True,
        )  # fmt: skip
        solara.v.use_event(drawn, "change", lambda *told: change(control.name, control.meant(told[-1])))

"""The event log in words, newest first."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from itertools import islice

from abm.clearing.journal import EventKind
from abm.view.history import ACCOUNT, AMOUNT, INSTRUMENT, KIND, STEP, TRADER, Event, History, Note
from abm.view.svg import short

LINES = 40  # what does not fit is cut off below
SAID = {
    EventKind.ENTERED: "seized",
    EventKind.RECOVERED: "recovered",
    EventKind.KEEPER_TAKEOVER: "taken over by keepers",
    EventKind.FUND_TAKEOVER: "taken over by the insurance fund",
    EventKind.ADL: "auto-deleveraged",
    EventKind.SOCIALISED: "charged with losses of others",
    EventKind.CLOSED: "closed",
    EventKind.WITHDREW: "stopped quoting",
    EventKind.RETURNED: "quotes again",
    EventKind.FUND_PAID: "covered by the insurance fund",
    EventKind.CALLED: "called for margin",
    EventKind.CALL_MET: "met their calls",
    EventKind.TOPPED_UP: "topped up",
    EventKind.WAITED: "slices held back",
    EventKind.AUCTIONED: "won in an auction",
    EventKind.UNSOLD: "unsold in an auction",
    EventKind.VAULT_TAKEOVER: "taken over by the vault",
    EventKind.HALTED: "halted",
    EventKind.RESUMED: "open again",
}
NOUNS = {EventKind.WITHDREW: "makers", EventKind.RETURNED: "makers", EventKind.HALTED: "books", EventKind.RESUMED: "books"}
TONES = {  # classes of lines
    EventKind.ENTERED: "seizure",
    EventKind.RECOVERED: "relief",
    EventKind.CALL_MET: "relief",
    EventKind.RETURNED: "relief",
    EventKind.RESUMED: "relief",
    EventKind.CLOSED: "loss",
    EventKind.ADL: "loss",
    EventKind.SOCIALISED: "loss",
    EventKind.FUND_PAID: "loss",
    EventKind.FUND_TAKEOVER: "loss",
    EventKind.WITHDREW: "halt",
    EventKind.HALTED: "halt",
}


def log(run: History) -> str:
    """A list of lines; those on one account name it for a click."""
    lines = list(islice(_lines(run), LINES))
    items = "".join(lines) or '<li class="none">nothing has happened yet</li>'
    return f'<div class="head">Events <span>newest first; click one for its account</span></div><ol class="log">{items}</ol>'


def _lines(run: History) -> Iterator[str]:
    shock = run.shock_step if run.shock_step is not None and run.shock_step < run.model.tick else None
    for note in reversed(run.notes):
        if shock is not None and note.first[0][STEP] < shock:
            yield _item(run, shock, "the shock strikes", css="shock")
            shock = None
        yield from _told(run, note)
    if shock is not None:
        yield _item(run, shock, "the shock strikes", css="shock")


def _told(run: History, note: Note) -> Iterator[str]:
    said, first, tone = phrase(note.kind), note.first[0], TONES.get(note.kind, "")
    if note.events <= len(note.first):
        for event in note.first:
            words = f"{_who(run, event)} {said}{amount(run, note.kind, event[AMOUNT])}"
            yield _item(run, event[STEP], words, account=event[ACCOUNT], css=tone)
    else:
        words = f"{note.events:,} {NOUNS.get(note.kind, 'accounts')} {said}{amount(run, note.kind, note.amount)}"
        yield _item(run, first[STEP], words, account=first[ACCOUNT], css=tone)


def phrase(kind: EventKind) -> str:
    """What happened, in words."""
    return SAID.get(kind, kind.name.lower().replace("_", " "))


def _who(run: History, event: Event) -> str:
    where = run.instruments.names[event[INSTRUMENT]] if event[INSTRUMENT] >= 0 else ""
    if event[KIND] in NOUNS and event[TRADER] >= 0:
        return f"maker {event[TRADER] - int(run.model.desk.rows[0]) + 1}"
    if event[ACCOUNT] < 0:
        return where
    return f"account {event[ACCOUNT]}{group(run, event[TRADER])}{f', {where}' if where else ''}"


def group(run: History, trader: int) -> str:
    """The group of a trader in brackets, nothing for others."""
    traders = run.model.exchange.traders
    return f" ({traders.groups[traders.group[trader]]})" if 0 <= trader < len(traders.group) else ""


def amount(run: History, kind: EventKind, units: int) -> str:
    """An event's cash units in words, nothing where there are none."""
    if not units:
        return ""
    money = f"{short(run.money(units))} {run.model.scenario.money.currency}"
    return f", {money} short" if kind == EventKind.ENTERED else f": {money}"


def clock(run: History, step: int) -> str:
    """Minutes and seconds at the end of a step."""
    seconds = (step + 1) * run.model.step_seconds
    return f"{int(seconds // 60)}:{int(seconds % 60):02d}"


def _item(run: History, step: int, words: str, *, account: int = -1, css: str = "") -> str:
    link = f' data-account="{account}"' if account >= 0 else ""
    return f'<li class="{css}"{link}><b>{clock(run, step)}</b> {escape(words)}</li>'

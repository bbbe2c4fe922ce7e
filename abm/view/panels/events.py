"""The event log in words, newest first, and the history of one account with the reason of its liquidation."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from itertools import islice

import numpy as np

from abm.clearing.journal import EventKind
from abm.clearing.ledger import Mode, State
from abm.market.causes import Cause
from abm.view.history import ACCOUNT, AMOUNT, COUNTERPARTY, INSTRUMENT, KIND, STEP, TRADER, VALUE, Event, History, Note
from abm.view.svg import short

LINES = 16
SAID = {
    EventKind.ENTERED: "seized",
    EventKind.RECOVERED: "recovered",
    EventKind.KEEPER_TAKEOVER: "taken over by keepers",
    EventKind.FUND_TAKEOVER: "positions taken by the insurance fund",
    EventKind.ADL: "auto-deleveraged",
    EventKind.SOCIALISED: "charged with losses of others",
    EventKind.CLOSED: "closed",
    EventKind.WITHDREW: "stopped quoting",
    EventKind.RETURNED: "quotes again",
    EventKind.FUND_PAID: "losses paid by the insurance fund",
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
CAUSES = {
    Cause.OUTSIDE: "outside values",
    Cause.QUOTES: "quotes that moved",
    Cause.TRADES: "trades of others",
    Cause.UNWIND: "unwinding of what was taken over",
    Cause.FORCED: "forced orders",
    Cause.REST: "rounding",
    Cause.STOPS: "stop orders",
}


def log(run: History) -> str:
    """A list of lines; those on one account name it for a click."""
    lines = list(islice(_lines(run), LINES))
    items = "".join(lines) or '<li class="none">nothing has happened yet</li>'
    return f'<div class="head">Events, newest first (click for an account)</div><ol class="log">{items}</ol>'


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
    said, first = SAID.get(note.kind, note.kind.name.lower().replace("_", " ")), note.first[0]
    if note.events <= len(note.first):
        for event in note.first:
            yield _item(run, event[STEP], f"{_who(run, event)} {said}{_amount(run, event[AMOUNT])}", account=event[ACCOUNT])
    else:
        words = f"{note.events:,} accounts {said}{_amount(run, note.amount)}"
        yield _item(run, first[STEP], words, account=first[ACCOUNT])


def _who(run: History, event: Event) -> str:
    where = run.instruments.names[event[INSTRUMENT]] if event[INSTRUMENT] >= 0 else ""
    if event[ACCOUNT] < 0:
        return where
    return f"account {event[ACCOUNT]}{_group(run, event[TRADER])}{f', {where}' if where else ''}"


def _group(run: History, trader: int) -> str:
    traders = run.model.exchange.traders
    return f" ({traders.groups[traders.group[trader]]})" if 0 <= trader < len(traders.group) else ""


def _amount(run: History, amount: int) -> str:
    return f": {short(run.money(amount))} {run.model.scenario.money.currency}" if amount else ""


def _item(run: History, step: int, words: str, *, account: int = -1, css: str = "") -> str:
    seconds = (step + 1) * run.model.step_seconds
    link = f' data-account="{account}"' if account >= 0 else ""
    return f'<li class="{css}"{link}><b>{int(seconds // 60)}:{int(seconds % 60):02d}</b> {escape(words)}</li>'


def account(run: History, row: int | None) -> str:
    """What account `row` holds, what happened to it, and through what it lost when it was seized."""
    if row is None:
        return '<div class="head">Account</div><ol class="log"><li>Click a point, a liquidation or an event.</li></ol>'
    lines = [*_standing(run, row), *_why(run, row)]
    past = [f"{_clock(run, event)} {_past(run, event, row)}" for event in run.events_of(row)[-14:][::-1]]
    items = "".join(f"<li>{escape(words)}</li>" for words in [*lines, *past])
    whose = escape(_group(run, int(run.model.ledger.owner[row])))
    return f'<div class="head">Account {row}{whose}</div><ol class="log">{items}</ol>'


def _clock(run: History, event: Event) -> str:
    seconds = (event[STEP] + 1) * run.model.step_seconds
    return f"{int(seconds // 60)}:{int(seconds % 60):02d}"


def _past(run: History, event: Event, row: int) -> str:
    kind = EventKind(event[KIND])
    said = SAID.get(kind, kind.name.lower().replace("_", " "))
    where = f" {run.instruments.names[event[INSTRUMENT]]}" if event[INSTRUMENT] >= 0 else ""
    other = event[COUNTERPARTY] if event[ACCOUNT] == row else event[ACCOUNT]
    against = f", account {other}" if other >= 0 else ""
    value = f", worth {short(run.money(abs(event[VALUE])))}" if event[VALUE] else ""
    return f"{said}{where}{value}{_amount(run, event[AMOUNT])}{against}"


def _standing(run: History, row: int) -> Iterator[str]:
    ledger, worth, currency = run.model.ledger, run.model.worth, run.model.scenario.money.currency
    yield f"{Mode(int(ledger.mode[row])).name.lower()} margin, {State(int(ledger.state[row])).name.lower()}"
    need = short(run.money(int(worth.maintenance[row])))
    yield f"equity {short(run.money(int(worth.equity[row])))} {currency}, must hold {need}"
    lots = ledger.position[row]
    held = [f"{lots[i] * run.instruments.lot_size[i]:+.4g} {run.instruments.names[i]}" for i in np.flatnonzero(lots)]
    yield f"holds {', '.join(held)}" if held else "holds nothing"


def _why(run: History, row: int) -> Iterator[str]:
    """The latest liquidation: losses by leg, then by cause, then by the accounts whose sales did most."""
    numbers = [number for number, seized in enumerate(run.seized) if seized == row]
    if not numbers:
        return
    rows = run.model.lineage.rows[numbers[-1]]
    by_leg = np.bincount(rows["instrument"], weights=rows["loss"], minlength=len(run.instruments))
    lost = [f"{run.instruments.names[i]} {short(run.money(by_leg[i]))}" for i in np.argsort(-by_leg) if by_leg[i] > 0]
    if not lost:
        yield "seized after losses from before its positions last changed"
        return
    yield f"seized after losses in {', '.join(lost[:4])}"
    by_cause = np.bincount(rows["cause"], weights=rows["loss"], minlength=len(Cause))
    total = np.maximum(by_cause, 0).sum()
    if total > 0:
        shares = [f"{CAUSES[Cause(c)]} {100 * by_cause[c] / total:.0f} %" for c in np.argsort(-by_cause) if by_cause[c] > 0]
        yield f"through {', '.join(shares[:4])}"
    named = rows[rows["parent"] >= 0]
    if len(named):
        by_parent = np.bincount(named["parent"], weights=named["loss"])
        most = [f"{run.seized[p]}" for p in np.argsort(-by_parent)[:3] if by_parent[p] > 0]
        yield f"sales that moved its marks most: of accounts {', '.join(most)}" if most else "no single sale stands out"

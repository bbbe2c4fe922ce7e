"""The history of one account: what it holds, what happened to it, and through what it was liquidated."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from typing import Any

import numpy as np
from numpy.typing import NDArray

from abm.clearing.journal import EventKind
from abm.clearing.ledger import Mode, State
from abm.market.causes import Cause
from abm.view.colours import asset, var
from abm.view.history import ACCOUNT, AMOUNT, COUNTERPARTY, INSTRUMENT, KIND, STEP, VALUE, Event, History
from abm.view.panels.events import amount, clock, group, phrase
from abm.view.svg import short

CAUSES = {
    Cause.OUTSIDE: "outside values",
    Cause.QUOTES: "quotes that moved",
    Cause.TRADES: "trades of others",
    Cause.UNWIND: "unwinding of what was taken over",
    Cause.FORCED: "forced orders",
    Cause.REST: "rounding",
    Cause.STOPS: "stop orders",
}
LATEST = 14  # events told
PARENTS = 4  # accounts named whose sales did most


def account(run: History, row: int | None) -> str:
    """Empty where no account is chosen."""
    if row is None:
        return ""
    whose = escape(group(run, int(run.model.ledger.owner[row])))
    close = '<span class="close" data-account="-1" role="button" title="close">×</span>'
    events = run.events_of(row)[-LATEST:]
    past = [f"<li><b>{clock(run, event[STEP])}</b> {escape(_past(run, event, row))}</li>" for event in events]
    told = "".join(f"<p>{words}</p>" for words in [*_standing(run, row), *_why(run, row)])
    items = "".join(reversed(past)) or "<li>nothing has happened to it</li>"
    return f'<div class="head">Account {row}{whose}{close}</div>{told}<ol class="log">{items}</ol>'


def _past(run: History, event: Event, row: int) -> str:
    where = f" {run.instruments.names[event[INSTRUMENT]]}" if event[INSTRUMENT] >= 0 else ""
    other = event[COUNTERPARTY] if event[ACCOUNT] == row else event[ACCOUNT]
    against = f", account {other}" if other >= 0 else ""
    value = f", worth {short(run.money(abs(event[VALUE])))}" if event[VALUE] else ""
    kind = EventKind(event[KIND])
    return f"{phrase(kind)}{where}{value}{amount(run, kind, event[AMOUNT])}{against}"


def _standing(run: History, row: int) -> Iterator[str]:
    ledger, worth, currency = run.model.ledger, run.model.worth, run.model.scenario.money.currency
    state, mode = State(int(ledger.state[row])).name.lower(), Mode(int(ledger.mode[row])).name.lower()
    need = short(run.money(int(worth.maintenance[row])))
    yield f"{mode} margin, {state}; equity {short(run.money(int(worth.equity[row])))} {currency}, must hold {need}"
    lots = ledger.position[row]
    held = [f"{lots[i] * run.instruments.lot_size[i]:+.4g} {run.instruments.names[i]}" for i in np.flatnonzero(lots)]
    yield escape(f"holds {', '.join(held)}" if held else "holds nothing")


def _why(run: History, row: int) -> Iterator[str]:
    """The latest liquidation: losses by leg, then by cause, then by the accounts whose sales did most."""
    numbers = [number for number, seized in enumerate(run.seized) if seized == row]
    if not numbers:
        return
    number = numbers[-1]
    rows = run.model.lineage.rows[number]
    yield f"<u>Seized at {clock(run, run.seized_at[number])}, generation {run.generation[number]}</u>"
    n, currency = len(run.instruments), run.model.scenario.money.currency
    by_leg = np.bincount(rows["instrument"], weights=rows["loss"], minlength=n)
    if not (by_leg > 0).any():
        yield "after losses from before its positions last changed"
        return
    legs = [(run.instruments.names[i], by_leg[i], asset(int(run.instruments.asset[i]))) for i in _falling(by_leg)]
    yield f"lost in, {currency}{_bars(legs)}"
    by_cause = np.bincount(rows["cause"], weights=rows["loss"], minlength=len(Cause))
    causes = [(CAUSES[Cause(c)], by_cause[c], var("forced" if c == Cause.FORCED else "outside")) for c in _falling(by_cause)]
    yield f"because its marks were moved by, {currency}{_bars(causes)}"
    yield from _whose(run, rows[rows["parent"] >= 0], float(np.maximum(by_cause, 0).sum()))


def _whose(run: History, named: NDArray[Any], total: float) -> Iterator[str]:
    """The accounts whose forced orders cost it most, each with the leg that was hit hardest."""
    if not len(named):
        return
    by_parent = np.bincount(named["parent"], weights=named["loss"])
    told = []
    for parent in _falling(by_parent)[:PARENTS]:
        mine = named[named["parent"] == parent]
        leg = run.instruments.names[int(mine["instrument"][mine["loss"].argmax()])]
        share = 100.0 * by_parent[parent] / total if total else 0.0
        link = f'<a data-account="{run.seized[parent]}">{run.seized[parent]}</a>'
        told.append(f"{link} in {escape(leg)} ({share:.0f} % of the loss)")
    yield f"forced orders of accounts {', '.join(told)}" if told else "no single account's orders stand out"


def _falling(weights: NDArray[Any]) -> list[int]:
    """Places of the positive numbers, the largest first."""
    return [int(place) for place in np.argsort(-weights, kind="stable") if weights[place] > 0]


def _bars(parts: list[tuple[str, float, str]]) -> str:
    """Names, numbers and bars, as parts of their sum."""
    total = sum(value for _, value, _ in parts) or 1.0
    return "".join(
        f'<span class="bar"><i style="width:{60 * value / total:.0f}%;background:{fill}"></i>{escape(name)} {short(value)}</span>'
        for name, value, fill in parts
    )

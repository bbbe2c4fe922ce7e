"""What a view needs of a running model, gathered step by step so that drawing never looks at the whole run again."""

from __future__ import annotations

from collections import Counter
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from abm.clearing.journal import EventKind
from abm.market.causes import Cause
from abm.measures.genealogy import ROOT_BELOW
from abm.model import CascadeModel
from abm.records import EVENT
from abm.view.colours import GENERATIONS
from abm.world.shocks import steps

FIELDS = tuple(EVENT.names or ())
STEP, KIND, ACCOUNT, TRADER, INSTRUMENT, LOTS, VALUE, AMOUNT, COUNTERPARTY = range(len(FIELDS))
SINGLY = 3  # events of a kind and step that are told one by one; more are told together
HORIZONS = (2, 5, 10, 15, 20, 30, 45, 60, 90, 120, 180, 240, 360, 480, 720)  # minutes
Event = tuple[int, ...]


class Note(NamedTuple):
    """All events of one kind in one step."""

    kind: EventKind
    events: int
    amount: int  # cash units
    first: list[Event]  # at most `SINGLY`


class History:
    """A model and everything that has happened to it, in sums that grow with each step."""

    def __init__(self, model: CascadeModel) -> None:
        self.model, self.recorder = model, model.tape.recorder
        n = len(model.instruments)
        self.instruments = model.instruments
        self.opening = model.instruments.opening_tick.astype(np.float64)
        self.events: list[Event] = []
        self.count: Counter[int] = Counter()  # events by kind
        self.amount: Counter[int] = Counter()  # cash units borne (or asked) by kind
        self.notes: list[Note] = []
        self.parent: list[int] = []  # by liquidation, -1 for a root
        self.generation: list[int] = []  # by liquidation, from 1
        self.seized_at: list[int] = []  # step, by liquidation
        self.seized: list[int] = []  # account, by liquidation
        self.lost: list[float] = []  # cash units, by liquidation
        self.matrix = np.zeros((n, n))  # cash units sold by force: asset that lost x asset that was sold
        self.by_generation = np.zeros((model.scenario.time.steps, GENERATIONS))  # cash units sold by force in each step
        self.sales: list[NDArray[Any]] = []  # LIQUIDATION, tables of steps
        self._entered: list[int] = []  # account, by liquidation, as the journal tells it
        self._latest: dict[int, int] = {}  # account -> its latest liquidation
        self._blame: dict[int, NDArray[np.float64]] = {}  # account -> shares of its loss by instrument
        self._open(model)
        times, world = model.scenario.time, model.scenario.world
        begins = [steps(shock.at, times.step_seconds) - (shock.ramp == 0) for shock in world.shocks]
        self.shock_step = max(0, min(begins)) if begins else None

    def _open(self, model: CascadeModel) -> None:
        """Remember what is shown against the opening."""
        exchange = model.exchange
        gross = (np.abs(model.ledger.position) @ exchange.price)[exchange.margined]
        self.opening_notional = gross[gross > 0] * model.scenario.money.cash_unit  # currency, of accounts that hold something
        self.opening_fund = self.fund()
        self.away = np.zeros(len(model.desk.rows), dtype=np.bool_)  # (n_makers,), who quotes nothing
        self.opening_makers = model.equity(model.desk.rows)  # (n_makers,) cash units

    def fund(self) -> int:
        """Equity of all insurance funds, cash units."""
        model = self.model
        rows = np.unique(np.concatenate([house.fund for house in model.exchange.houses]))
        return int(model.ledger.equity_of(rows, model.exchange.price).sum())

    def step(self) -> None:
        """Step the model and take in what happened."""
        self.model.step()
        fresh = self.recorder.events_from(len(self.events))
        self._take_down(fresh)
        self._watch_makers()
        for event in fresh:
            self.events.append(event)
            self.count[event[KIND]] += 1
            self.amount[event[KIND]] += event[AMOUNT]
            if event[KIND] == EventKind.ENTERED:
                self._entered.append(event[ACCOUNT])
        for rows in self.model.lineage.rows[len(self.parent) :]:
            self._trace(rows)
        for table in self.recorder.liquidations_from(len(self.sales)):
            self.sales.append(table)
            self._sell(table)

    def _take_down(self, fresh: list[Event]) -> None:
        """One note for every kind of event in the step."""
        kinds: dict[int, list[Event]] = {}
        for event in fresh:
            kinds.setdefault(event[KIND], []).append(event)
        for kind, members in kinds.items():
            self.notes.append(Note(EventKind(kind), len(members), sum(event[AMOUNT] for event in members), members[:SINGLY]))

    def _watch_makers(self) -> None:
        """A note where makers stopped quoting altogether, or began again: the journal of a house does not tell."""
        desk, step = self.model.desk, self.model.tick - 1
        away = np.all(desk.state.until > self.model.tick * self.model.step_seconds, axis=1)
        for kind, moved in ((EventKind.WITHDREW, away & ~self.away), (EventKind.RETURNED, self.away & ~away)):
            first: list[Event] = [(step, int(kind), -1, int(row), -1, 0, 0, 0, -1) for row in desk.rows[moved][:SINGLY]]
            if first:
                self.notes.append(Note(kind, int(moved.sum()), 0, first))
        self.away = away

    def column(self, name: str) -> NDArray[Any]:
        """A recorded column so far, (n_steps,) or (n_steps, n_instruments), as kept."""
        return self.recorder.so_far(name)

    def minutes(self) -> NDArray[np.float64]:
        """Time of each step done, (n_steps,)."""
        return np.asarray(np.arange(1, self.model.tick + 1) * self.model.step_seconds / 60.0, dtype=np.float64)

    def horizon(self) -> float:
        """Minutes that a time axis shows: round, a little more than has passed, at most the whole run."""
        passed, whole = self.model.tick * self.model.step_seconds / 60.0, self.model.scenario.time.duration / 60.0
        return min([whole, *(minutes for minutes in HORIZONS if minutes >= 1.02 * passed)])

    def money(self, cash_units: float) -> float:
        """Cash units as currency."""
        return float(cash_units) * self.model.scenario.money.cash_unit

    def events_of(self, account: int) -> list[Event]:
        """What happened to one account, or at its cost."""
        return [event for event in self.events if account in (event[ACCOUNT], event[COUNTERPARTY])]

    def _trace(self, rows: NDArray[Any]) -> None:
        """One liquidation's losses (LINEAGE): its parent in the forest, and which legs are to blame."""
        number = len(self.parent)
        account = int(rows["account"][0]) if len(rows) else self._entered[number]
        parent, total = parent_of(rows)
        self.parent.append(parent if parent < number else -1)
        self.generation.append(1 + (self.generation[parent] if 0 <= parent < number else 0))
        self.seized_at.append(int(rows["step"][0]) if len(rows) else self.model.tick - 1)
        self.seized.append(account)
        self.lost.append(total)
        n, loss = len(self.instruments), rows["loss"].astype(np.float64)
        by_leg = np.maximum(np.bincount(rows["instrument"], weights=loss, minlength=n), 0.0)
        self._latest[account] = number
        self._blame[account] = np.asarray(by_leg / max(float(by_leg.sum()), 1.0))

    def _sell(self, table: NDArray[Any]) -> None:
        for account, instrument, value in zip(
            table["account"].tolist(), table["instrument"].tolist(), table["value"].tolist(), strict=True
        ):
            if account in self._blame:
                self.matrix[:, instrument] += self._blame[account] * value
                depth = min(self.generation[self._latest[account]], GENERATIONS) - 1
                self.by_generation[self.model.tick - 1, depth] += value


def parent_of(rows: NDArray[Any]) -> tuple[int, float]:
    """Heaviest parent of one liquidation (-1: less than half of its loss came through forced orders), and its loss.

    `rows` LINEAGE of that liquidation. The same rule as `abm.measures.genealogy.parents`.
    """
    net: dict[tuple[int, int], int] = {}
    for cause, parent, loss in zip(rows["cause"].tolist(), rows["parent"].tolist(), rows["loss"].tolist(), strict=True):
        net[cause, parent] = net.get((cause, parent), 0) + loss
    losses = {key: loss for key, loss in net.items() if loss > 0}
    total = float(sum(losses.values()))
    forced = sum(loss for (cause, _), loss in losses.items() if cause == Cause.FORCED)
    named = {parent: loss for (_, parent), loss in losses.items() if parent >= 0}
    if not named or forced < ROOT_BELOW * total:
        return -1, total
    most = max(named.values())
    return max(parent for parent, loss in named.items() if loss == most), total

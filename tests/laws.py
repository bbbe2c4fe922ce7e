"""The laws that hold whatever the rules: watched while a model runs, and asserted after every step."""

from __future__ import annotations

import json
import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray

from abm.clearing.house import House
from abm.clearing.journal import Entry, EventKind
from abm.clearing.ledger import Mode, State
from abm.kernels.margin import Revaluation
from abm.market.book import Execution
from abm.market.order import Kind, OrderBatch, Outcome
from abm.measures.losses import unallocated_loss
from abm.measures.summary import summarise
from abm.model import CascadeModel
from abm.records import Records

NOT_COUNTED = (Outcome.ACCEPTED, Outcome.UNKNOWN_ORDER)
Move = tuple[int, int, int, int]  # from, to, instrument, lots


class Watch:
    """Looks over the shoulders of a model's houses and books and asserts what must hold there and then."""

    def __init__(self, model: CascadeModel) -> None:
        self.model = model
        self._moved: dict[Move, tuple[int, int]] = {}  # what both sides held before a move off the books
        self._refused = 0
        for house in model.exchange.houses:
            self._watch(house)
        takeover, note = model.ledger.takeover, model.tape.note

        def moved(source: Any, target: Any, instrument: Any, lots: Any, value: Any) -> None:
            held = model.ledger.position[[source, target], instrument]
            self._moved[int(source), int(target), int(instrument), int(lots)] = (int(held[0]), int(held[1]))
            takeover(source, target, instrument, lots, value)

        def noted(execution: Execution) -> None:
            self._refused += int((~np.isin(execution.outcome, NOT_COUNTED)).sum())
            note(execution)

        model.ledger.takeover, model.tape.note = moved, noted  # type: ignore[method-assign]
        self._follow_orders()

    def step(self) -> None:
        """One step of the model, and all laws."""
        self._moved.clear()
        self._refused = 0
        self.model.step()
        assert_sound(self.model)
        assert self.model.records().scalars["refused"][-1] == self._refused
        for house in self.model.exchange.houses:
            for entry in house.journal.entries:
                if entry.kind == EventKind.ADL:
                    self._assert_cuts_both(entry)

    def _assert_cuts_both(self, entry: Entry) -> None:
        """Both sides of an auto-deleveraging held at least these lots, on opposite sides."""
        closed, holder = self._moved[entry.account, entry.counterparty, entry.instrument, entry.lots]
        assert np.sign(closed) == np.sign(entry.lots) == -np.sign(holder) != 0
        assert min(abs(closed), abs(holder)) >= abs(entry.lots)

    def _follow_orders(self) -> None:
        books, execute = self.model.books, self.model.books.execute

        def followed(batch: OrderBatch, **more: Any) -> Execution:
            sent = batch.copy()
            done = execute(batch, **more)
            filled = np.zeros(len(sent), dtype=np.int64)
            np.add.at(filled, done.fills["order"], done.fills["lots"])
            refused = done.outcome != Outcome.ACCEPTED
            immediate = np.isin(sent["kind"], (Kind.IOC, Kind.MARKET)) & ~refused
            assert len(done.outcome) == len(sent)
            assert not filled[refused].any() and not done.expired_lots[refused].any()
            assert (filled + done.expired_lots == sent["lots"])[immediate].all()
            assert (filled <= np.maximum(sent["lots"], 0)).all()
            return done

        books.execute = followed  # type: ignore[method-assign]

    def _watch(self, house: House) -> None:
        model, margin, slices, resolve = self.model, house.margin, house.slices, house.resolve
        busy: set[int] = set()  # accounts that sell in this step, or are under the hammer when the book is served

        def watched_margin(worth: Revaluation) -> None:
            margin(worth)
            if house.liquidates:
                assert_nobody_overlooked(house, worth)

        def watched_slices(step: int, price: NDArray[np.int64], depth: NDArray[np.int64]) -> Any:
            hammered = [buyer.under_offer for buyer in house.backstop.buyers if buyer.keeps_off_book]
            found = slices(step, price, depth)
            worth = house.revalue(found.accounts, price)
            assert ((worth.collateral < worth.maintenance) & (worth.equity >= 0)).all()
            position = model.ledger.position[found.accounts]
            assert (found.lots * np.sign(position) >= 0).all() and (np.abs(found.lots) <= np.abs(position)).all()
            told = found.seized.leg_margin.sum(axis=1)
            assert (found.seized.equity < told)[found.lots.any(axis=1)].all()
            busy.update(found.accounts[found.lots.any(axis=1)].tolist(), *hammered)
            return found

        def watched_resolve(step: int, price: NDArray[np.int64], failed: NDArray[np.bool_]) -> None:
            resolve(step, price, failed)
            for account in house.seized().tolist():
                assert account in busy or reason_to_wait(house, account, step), f"account {account} is left alone"
            busy.clear()

        house.margin, house.slices, house.resolve = watched_margin, watched_slices, watched_resolve  # type: ignore[method-assign]


def assert_nobody_overlooked(house: House, worth: Revaluation) -> None:
    """After the margin check whoever lacks margin is seized, or spared by a halt, or has a call with time left."""
    ledger, notices = house.ledger, house.notices
    trigger = getattr(house.rules.liquidation, "trigger", 1.0)
    mine = (ledger.house == house.number) & ~np.isin(np.arange(len(ledger)), house.fund)
    short = mine & ((worth.collateral < trigger * worth.maintenance) | (worth.equity < 0))
    spared = (ledger.position[:, house._unchecked] != 0).any(axis=1)
    open_ = short & ~spared & (ledger.state < State.LIQUIDATING)
    if notices.steps == 0:
        assert not open_.any()
    assert (ledger.state[open_] == State.CALLED).all()
    assert (notices.age[open_] < notices.steps).all()
    assert (worth.equity[open_] >= 0).all()
    assert house.unattended <= int((short & spared).sum())


def reason_to_wait(house: House, account: int, step: int) -> bool:
    """Why an account in liquidation sold nothing in a step."""
    selling, policy = house.selling, house.rules.liquidation
    if any(entry.kind == EventKind.WAITED and entry.account == account for entry in house.journal.entries):
        return True
    if (house.ledger.position[account, house.unworked] != 0).any():
        return True
    pause = (step - selling.first_slice[account]) * selling.step_seconds < getattr(policy, "cooldown", 0.0)
    return bool(step - selling.last_slice[account] < selling.interval or (selling.first_slice[account] >= 0 and pause))


def assert_sound(model: CascadeModel) -> None:
    """The laws that hold after every step."""
    ledger, books = model.ledger, model.books
    assert ledger.conservation() == {"cash_error": 0, "lots_error": 0}
    assert (ledger.position[:, ledger.instruments.is_spot] >= 0).all()  # tokens are never sold short
    closed = ledger.state == State.CLOSED
    assert not ledger.cash[closed].any()
    assert not ledger.position[closed].any()
    assert (ledger.cash[ledger.mode == Mode.WALLET] >= 0).all()
    bid, ask = books.best_bid, books.best_ask
    assert ((bid < ask) | (bid == 0) | (ask == 0)).all()
    seized = ledger.state >= State.LIQUIDATING
    funds = np.concatenate([house.fund for house in model.exchange.houses])
    assert not closed[funds].any()  # a house outlives its losses
    assert not books.open_buy[seized].any() and not books.open_sell[seized].any()
    assert unallocated_loss(model.records()) == 0
    assert ((model.marks.mark >= 1) & (model.marks.mark < model.instruments.ladder_ticks)).all()


def play_and_check(model: CascadeModel) -> Records:
    """Run a model to its end under watch; its records."""
    watch = Watch(model)
    with warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)  # of numpy: nothing is divided by zero, nothing is no number
        while model.tick < model.scenario.time.steps:
            watch.step()
    records = model.records()
    assert (records.liquidations["equity"] < records.liquidations["maintenance"]).all()  # at every slice
    summary = summarise(records, {})
    assert summary["conservation"] == {"cash_error": 0, "lots_error": 0}
    json.dumps(summary, allow_nan=False)
    model.forget()
    return records

"""The tape: turns what happened in a step into the recorder's columns, and a finished run into records."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from time import perf_counter
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from abm.behaviour.booked import PREFIX
from abm.clearing.journal import EventKind
from abm.clearing.ledger import Mode, State
from abm.clearing.selling import Slices
from abm.kernels.margin import long_lots
from abm.kernels.settle import tally
from abm.market.book import Execution
from abm.market.order import Fills, OrderBatch, Outcome, Reason, joined
from abm.opening.groups import LEVERAGED
from abm.recorder import Recorder
from abm.records import HEALTH_EDGES, Exposure, Meta, Records
from abm.world.shocks import steps

if TYPE_CHECKING:
    from abm.model import CascadeModel

TAKEOVERS = (
    EventKind.KEEPER_TAKEOVER,
    EventKind.AUCTIONED,
    EventKind.VAULT_TAKEOVER,
    EventKind.FUND_TAKEOVER,
    EventKind.MEMBER_TAKEOVER,
)


class Tape:
    """Counts a step while it happens; `write` ends it."""

    def __init__(self, model: CascadeModel, twin: str) -> None:
        self.model, self.twin, self.exchange = model, twin, model.exchange
        self.recorder = Recorder(model.instruments, model.scenario.time.steps)
        self._started = perf_counter()
        self._group = np.full(int(model.ledger.owner.max()) + 1, -1, dtype=np.int64)
        self._group[: len(self.exchange.traders.group)] = self.exchange.traders.group
        self._opening_interest = self._open_interest()
        self._leveraged = self._leveraged_accounts()
        self._opening_leveraged = int(self._gross(self._leveraged).sum())
        houses = self.exchange.houses
        self._makers = np.flatnonzero(np.isin(model.ledger.owner, model.desk.rows))  # accounts
        self._dealers = np.flatnonzero(np.isin(model.ledger.owner, model.dealers.rows))
        self._funds = np.unique(np.concatenate([house.fund for house in houses]))
        self._keepers = np.concatenate([house.staff.keepers for house in houses])
        self._vaults = np.concatenate([house.staff.vault for house in houses])
        self._opening_makers = self._maker_equity()
        self._opening_equity = self._by_group()
        self._owned = self.exchange.owner_equity().copy()
        self._held = self._gross_lots()
        self._low: NDArray[np.int64] | None = None
        time = model.scenario.time
        self._begins = [steps(shock.at, time.step_seconds) - (shock.ramp == 0) for shock in model.scenario.world.shocks]
        self._last_calm = max(0, min(self._begins, default=steps(time.burn_in, time.step_seconds)) - 1)  # step
        self._exposure: Exposure | None = None
        self._clear()

    def note(self, execution: Execution) -> None:
        """Take in the fills and refusals of one batch."""
        if len(execution.fills):
            tally(execution.fills, int(Reason.FORCED), self._volume, self._forced, self._forced_value)
            stops = execution.fills[execution.fills["taker_reason"] == Reason.STOP]
            np.add.at(self._stopped, stops["instrument"], stops["lots"])
        if execution.outcome.any():
            refused = (execution.outcome != Outcome.ACCEPTED) & (execution.outcome != Outcome.UNKNOWN_ORDER)
            self._refused += int(np.count_nonzero(refused))

    def note_forced(self, batches: Sequence[OrderBatch], sold: Execution) -> None:
        """One row per forced order (`batches` by engine, executed together), and the depth that they left."""
        model = self.model
        self._low = model.books.depth(model.marks.trading, model.scenario.record.depth_within)[:, 0]
        self._note_exhausted(joined(list(batches)), sold)
        first = 0
        for engine, batch in zip(model.engines, batches, strict=True):
            if engine.slices is not None and len(batch):
                order = sold.fills["order"]
                mine = sold.fills[(order >= first) & (order < first + len(batch))]
                self._note_slices(engine.slices, batch, mine, mine["order"] - first)
            first += len(batch)

    def _note_exhausted(self, batch: OrderBatch, sold: Execution) -> None:
        """Forced orders that were left over: within their limits nothing more rests in the book."""
        self._exhausted[batch["instrument"][sold.expired_lots > 0]] = 1

    def _note_slices(self, slices: Slices, batch: OrderBatch, fills: Fills, order: NDArray[np.int64]) -> None:
        model, ledger = self.model, self.model.ledger
        account, instrument = batch["account"].astype(np.int64), batch["instrument"].astype(np.int64)
        filled = _total(order, fills["lots"], len(batch))
        value = _total(order, fills["lots"] * fills["tick"] * model.instruments.unit[fills["instrument"]], len(batch))
        place = np.searchsorted(slices.accounts, account)
        trader = ledger.owner[account]
        self.recorder.liquidation(
            model.tick,
            account=account,
            trader=trader,
            group=self._group[trader],
            instrument=instrument,
            lots=batch["side"] * batch["lots"],
            filled=batch["side"] * filled,
            value=value,
            mark_value=filled * self.exchange.price[instrument],
            healthy=slices.healthy[place, instrument],
            equity=slices.seized.equity[place],
            maintenance=slices.seized.leg_margin.sum(axis=1)[place],
        )

    def write(self) -> None:
        """Write the step's row."""
        model = self.model
        entries = [entry for house in self.exchange.houses for entry in house.journal.entries]
        traders = model.ledger.owner[[entry.account for entry in entries]].tolist()
        for entry, trader in zip(entries, traders, strict=True):
            self.recorder.event(model.tick, trader=trader, **entry._asdict())
        breakers = self.exchange.breakers
        for kind, instruments in ((EventKind.HALTED, breakers.begun), (EventKind.RESUMED, breakers.ended)):
            for i in instruments:
                self.recorder.event(model.tick, kind, instrument=int(i))
        self.recorder.step(
            model.tick,
            seconds=(model.tick + 1) * model.step_seconds,
            per_instrument=self._per_instrument(entries),
            scalars=self._scalars(entries),
        )
        every = max(1, round(model.scenario.record.health_interval / model.step_seconds))
        if model.tick % every == 0 or model.tick + 1 == model.scenario.time.steps:
            self._write_health()
            if model.lineage.seizures is not None:
                model.lineage.seizures.watch()
        if model.tick == self._last_calm and model.scenario.record.genealogy:
            self._exposure = self._exposed()
        self._held = self._gross_lots()
        self._clear()

    def records(self) -> Records:
        """What was recorded so far, with what it means."""
        model, scenario = self.model, self.model.scenario
        step = model.step_seconds
        begins = self._begins
        ends = [steps(shock.at, step) + steps(shock.ramp, step) for shock in scenario.world.shocks]
        equity = model.ledger.equity(self.exchange.price)
        names, seizures = tuple(asset.name for asset in scenario.assets), model.lineage.seizures
        return self.recorder.records(
            Meta(
                scenario=scenario.name,
                twin=self.twin,
                seed=model.streams.seed,
                step_seconds=step,
                shock_step=max(0, min(begins)) if begins else None,
                shock_steps=max(ends) - min(begins) if begins else 0,
                shocked=tuple(names.index(name) for name in self.exchange.values.shocked),
                instruments=model.instruments,
                assets=names,
                groups=self.exchange.traders.groups,
                cash_unit=scenario.money.cash_unit,
                currency=scenario.money.currency,
                depth_within=scenario.record.depth_within,
                opening_open_interest=self._opening_interest,
                opening_leveraged_notional=self._opening_leveraged,
                opening_maker_equity=self._opening_makers,
                equity={group: (before, self._by_group()[group]) for group, before in self._opening_equity.items()},
                owned=np.column_stack([self._owned, self.exchange.owner_equity()]),
                conservation=model.ledger.conservation(),
                uncollected=int(-np.minimum(equity[self.exchange.margined], 0).sum()),
                aftermath=dict(sum((Counter(house.aftermath.counts()) for house in self.exchange.houses), Counter())),
                traced=scenario.record.genealogy,
                under_alone=(0, 0) if seizures is None else seizures.under(),
                timing={"seconds": perf_counter() - self._started},
            ),
            lineage=model.lineage.rows,
            seizures=[] if seizures is None else seizures.rows,
            exposure=self._exposure,
        )

    def _clear(self) -> None:
        self._volume, self._forced, self._forced_value = np.zeros((3, len(self.model.instruments)), dtype=np.int64)
        self._exhausted, self._stopped = np.zeros((2, len(self.model.instruments)), dtype=np.int64)
        self._refused = 0
        self._low = None

    def _per_instrument(self, entries: list[Any]) -> dict[str, NDArray[Any]]:
        model, books = self.model, self.model.books
        depth = books.depth(model.marks.trading, model.scenario.record.depth_within)
        return {
            "mark": model.marks.mark,
            "index": model.marks.index,
            "value": model.value,
            "last": books.last,
            "bid": books.best_bid,
            "ask": books.best_ask,
            "depth_bid": depth[:, 0],
            "depth_ask": depth[:, 1],
            "depth_bid_low": depth[:, 0] if self._low is None else self._low,
            "volume": self._volume,
            "forced": self._forced,
            "forced_value": self._forced_value * model.instruments.unit,
            "open_interest": self._open_interest(),
            "adl": self._moved(entries, (EventKind.ADL,)),
            "takeover": self._moved(entries, TAKEOVERS),
            "exhausted": self._exhausted,
            "halted": self.exchange.breakers.was,
            "stopped": self._stopped,
        }

    def _scalars(self, entries: list[Any]) -> dict[str, float]:
        ledger = self.model.ledger
        borne = dict.fromkeys(EventKind, 0)
        for entry in entries:
            borne[entry.kind] += entry.amount
        return {
            "in_liquidation": int(np.count_nonzero(ledger.state == State.LIQUIDATING)),
            "entered": sum(e.kind == EventKind.ENTERED for e in entries),
            "closed": sum(e.kind == EventKind.CLOSED and e.account not in self._funds for e in entries),
            "deficit": borne[EventKind.CLOSED],
            "by_fund": borne[EventKind.FUND_TAKEOVER] + borne[EventKind.FUND_PAID],
            "by_keeper": borne[EventKind.KEEPER_TAKEOVER],
            "by_adl": borne[EventKind.ADL],
            "by_socialised": borne[EventKind.SOCIALISED],
            "fund": int(ledger.cash[self._funds, 0].sum()),
            "keeper_equity": self._equity(self._keepers),
            "vault_equity": self._equity(self._vaults),
            "maker_equity": self._maker_equity(),
            "dealer_equity": self._equity(self._dealers),
            "refused": self._refused,
            "called": int(np.count_nonzero(ledger.state == State.CALLED)),
            "calls_value": borne[EventKind.CALLED],
            "topped_up": borne[EventKind.TOPPED_UP],
            "unattended": sum(house.unattended for house in self.exchange.houses),
            "maintenance": int(self.model.worth.maintenance[self.exchange.margined].sum()),
            "gross": int(self._held @ self.exchange.price),
            "withdrawn_makers": self.model.desk.withdrawn(self.model.seconds),
        }

    def _moved(self, entries: list[Any], kinds: Iterable[EventKind]) -> NDArray[np.int64]:
        lots = np.zeros(len(self.model.instruments), dtype=np.int64)
        for entry in entries:
            if entry.kind in kinds and entry.instrument >= 0:
                lots[entry.instrument] += abs(entry.lots)
        return lots

    def _gross_lots(self) -> NDArray[np.int64]:
        """Long and short lots of margined accounts together, (n_instruments,)."""
        held = np.abs(self.model.ledger.position[self.exchange.margined]).sum(axis=0)
        return np.where(self.model.instruments.is_spot, 0, held)

    def _open_interest(self) -> NDArray[np.int64]:
        return np.where(self.model.instruments.is_spot, 0, long_lots(self.model.ledger.position))

    def _maker_equity(self) -> int:
        return self._equity(self._makers)

    def _by_group(self) -> dict[str, int]:
        """Equity of each group of traders, makers among them, and of all."""
        equity, groups = self.exchange.owner_equity(), self.exchange.traders.groups
        each = {name: int(equity[self._group == number].sum()) for number, name in enumerate(groups)}
        return {**each, "system": sum(each.values())}

    def _equity(self, accounts: NDArray[np.int64]) -> int:
        return int(self.model.ledger.equity_of(accounts, self.exchange.price).sum())

    def _leveraged_accounts(self) -> NDArray[np.int64]:
        """Accounts of traders that hold positions at the opening."""
        ledger = self.model.ledger
        rows = np.flatnonzero(ledger.position.any(axis=1))
        group = self._group[ledger.owner[rows]]
        groups = enumerate(self.exchange.traders.groups)
        return rows[np.isin(group, [k for k, name in groups if name in LEVERAGED or name.startswith(PREFIX)])]

    def _exposed(self) -> Exposure:
        """Everybody whom a house margins and who holds something."""
        model, worth = self.model, self.exchange.revalue()
        rows = np.flatnonzero(self.exchange.margined & model.ledger.position.any(axis=1) & (model.ledger.mode != Mode.HOUSE))
        within, world = model.scenario.record.depth_within, model.scenario.world
        names = [asset.name for asset in model.scenario.assets]
        kept = np.prod([1.0 + shock.moves(names) for shock in world.shocks], axis=0) if world.shocks else np.ones(len(names))
        return Exposure(
            position=model.ledger.position[rows],
            buffer=(worth.collateral - worth.maintenance)[rows],
            rate=worth.maintenance[rows] / np.maximum(self._gross(rows), 1),
            price=self.exchange.price,
            bids=model.books.depth(model.marks.mark, within)[:, 0],
            within=within,
            moves=kept[model.instruments.asset] - 1.0,
            maintenance=worth.maintenance[rows],
            alone=self.exchange.alone(rows),
            step=model.tick,
        )

    def _gross(self, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        perpetuals = self.model.instruments.perpetuals
        return np.abs(self.model.ledger.position[rows][:, perpetuals]) @ self.exchange.price[perpetuals]

    def _write_health(self) -> None:
        rows, worth = self._leveraged, self.model.worth
        gross = self._gross(rows)
        open_ = gross > 0
        buffer = (worth.collateral[rows] - worth.maintenance[rows])[open_] / gross[open_]
        bins = np.clip(np.searchsorted(HEALTH_EDGES, buffer, side="right") - 1, 0, len(HEALTH_EDGES) - 2)
        histogram = np.bincount(bins, weights=gross[open_], minlength=len(HEALTH_EDGES) - 1)
        self.recorder.health(self.model.tick, HEALTH_EDGES, histogram.astype(np.int64))


def _total(place: NDArray[np.int64], amount: NDArray[np.int64], size: int) -> NDArray[np.int64]:
    """Whole sums of `amount` (n,) by `place` (n,)."""
    total = np.zeros(size, dtype=np.int64)
    np.add.at(total, place, amount)
    return total

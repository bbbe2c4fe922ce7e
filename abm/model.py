"""CascadeModel: one market, step by step. `step` is the table of contents of the whole simulator."""

from __future__ import annotations

import gc
from functools import cache
from typing import Any, NamedTuple

import mesa
import numpy as np
from numpy.typing import NDArray

from abm.agents.collector import collector
from abm.agents.dealer import Dealer, Dealers
from abm.agents.liquidator import VenueLiquidator, principals_of
from abm.agents.maker import Desk, Maker
from abm.agents.stops import Stops
from abm.agents.trader import Group, Trader
from abm.agents.treasury import Treasury
from abm.behaviour.view import Draws, Rows, View
from abm.lineage import lineage_of
from abm.market.book import Execution
from abm.market.causes import Cause
from abm.market.order import OrderBatch, Outcome, joined, no_orders
from abm.opening.exchange import open_exchange
from abm.opening.groups import DEALERS, MAKERS, rule_of
from abm.records import RUN, Records
from abm.scenario import Scenario
from abm.tape import Tape

OWN = -1  # in place of a number of steps: a collector of the user's


class Worked(NamedTuple):
    """What liquidators have done in a step."""

    forced: list[OrderBatch]  # by engine
    sold: Execution  # of these, one after the other


class CascadeModel(mesa.Model):
    """Traders, makers and liquidators around order books and clearing houses, on one scenario and one seed.

    `rng` is the seed, a whole number >= 0; `scenario` may be the name of a file; `overrides` are laid over it by their dotted
    names, as `mesa.batch_run` passes its parameters. Not suitable for two runs in one object: build a new model for each.
    """

    def __init__(
        self, *, scenario: Scenario | str | None = None, rng: int | str | None = None, twin: str = RUN, **overrides: Any
    ) -> None:
        seed = 0 if rng is None else int(rng)
        super().__init__(rng=seed)
        base = Scenario.load(scenario or "experiments/baseline.toml") if isinstance(scenario, str | None) else scenario
        self.scenario = base.with_(overrides) if overrides else base
        self.exchange = open_exchange(self.scenario, seed)
        self.books, self.ledger, self.marks = self.exchange.books, self.exchange.ledger, self.exchange.marks
        self.streams, self.instruments = self.exchange.streams, self.exchange.instruments
        self.step_seconds = self.scenario.time.step_seconds
        self.tick = 0  # steps done
        self.value = self.instruments.opening_tick.astype(np.float64)  # outside value, ticks
        self.worth = self.exchange.revalue()
        self._hire()
        self.lineage = lineage_of(self.exchange, self.scenario.record)
        self.tape = Tape(self, twin)
        self._worked: Worked | None = None  # forced orders of the step that are done with
        self._collector: tuple[int, mesa.DataCollector] | None = None  # with the number of steps it holds
        self.running = self.tick < self.scenario.time.steps

    def step(self) -> None:
        """One step; this order is the model."""
        self.advance_world()
        self.fix_marks()
        self.pay_funding()
        self.check_margins()
        self.call()
        self.quote()
        self.trade()
        self.liquidate()
        self.supervise()
        self.record()

    def run(self) -> Records:
        """Step to the end of the scenario and return what was recorded."""
        while self.tick < self.scenario.time.steps:
            self.step()
        return self.records()

    def advance_world(self) -> None:
        """1: outside values move; a shock strikes if due; a recorded path is read."""
        value = self.exchange.values.advance(self.tick + 1)
        self.value = value[self.instruments.asset] / self.instruments.tick_size

    def fix_marks(self) -> None:
        """2: index and marks from the previous step's books, so that nobody can be liquidated by the order of agents."""
        self.marks.advance(self.books.best_bid, self.books.best_ask, self.books.last, self.value)
        self.lineage.advance()
        self.exchange.signals.advance(self.marks.index)
        self.exchange.haircuts.advance(self.marks.mark)
        for house in self.exchange.houses:
            house.advance(self.marks.index)

    def pay_funding(self) -> None:
        """3: longs pay shorts, or the reverse, at the funding interval."""
        self.exchange.pay_funding()

    def check_margins(self) -> None:
        """4: every account is revalued on the same marks; houses call, or seize what breaches, and cancel its orders."""
        self.worth = self.exchange.revalue()
        for house in self.exchange.houses:
            house.margin(self.worth)
            self.lineage.trace(house, self.worth, self.tick)
        self._force(joined([engine.cancels() for engine in self.engines]), Cause.QUOTES)

    def call(self) -> None:
        """5: owners of called accounts send money or cut positions; money that was sent arrives."""
        self._send("call", self.treasury.act(), Cause.TRADES)

    def quote(self) -> None:
        """6: makers re-quote from inventory, capital and volatility, or stay away."""
        self._send("quote", self.desk.act(self.view()), Cause.QUOTES)

    def trade(self) -> None:
        """7: stops that a price has passed go off; all others decide on one view, their orders meet by their priority keys."""
        self._send("stop", self.stops.act(self.view()), Cause.STOPS)
        view = self.view()
        decisions = [group.decide(view, self.draws(group)) for group in self.groups.values()]
        decisions += [trader.act(view) for trader in self.solitary]
        decisions.append(self.dealers.act(view))
        batch = joined([no_orders(), *decisions])
        if self.scenario.time.forced_orders == "interleaved":
            self._worked = self._mingle(batch)
        else:
            self._send("trade", batch, Cause.TRADES)
        self.exchange.sweep()

    def liquidate(self) -> None:
        """8: liquidators work seized accounts on the books (if not among traders); the rest goes down the waterfall."""
        forced, sold = self._worked or self._work()
        self.tape.note_forced(forced, sold)
        for house in self.exchange.houses:
            house.resolve(self.tick, self.exchange.price, self._failed(joined(forced), sold))
            self.lineage.note_moves(house.journal.entries, self.tick)
        self._force(joined([agent.unwind() for agent in (*self.engines, *self.keepers)]), Cause.UNWIND)

    def supervise(self) -> None:
        """9: circuit breakers set bands and halts of the next step, so that no gap prints first."""
        self.exchange.supervise()

    def record(self) -> None:
        """10: invariants are asserted and the step's columns written."""
        self.ledger.assert_conserved()
        self.tape.write()
        self.exchange.turnover.advance()
        self.tick += 1
        self.running = self.tick < self.scenario.time.steps

    @property
    def datacollector(self) -> mesa.DataCollector:
        """The recorded steps as Mesa's data collector, scalars only; one of the user's own takes its place when it is set."""
        if self._collector is None or self._collector[0] not in (self.tick, OWN):
            self._collector = (self.tick, collector(self.records()))
        return self._collector[1]

    @datacollector.setter
    def datacollector(self, own: mesa.DataCollector) -> None:
        self._collector = (OWN, own)

    @property
    def scenario(self) -> Scenario:
        """What the run is about. Mesa 3.5 sets a property of this name to an object of its own, which is not kept."""
        return self._scenario_of_the_run

    @scenario.setter
    def scenario(self, scenario: object) -> None:
        if isinstance(scenario, Scenario):
            self._scenario_of_the_run = scenario

    @property
    def seconds(self) -> float:
        """Time of the step under way, since the opening."""
        return (self.tick + 1) * self.step_seconds

    def view(self) -> View:
        """The market as every agent sees it now."""
        exchange = self.exchange
        worth = cache(exchange.owner_equity)
        return View(
            step=self.tick,
            seconds=self.seconds,
            step_seconds=self.step_seconds,
            instruments=self.instruments,
            traders=exchange.traders,
            mark=self.marks.mark,
            last=self.books.last,
            bid=self.books.best_bid,
            ask=self.books.best_ask,
            value=self.value,
            trend=exchange.signals.trend,
            volatility_ratio=exchange.signals.volatility_ratio,
            position=exchange.legs(exchange.inventory.seen(self.ledger.position)),
            open_buy=exchange.legs(self.books.open_buy),
            open_sell=exchange.legs(self.books.open_sell),
            equity=lambda rows: worth()[rows],
            state=self.ledger.state,
        )

    def positions(self, rows: Rows) -> NDArray[np.int64]:
        """Lots held by owners `rows`, (k, n_instruments)."""
        return self.exchange.legs(self.ledger.position)(rows)

    def equity(self, rows: Rows) -> NDArray[np.int64]:
        """Cash units over all accounts of owners `rows`, (k,), on the step's marks."""
        return self.exchange.owner_equity()[rows]

    def draws(self, group: Group) -> Draws:
        """The group's random numbers of this step."""
        return Draws(self.streams, self.tick, group.name, group.first, group.count, len(self.instruments))

    def records(self) -> Records:
        """What was recorded so far."""
        return self.tape.records()

    def summary(self) -> dict[str, Any]:
        """Every measure of this run alone; those that need a twin are null with the reason."""
        from abm.measures.summary import summarise

        return summarise(self.records(), {})

    def hand_over(self, row: int, kind: type[Trader]) -> Trader:
        """Replace the trader of `row` by one of the user's own `kind`, who decides alone in `act`; money stays."""
        old = next(agent for agent in self.agents_by_type[Trader] if agent.row == row)
        old.group.release(row)
        self.stops.release(row)
        old.remove()
        self.solitary.append(kind(self, row, old.group))
        return self.solitary[-1]

    def forget(self) -> None:
        """Let go of a model that is done with: Mesa 3.3 would keep it in memory for ever."""
        getattr(mesa.Agent, "_ids", {}).pop(self, None)

    def _hire(self) -> None:
        """Create the agents: handles on the rows of the exchange."""
        exchange = self.exchange
        held, makers = exchange.traders, exchange.traders.rows(MAKERS)
        self.groups = {
            name: Group(name, rule_of(self.scenario, name), rows)
            for name in held.groups
            if name not in (MAKERS, DEALERS) and len(rows := held.rows(name))
        }
        self.desk = Desk(self, self.scenario.makers, makers, exchange.maker_depth)
        hedged = held.rows(DEALERS) if DEALERS in held.groups else makers[:0]
        self.dealers = Dealers(self, self.scenario.population.dealers, hedged)
        gc.disable()  # a million handles are created at once and none can be garbage
        try:
            for group in self.groups.values():
                Trader.create_agents(self, len(group.rows), group.rows.tolist(), group)
            self.makers = list(Maker.create_agents(self, len(makers), makers.tolist()))
            Dealer.create_agents(self, len(hedged), hedged.tolist())
        finally:
            gc.enable()
        self.solitary: list[Trader] = []
        self.stops = Stops(self, self.scenario.population.stops)
        self.treasury = Treasury(self, self.scenario.population.answer)
        houses = exchange.houses
        self.engines = [VenueLiquidator(self, row, house) for row, house in zip(exchange.fund_rows, houses, strict=True)]
        self.keepers = [agent for house in houses for agent in principals_of(self, house)]

    def _send(self, phase: str, batch: OrderBatch, cause: Cause) -> None:
        """Orders of agents: priority, admission by clearing, books, ledger."""
        if len(batch):
            batch["key"] = self.streams.priority(phase, self.tick, batch["trader"], batch["instrument"])
            self._book(self.exchange.execute(self.exchange.cleared(batch)), cause)

    def _force(self, batch: OrderBatch, cause: Cause) -> Execution:
        """Orders of liquidators, admitted as they are; the outside pool fills those of houses it absorbs."""
        if not len(batch):
            return self.books.execute(batch)
        return self._book(self.exchange.execute(self.exchange.cleared_forced(batch)), cause)

    def _work(self) -> Worked:
        """Forced orders after those of traders."""
        forced = [engine.act() for engine in self.engines]
        return Worked(forced, self._force(joined(forced), Cause.FORCED))

    def _mingle(self, batch: OrderBatch) -> Worked:
        """Forced orders among the traders' `batch`, book by book in their own order and by keys of their own."""
        forced = [engine.act() for engine in self.engines]
        first = joined(forced)
        turn = np.lexsort((first["key"], first["instrument"]))
        key = self.streams.priority("forced", self.tick, first["trader"], first["instrument"])
        first["key"][turn] = key[np.lexsort((key, first["instrument"]))]
        batch["key"] = self.streams.priority("trade", self.tick, batch["trader"], batch["instrument"])
        cleared = self.exchange.cleared_forced(first) + self.exchange.cleared(batch)
        return Worked(forced, self._book(self.exchange.execute(cleared), None).of_first(len(first)))

    def _book(self, execution: Execution, cause: Cause | None) -> Execution:
        if len(execution.fills):
            self.exchange.settle(execution.fills)
            self.desk.note(execution.fills)
        self.lineage.note(execution.fills, cause, self.tick)
        self.tape.note(execution)
        return execution

    def _failed(self, forced: OrderBatch, sold: Execution) -> NDArray[np.bool_]:
        """Accounts whose forced orders the book did not fill, (n_accounts,)."""
        failed = np.zeros(len(self.ledger), dtype=np.bool_)
        failed[forced["account"][(sold.expired_lots > 0) | (sold.outcome != Outcome.ACCEPTED)]] = True
        return failed

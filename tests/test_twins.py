"""Twins: the same world with one thing switched off, equal to the bit until that thing acts."""

from __future__ import annotations

import numpy as np
import pytest

from abm.clearing.journal import EventKind
from abm.clearing.ledger import Mode
from abm.market.order import Fills, Reason
from abm.model import CascadeModel
from abm.records import Records
from abm.scenario import Scenario
from abm.twins import TWINS, shocked_at, tasks, twin
from tests.laws import play_and_check
from tests.small_worlds import fingerprint, played, shock, world

FALL = shock(-0.4, at=100.0)
CUTS = (Reason.SELF_DELEVERAGING, Reason.STOP)


def crowded() -> Scenario:
    """A market in which everything happens: forced selling, takeovers, defaults, auto-deleveraging."""
    return world(
        {"world.shocks": [FALL], "population.cross_share": 0.7, "venues.main.clearing.fund_share": 0.001}
        | {"population.stops": {"share": 0.3}},
        crowd=25,
        hedgers=10,
        liquidity=25,
    )


@pytest.fixture(scope="module")
def run() -> Records:
    return played(crowded())


@pytest.fixture(scope="module")
def twins() -> dict[str, Records]:
    return {name: played(twin(crowded(), name)) for name in TWINS}


def parting(run: Records, other: Records) -> int:
    """The first step in which anything recorded differs; the length of the run if nothing does."""
    both = [*zip(run.per_instrument.values(), other.per_instrument.values(), strict=True)]
    both += [*zip(run.scalars.values(), other.scalars.values(), strict=True)]
    parted = [np.flatnonzero((a != b).reshape(len(a), -1).any(axis=1)) for a, b in both]
    for a, b in ((run.liquidations, other.liquidations), (run.events, other.events)):
        same = [row for row, (x, y) in enumerate(zip(a, b, strict=False)) if x != y]
        end = min(len(a), len(b))
        rest = [table["step"][end : end + 1] for table in (a, b)]
        parted.append(np.concatenate([a["step"][same[:1]], b["step"][same[:1]], *rest]).astype(np.int64))
    return min([len(run), *(int(steps.min()) for steps in parted if len(steps))])


def first(run: Records, kind: EventKind) -> int:
    """Step of the first event of a kind."""
    return int(run.events["step"][run.events["kind"] == kind][0])


def test_the_run_is_itself(run: Records) -> None:
    assert twin(crowded(), "run") == crowded()
    with pytest.raises(KeyError):
        twin(crowded(), "no_such_twin")


def test_without_the_shock_the_run_is_the_same_until_it_strikes(run: Records, twins: dict[str, Records]) -> None:
    # strikes at 100 s and is felt from the end of the first step of its ramp: 20 steps of 5 s are equal
    assert run.meta.shock_step == 20
    assert parting(run, twins["no_shock"]) == 20


def test_without_adl_the_run_is_the_same_until_the_first_one(run: Records, twins: dict[str, Records]) -> None:
    assert parting(run, twins["no_adl"]) == first(run, EventKind.ADL)
    assert not twins["no_adl"].per_instrument["adl"].any()


def test_without_impact_the_run_is_the_same_until_the_first_forced_order(run: Records, twins: dict[str, Records]) -> None:
    begun = int(run.liquidations["step"].min())
    assert parting(run, twins["no_impact"]) == begun
    # and there every forced order was filled, in full, at the mark
    pool = twins["no_impact"].liquidations
    assert len(pool) and np.array_equal(pool["filled"], pool["lots"])
    assert np.array_equal(pool["value"], pool["mark_value"])


def test_without_liquidation_the_run_is_the_same_until_the_first_seizure(run: Records, twins: dict[str, Records]) -> None:
    assert parting(run, twins["no_liquidation"]) == first(run, EventKind.ENTERED)
    untouched = twins["no_liquidation"]
    assert not len(untouched.liquidations) and not len(untouched.events)
    assert untouched.meta.uncollected > 0  # its negative equity is not called bad debt
    assert not untouched.scalars["deficit"].any()


def test_the_isolated_twin_holds_the_same_lots_on_the_same_money() -> None:
    pooled, apart = (CascadeModel(scenario=one, rng=3) for one in (crowded(), twin(crowded(), "isolated")))
    rows = np.arange(len(pooled.exchange.traders.group))
    assert np.array_equal(pooled.positions(rows), apart.positions(rows))
    assert np.array_equal(pooled.equity(rows), apart.equity(rows))
    assert pooled.ledger.cash.sum() == apart.ledger.cash.sum()
    modes = {Mode(int(mode)) for mode in np.unique(apart.ledger.mode[np.isin(apart.ledger.owner, rows[:-2])])}
    assert modes == {Mode.ISOLATED, Mode.WALLET}  # all but the two makers, whose capital has a switch of its own
    assert np.array_equal(
        pooled.ledger.cash[np.isin(pooled.ledger.owner, rows[-2:])], apart.ledger.cash[np.isin(apart.ledger.owner, rows[-2:])]
    )


def test_cuts_without_impact_are_filled_at_the_mark_and_move_nothing() -> None:
    scenario = crowded().with_({"population.crowd.deleverage_per_hour": 360.0, "population.crowd.deleverage_below": 0.9})
    plain, spared = (CascadeModel(scenario=twin(scenario, name), rng=1) for name in ("no_impact", "no_impact_of_cuts"))
    on_the_book, outside = cuts_of(plain), cuts_of(spared)
    assert {Reason(int(reason)) for _, fills in outside for reason in fills["taker_reason"]} == set(CUTS)
    mark = spared.records().per_instrument["mark"]
    for tick, fills in outside:
        assert (fills["maker"] == spared.exchange.pool).all()
        assert np.array_equal(fills["tick"], mark[tick, fills["instrument"]])
    assert all((fills["maker"] != plain.exchange.pool).all() for _, fills in on_the_book)
    assert parting(plain.records(), spared.records()) == on_the_book[0][0] == outside[0][0]


def cuts_of(model: CascadeModel) -> list[tuple[int, Fills]]:
    """Run to the end: the fills of traders who save themselves, with their steps."""
    log: list[tuple[int, Fills]] = []
    settle = model.exchange.settle

    def logged(fills: Fills) -> None:
        if len(mine := fills[np.isin(fills["taker_reason"], CUTS)]):
            log.append((model.tick, mine))
        settle(fills)

    model.exchange.settle = logged  # type: ignore[method-assign]
    model.run()
    return log


def test_positions_set_apart_at_equal_risk_are_as_far_from_liquidation_as_they_were() -> None:
    pooled, apart = (CascadeModel(scenario=one, rng=3) for one in (crowded(), twin(crowded(), "isolated_equal_risk")))
    rows = np.arange(len(pooled.exchange.traders.group) - 2)  # makers have a switch of their own
    assert np.array_equal(pooled.positions(rows), apart.positions(rows))
    held = pooled.exchange.traders.opening[rows]
    buffer = [(m.worth.collateral - m.worth.maintenance)[m.exchange.accounts.backing[rows]] for m in (pooled, apart)]
    assert np.array_equal(buffer[0][held != 0], buffer[1][held != 0])
    # n legs take E + (n - 1) (E - M), from the first step on it is money like any other
    mode = pooled.ledger.mode[pooled.exchange.accounts.backing[rows, 0]]
    legs = np.where(mode == Mode.CROSS, np.maximum((held != 0).sum(axis=1), 1), 1)
    equity, more = pooled.equity(rows), buffer[0].max(axis=1)
    assert np.array_equal(apart.equity(rows), equity + (legs - 1) * more) and (legs > 1).any()
    assert apart.ledger.initial[0] - pooled.ledger.initial[0] == ((legs - 1) * more).sum() > 0
    play_and_check(apart)


def test_at_equal_risk_leverage_is_on_the_larger_stake() -> None:
    model = CascadeModel(scenario=twin(crowded(), "isolated_equal_risk"), rng=3)
    rows = model.groups["crowd"].rows
    gross = np.abs(model.positions(rows)) @ model.exchange.price
    assert model.exchange.traders.leverage[rows] == pytest.approx(gross / model.equity(rows))


def test_no_switch_is_dead(run: Records, twins: dict[str, Records]) -> None:
    prints = {name: fingerprint(records) for name, records in twins.items()} | {"run": fingerprint(run)}
    assert len(set(prints.values())) == len(TWINS) + 1


def test_the_seed_changes_the_run_and_seed_zero_is_a_seed() -> None:
    prints = {fingerprint(played(crowded(), seed)) for seed in (0, 1, 2)}
    assert len(prints) == 3


def test_a_row_of_the_matrix_shocks_one_asset_by_the_size_of_the_first() -> None:
    both = world({"world.shocks": [shock([-0.2, -0.3], assets=["BTC", "ETH"])]})
    [hit] = shocked_at(both, "ETH").world.shocks
    assert (hit.assets, hit.size, hit.at, hit.ramp) == (("ETH",), -0.2, 30.0, 30.0)


def test_a_job_has_every_run_of_every_seed() -> None:
    names = [(task.seed, task.twin) for task in tasks(crowded(), [4, 5], ["no_shock"], matrix=True)]
    assert names == [(seed, name) for seed in (4, 5) for name in ("run", "no_shock", "shock:BTC", "shock:ETH")]


def test_twins_hold_for_every_house_of_two_venues() -> None:
    two = world(
        {"venues": [{"name": "alpha", "share": 0.5}, {"name": "beta", "share": 0.5}], "population.universal_share": 0.5}
    )
    keys = {"no_impact": "execution", "no_impact_of_cuts": "execution", "no_adl": "adl", "no_liquidation": "liquidation"}
    for name, key in keys.items():
        rules = {str(getattr(venue.clearing, key)) for venue in twin(two, name).venues}
        assert len(rules) == 1 and rules != {str(getattr(two.venues[0].clearing, key))}

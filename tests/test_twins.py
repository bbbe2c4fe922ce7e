"""Twins: the same world with one thing switched off, equal to the bit until that thing acts."""

from __future__ import annotations

import numpy as np
import pytest

from abm.clearing.journal import EventKind
from abm.clearing.ledger import Mode
from abm.model import CascadeModel
from abm.records import Records
from abm.scenario import Scenario
from abm.twins import TWINS, shocked_at, tasks, twin
from tests.small_worlds import fingerprint, played, shock, world

FALL = shock(-0.4, at=100.0)


def crowded() -> Scenario:
    """A market in which everything happens: forced selling, takeovers, defaults, auto-deleveraging."""
    return world(
        {"world.shocks": [FALL], "population.cross_share": 0.7, "venues.main.clearing.fund_share": 0.001},
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
    for name, key in (("no_impact", "execution"), ("no_adl", "adl"), ("no_liquidation", "liquidation")):
        rules = {str(getattr(venue.clearing, key)) for venue in twin(two, name).venues}
        assert len(rules) == 1 and rules != {str(getattr(two.venues[0].clearing, key))}

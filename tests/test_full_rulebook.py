"""All rooms of the rulebook at once: the laws hold, everything acts, and twins part where their mechanism first acts."""

from __future__ import annotations

import numpy as np
import pytest

from abm.clearing.journal import EventKind
from abm.model import CascadeModel
from abm.records import Records
from abm.twins import USUAL, twin
from tests.full_rulebook import everything
from tests.laws import play_and_check
from tests.small_worlds import played
from tests.test_twins import parting

SEEDS = (1, 6, 9)  # together they have everything
MOVES = (EventKind.KEEPER_TAKEOVER, EventKind.AUCTIONED, EventKind.VAULT_TAKEOVER, EventKind.MEMBER_TAKEOVER)
ACTS = "ENTERED RECOVERED KEEPER_TAKEOVER FUND_TAKEOVER ADL SOCIALISED CLOSED FUND_PAID CALLED CALL_MET TOPPED_UP WAITED"
ACTS += " AUCTIONED UNSOLD VAULT_TAKEOVER HALTED RESUMED MEMBER_TAKEOVER MEMBER_PAID SKIN_PAID CONTRIBUTED GAINS_HAIRCUT"
ACTS += " MEMBER_DEFAULT PORTED"


@pytest.fixture(scope="module")
def runs() -> dict[int, Records]:
    return {seed: play_and_check(CascadeModel(scenario=everything(), rng=seed)) for seed in SEEDS}


def first(run: Records, *kinds: EventKind) -> int:
    """Step of the first event of these kinds; the length of the run without any."""
    return int(run.events["step"][np.isin(run.events["kind"], kinds)].min(initial=len(run)))


def test_everything_acts(runs: dict[int, Records]) -> None:
    told = {EventKind(kind).name for run in runs.values() for kind in run.events["kind"]}
    assert set(ACTS.split()) <= told
    for run in runs.values():
        assert run.scalars["unattended"].any() and len(run.liquidations)


@pytest.mark.parametrize("name", [name for name in USUAL if name != "isolated"])
@pytest.mark.parametrize("seed", SEEDS)
def test_a_twin_is_the_run_until_its_mechanism_acts(runs: dict[int, Records], name: str, seed: int) -> None:
    run = runs[seed]
    other = played(twin(everything(), name), seed)
    acts = {
        "no_shock": 12,  # at 60 s, steps of 5 s
        "no_impact": min(int(run.liquidations["step"].min()), first(run, EventKind.FUND_TAKEOVER, *MOVES)),  # or an unwinding
        "no_adl": first(run, EventKind.ADL),
        "no_liquidation": first(run, EventKind.ENTERED, EventKind.CALLED),
    }
    assert parting(run, other) == acts[name]
    assert other.meta.conservation == {"cash_error": 0, "lots_error": 0}


def test_the_isolated_twin_opens_with_the_same_lots_and_money() -> None:
    scenario = everything()
    pooled, apart = (CascadeModel(scenario=one, rng=3) for one in (scenario, twin(scenario, "isolated")))
    rows = np.arange(len(pooled.exchange.traders.group))
    tokens = list(pooled.instruments.spot)
    perpetuals = np.setdiff1d(np.arange(len(pooled.instruments)), tokens)
    assert np.array_equal(pooled.positions(rows)[:, perpetuals], apart.positions(rows)[:, perpetuals])
    assert np.array_equal(pooled.equity(rows), apart.equity(rows))
    play_and_check(apart)


@pytest.mark.parametrize("name", ["isolated_equal_risk", "no_impact_of_cuts"])
def test_the_laws_hold_in_twins_that_take_more_from_outside(name: str) -> None:
    play_and_check(CascadeModel(scenario=twin(everything(), name), rng=3))

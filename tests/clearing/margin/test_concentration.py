"""The concentration add-on by hand: what a house asks of large owners, who sees what, and what it does to a desk."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from abm.clearing.journal import EventKind
from abm.clearing.ledger import Ledger
from abm.clearing.liquidation import JustEnough
from abm.clearing.margin.concentration import AddOn, NoConcentration
from abm.market.instrument import Instruments
from tests.clearing.house_desk import Desk
from tests.small_worlds import fingerprint, market, played, world

CONCENTRATION = "venues.*.clearing.concentration"
TWO = Instruments(
    names=("BTC@alpha", "BTC@beta"),
    asset=np.array([0, 0]),
    venue=np.array([0, 1]),
    tick_size=np.ones(2),
    lot_size=np.ones(2),
    unit=np.ones(2, dtype=np.int64),
    opening_tick=np.full(2, 100),
    ladder_ticks=np.full(2, 400),
)
PRICE = np.array([100, 100])
ALICE_ALPHA, ALICE_BETA, BOB_ALPHA, BOB_BETA, REST = range(5)


def two_venues(alice: tuple[int, int], bob: tuple[int, int] = (0, 0), interest: tuple[int, int] = (1_000, 1_000)) -> Ledger:
    """Alice's and Bob's lots of BTC on alpha and beta; others bring each side to the open interest."""
    lots = np.zeros((6, 2), dtype=np.int64)
    lots[[ALICE_ALPHA, ALICE_BETA], [0, 1]] = alice
    lots[[BOB_ALPHA, BOB_BETA], [0, 1]] = bob
    lots[REST] = interest - np.maximum(lots, 0).sum(axis=0)
    lots[5] = -lots.sum(axis=0)
    owner, house = [0, 0, 1, 1, 2, 3], [0, 1, 0, 1, -1, -1]
    return Ledger.open(TWO, [0] * 6, owner=owner, house=house, position=lots)


def asked(rule: AddOn, ledger: Ledger, house: int, *rows: int) -> list[int]:
    return rule.watch(ledger, house).legs(np.array(rows), PRICE).sum(axis=1).tolist()


def test_a_house_that_sees_only_itself_asks_nothing_of_six_percent_here_and_six_percent_there() -> None:
    ledger = two_venues(alice=(60, 60))
    rule = AddOn(threshold=0.1, rate=0.5, slope=10.0, scope="venue")
    assert asked(rule, ledger, 0, ALICE_ALPHA) == [0]  # 60 of 1,000 is below 100
    assert asked(rule, ledger, 1, ALICE_BETA) == [0]


def test_a_house_that_knows_what_is_held_elsewhere_asks_on_twelve_percent() -> None:
    ledger = two_venues(alice=(60, 60), bob=(60, -60))
    rule = AddOn(threshold=0.1, rate=0.5, slope=10.0, scope="all_venues")
    # 120 - 100 = 20 lots beyond: 0.5 x 20 x (1 + 10 x 20 / 1,000) x 100 = 1,200, half of it on either venue
    assert asked(rule, ledger, 0, ALICE_ALPHA) == [600]
    assert asked(rule, ledger, 1, ALICE_BETA) == [600]
    assert asked(rule, ledger, 0, BOB_ALPHA, BOB_BETA) == [0, 0]  # long here, short there: net nothing


def test_only_the_side_that_is_large_bears_the_charge() -> None:
    # net 200 - 50 = 150, 50 beyond: 0.5 x 50 x (1 + 2 x 0.05) x 100 = 2,750, all on the long leg
    ledger = two_venues(alice=(200, -50))
    rule = AddOn(threshold=0.1, rate=0.5, slope=2.0, scope="all_venues")
    assert asked(rule, ledger, 0, ALICE_ALPHA) == [2_750]
    assert asked(rule, ledger, 1, ALICE_BETA) == [0]


def test_the_same_position_is_larger_on_a_smaller_venue() -> None:
    # 120 in all; beta's open interest is 500, so 70 lots are beyond: 0.5 x 70 x 100 = 3,500, half of it beta's
    ledger = two_venues(alice=(60, 60), interest=(1_000, 500))
    rule = AddOn(threshold=0.1, rate=0.5, slope=0.0, scope="all_venues")
    assert asked(rule, ledger, 0, ALICE_ALPHA) == [500]  # 0.5 x 20 x 100 / 2
    assert asked(rule, ledger, 1, ALICE_BETA) == [1_750]


def test_nobody_is_asked_for_more_than_the_position_is_worth() -> None:
    # 900 lots, all beyond 0: 1 x 900 x (1 + 100 x 0.9) is 91 times the position
    rule = AddOn(threshold=0.0, rate=1.0, slope=100.0)
    assert asked(rule, two_venues(alice=(900, 0)), 0, ALICE_ALPHA) == [90_000]


def test_shorts_are_asked_like_longs() -> None:
    rule = AddOn(threshold=0.1, rate=0.5, slope=0.0)
    ledger = two_venues(alice=(-150, 0), bob=(150, 0))
    assert asked(rule, ledger, 0, ALICE_ALPHA, BOB_ALPHA) == [2_500, 2_500]  # 0.5 x 50 x 100


@given(st.lists(st.tuples(st.integers(-400, 400), st.integers(-400, 400)), min_size=2, max_size=2), st.floats(0, 1))
@settings(deadline=None, max_examples=50)
def test_the_charge_falls_in_the_threshold_and_two_accounts_share_one_charge(
    held: list[tuple[int, int]], threshold: float
) -> None:
    ledger = two_venues(*held)
    low, high = (AddOn(threshold=t, scope="all_venues") for t in (threshold / 2, threshold))
    rows = np.arange(4)
    small, large = (rule.watch(ledger, 0).legs(rows, PRICE) for rule in (high, low))
    assert (small <= large).all()
    assert (large <= np.abs(ledger.position[rows]) * PRICE).all()


def test_what_is_seen_is_the_open_interest_at_the_last_look() -> None:
    ledger = two_venues(alice=(150, 0))
    watch = AddOn(threshold=0.1, rate=0.5, slope=0.0).watch(ledger, 0)
    ledger.takeover(REST, 5, 0, 350, 35_000)  # others close 350 longs against their shorts
    assert watch.legs(np.array([ALICE_ALPHA]), PRICE).tolist() == [[2_500, 0]]
    watch.look()
    assert watch.interest.tolist() == [650, 1_000]
    assert watch.legs(np.array([ALICE_ALPHA]), PRICE).tolist() == [[4_250, 0]]  # 0.5 x (150 - 65) x 100


def test_at_the_opening_owners_are_asked_what_their_accounts_will_be() -> None:
    lots, interest = np.array([[60, 60], [150, 0]]), np.array([1_000, 1_000])
    venue, everywhere = (AddOn(threshold=0.1, rate=0.5, slope=0.0, scope=scope) for scope in ("venue", "all_venues"))
    assert venue.opening(lots, interest, TWO).tolist() == [[0, 0], [2_500, 0]]
    assert everywhere.opening(lots, interest, TWO).tolist() == [[500, 500], [2_500, 0]]
    assert not NoConcentration().opening(lots, interest, TWO).any()


def test_a_large_account_is_liquidated_where_a_small_one_with_the_same_leverage_lives() -> None:
    # at 100 Alice holds 60 of 80 longs on 600, Bob 20 on 200; maintenance is 5 %: 300 and 100
    rule = AddOn(threshold=0.5, rate=0.5, slope=0.0)  # Alice: 0.5 x (60 - 40) x 100 = 1,000 more
    desk = Desk([600, 200], [[60, 0], [20, 0]], concentration=rule, liquidation=JustEnough(target=1.0), fee_rate=0.0)
    assert desk.worth(100).maintenance[:2].tolist() == [1_300, 100]
    assert desk.seize(100) == [0]
    slices = desk.slices(100)
    assert slices.seized.leg_margin.tolist() == [[1_300, 0]]
    # 1,300 - 600 = 700 are missing; a lot is taken to free 1,300 / 60, so 33 are sold: 27 are left, below the threshold
    assert slices.lots.tolist() == [[33, 0]]
    assert desk.told(EventKind.ENTERED)[0].amount == 700


def test_off_is_off() -> None:
    assert fingerprint(played(world({CONCENTRATION: "none"}))) == fingerprint(played(world()))


def test_in_a_market_the_large_are_asked_more_and_money_is_conserved() -> None:
    rule = {"kind": "addon", "threshold": 0.02, "rate": 0.5}
    model = market({CONCENTRATION: rule})
    plain = market()
    large = np.abs(model.ledger.position).max(axis=1) > 0.02 * model.exchange.houses[0].concentration.interest.max()  # type: ignore[union-attr]
    more = model.worth.maintenance > plain.worth.maintenance
    assert more[large & (model.ledger.house == 0)].any() and not more[~large].any()
    before = model.worth
    crowd = np.flatnonzero(np.isin(model.ledger.owner, model.exchange.traders.rows("crowd")))
    assert (before.collateral[crowd] >= before.maintenance[crowd]).all()  # nobody opens below what he is asked
    records = model.run()
    assert dict(records.meta.conservation) == {"cash_error": 0, "lots_error": 0}
    assert len(records.liquidations)


@pytest.mark.parametrize("scope", ["venue", "all_venues"])
def test_two_venues_with_universal_accounts_run_with_exact_books(scope: str) -> None:
    venues = [
        {"name": name, "share": 0.5, "clearing": {"concentration": {"kind": "addon", "threshold": 0.01, "scope": scope}}}
        for name in ("alpha", "beta")
    ]
    records = played(world({"venues": venues, "population.universal_share": 0.5, "population.cross_share": 0.8}))
    assert dict(records.meta.conservation) == {"cash_error": 0, "lots_error": 0}

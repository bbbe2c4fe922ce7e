"""The layout of accounts: margin mode is the map from positions to pools of money, and nothing else."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from abm.clearing.accounts import NO_HOUSE, Accounts, lay_out, opening_collateral, share_out
from abm.clearing.ledger import Mode

ONE_VENUE = np.array([0, 0])  # BTC, ETH
TWO_VENUES = np.array([0, 0, 1, 1])  # BTC and ETH on alpha, then on beta
PRIME = 2


def modes(*mode: Mode) -> np.ndarray:
    return np.array(mode, dtype=np.int8)


def laid_out(venue: np.ndarray, *mode: Mode) -> Accounts:
    return lay_out(modes(*mode), venue, np.full(len(mode), PRIME))


def test_isolated_is_an_account_per_position_and_a_wallet() -> None:
    accounts = laid_out(ONE_VENUE, Mode.ISOLATED)
    assert accounts.backing.tolist() == [[0, 1]]
    assert accounts.wallet.tolist() == [2]
    assert accounts.house.tolist() == [0, 0, NO_HOUSE]
    assert accounts.mode.tolist() == [Mode.ISOLATED, Mode.ISOLATED, Mode.WALLET]


def test_cross_is_an_account_per_venue() -> None:
    one = laid_out(ONE_VENUE, Mode.CROSS)
    assert (one.backing.tolist(), one.wallet.tolist(), one.house.tolist()) == ([[0, 0]], [-1], [0])
    two = laid_out(TWO_VENUES, Mode.CROSS)
    assert (two.backing.tolist(), two.house.tolist()) == ([[0, 0, 1, 1]], [0, 1])


def test_universal_is_one_account_at_the_prime_house() -> None:
    accounts = laid_out(TWO_VENUES, Mode.UNIVERSAL)
    assert (accounts.backing.tolist(), accounts.house.tolist(), accounts.wallet.tolist()) == ([[0, 0, 0, 0]], [PRIME], [-1])


def test_isolated_accounts_are_cleared_where_they_trade() -> None:
    assert laid_out(TWO_VENUES, Mode.ISOLATED).house.tolist() == [0, 0, 1, 1, NO_HOUSE]


def test_owners_of_all_modes_side_by_side() -> None:
    accounts = laid_out(TWO_VENUES, Mode.UNIVERSAL, Mode.ISOLATED, Mode.CROSS, Mode.HOUSE)
    assert accounts.owner.tolist() == [0, 1, 1, 1, 1, 1, 2, 2, 3]
    assert accounts.backing.tolist() == [[0, 0, 0, 0], [1, 2, 3, 4], [6, 6, 7, 7], [8, 8, 8, 8]]
    assert accounts.wallet.tolist() == [-1, 5, -1, -1]


@given(st.lists(st.sampled_from([Mode.ISOLATED, Mode.CROSS, Mode.UNIVERSAL, Mode.HOUSE]), min_size=1, max_size=8), st.booleans())
@settings(deadline=None, max_examples=60)
def test_nobody_shares_an_account_and_each_belongs_to_its_owner(mode: list[Mode], two: bool) -> None:
    accounts = laid_out(TWO_VENUES if two else ONE_VENUE, *mode)
    for owner in range(len(mode)):
        assert (accounts.owner[accounts.backing[owner]] == owner).all()
    reached = np.concatenate([accounts.backing.ravel(), accounts.wallet[accounts.wallet >= 0]])
    assert np.unique(reached).tolist() == list(range(len(accounts.owner)))


def test_shares_sum_to_the_total_and_the_first_takes_the_rest() -> None:
    # 10 by 1 : 2 : 0 is 3.33 and 6.67: floors 3 and 6, and the first with weight gets the odd unit
    assert share_out(np.array([10]), np.array([[1.0, 2.0, 0.0]])).tolist() == [[4, 6, 0]]
    assert share_out(np.array([10]), np.array([[0.0, 1.0, 2.0]])).tolist() == [[0, 4, 6]]
    assert share_out(np.array([10]), np.array([[0.0, 0.0, 0.0]])).tolist() == [[4, 3, 3]]  # no weights: evenly


@given(st.integers(0, 10**15), st.lists(st.floats(0, 1e9), min_size=1, max_size=6))
@settings(deadline=None, max_examples=100)
def test_shares_are_whole_positive_and_complete(total: int, weight: list[float]) -> None:
    shares = share_out(np.array([total]), np.array([weight]))[0]
    assert shares.sum() == total
    assert (shares >= 0).all()
    if any(weight):
        assert not shares[np.array(weight) == 0.0].any()


@pytest.mark.parametrize("venue", [ONE_VENUE, TWO_VENUES])
def test_equal_owners_hold_equal_money_in_every_mode(venue: np.ndarray) -> None:
    accounts = laid_out(venue, Mode.ISOLATED, Mode.CROSS, Mode.UNIVERSAL)
    weight = np.tile(np.arange(1.0, len(venue) + 1.0), (3, 1))
    money = opening_collateral(accounts, share_out(np.array([1_001, 1_001, 1_001]), weight))
    held = np.bincount(accounts.owner, weights=money)
    assert held.tolist() == [1_001, 1_001, 1_001]
    assert money[accounts.mode == Mode.WALLET].tolist() == [0]
    if len(venue) == 2:
        assert money.tolist() == [334, 667, 0, 1_001, 1_001]  # 1,001 by 1 : 2 is 333.67 and 667.33


def test_cross_pools_hold_what_the_isolated_legs_of_their_venue_hold() -> None:
    weight = np.tile([5.0, 1.0, 3.0, 2.0], (2, 1))
    money = opening_collateral(laid_out(TWO_VENUES, Mode.ISOLATED, Mode.CROSS), share_out(np.array([997, 997]), weight))
    apart, pooled = money[:4], money[5:]
    assert pooled.tolist() == [apart[:2].sum(), apart[2:].sum()]

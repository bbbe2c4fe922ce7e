"""Which account backs which position: margin mode is nothing but this map."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from abm.clearing.ledger import Mode

NO_HOUSE = -1  # a wallet or an outside pool: nobody margins it


@dataclass(frozen=True)
class Accounts:
    """The layout of the accounts table over a set of owners (traders, makers, keepers, houses' own money)."""

    owner: NDArray[np.int64]  # (n_accounts,)
    house: NDArray[np.int64]  # (n_accounts,), NO_HOUSE for wallets
    mode: NDArray[np.int8]  # (n_accounts,)
    backing: NDArray[np.int64]  # (n_owners, n_instruments) -> account
    wallet: NDArray[np.int64]  # (n_owners,) -> account, -1 where the owner has none


def lay_out(mode: NDArray[np.int8], venue: NDArray[np.int64], house: NDArray[np.int64]) -> Accounts:
    """Accounts for owners with margin modes `mode` (n_owners,) over instruments on `venue` (n_instruments,).

    Isolated: an account per instrument and a wallet; cross: one account per venue, cleared by the venue's house;
    universal and house money: one account over all venues, cleared by `house` (n_owners,).
    """
    n_instruments, n_venues = len(venue), int(venue.max()) + 1
    isolated, cross = mode == Mode.ISOLATED, mode == Mode.CROSS
    count = np.where(isolated, n_instruments + 1, np.where(cross, n_venues, 1))
    first = np.concatenate([[0], np.cumsum(count)[:-1]])
    owner = np.repeat(np.arange(len(mode)), count)
    place = np.arange(len(owner)) - first[owner]
    is_wallet = isolated[owner] & (place == n_instruments)
    by_place = np.where(isolated[owner], venue[np.minimum(place, n_instruments - 1)], place)
    cleared_by = np.where(isolated[owner] | cross[owner], by_place, house[owner])
    offset = np.where(isolated[:, None], np.arange(n_instruments), np.where(cross[:, None], venue, 0))
    return Accounts(
        owner=owner,
        house=np.where(is_wallet, NO_HOUSE, cleared_by),
        mode=np.where(is_wallet, np.int8(Mode.WALLET), mode[owner]).astype(np.int8),
        backing=first[:, None] + offset,
        wallet=np.where(isolated, first + n_instruments, -1),
    )


def share_out(total: NDArray[np.int64], weight: NDArray[np.float64]) -> NDArray[np.int64]:
    """Split `total` (n,) >= 0 over the columns of `weight` (n, m) >= 0, each row summing exactly; the first column
    with weight takes what rounding leaves, a row without weights is split evenly."""
    weight = np.where(weight.sum(axis=1, keepdims=True) > 0, weight, 1.0)
    shares = np.floor(total[:, None] * (weight / weight.sum(axis=1, keepdims=True))).astype(np.int64)
    rows = np.arange(len(total))
    shares[rows, np.argmax(weight > 0, axis=1)] += total - shares.sum(axis=1)
    return np.asarray(shares)


def opening_collateral(accounts: Accounts, stake: NDArray[np.int64]) -> NDArray[np.int64]:
    """Cash units of equity per account (n_accounts,): each owner's `stake` per instrument (n_owners, n_instruments) summed
    into the account that backs it, so that equal owners hold equal money in every margin mode."""
    collateral = np.zeros(len(accounts.owner), dtype=np.int64)
    np.add.at(collateral, accounts.backing, stake)
    return collateral

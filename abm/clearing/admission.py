"""Admission of orders: every order reserves initial margin before it may reach a book."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from abm.clearing.ledger import Ledger, Mode, State
from abm.kernels import admission as kernel
from abm.kernels.margin import Brackets, initial_margin, revalue, revalue_rows
from abm.market.order import OrderBatch

Ints = NDArray[np.int64]

_SPARSE = 16  # with fewer orders than one in so many accounts, only the accounts concerned are revalued


@dataclass(frozen=True)
class Backing:
    """Which account backs which position, and which wallet stands behind it."""

    account: Ints  # (n_traders, n_instruments), account that backs the trader's position
    wallet: Ints  # (n_accounts,), account that may top up and collect, or -1

    @classmethod
    def of(cls, account: Ints, wallet: Ints, ledger: Ledger, *, shared_wallet: bool = True) -> Backing:
        """From `wallet` (n_traders,) account rows or -1; only isolated accounts have one, and only if it is shared."""
        row = np.where((ledger.mode == Mode.ISOLATED) & (ledger.owner >= 0), wallet[ledger.owner], -1)
        return cls(account, row.astype(np.int64) if shared_wallet else np.full(len(ledger), -1, dtype=np.int64))


@dataclass(frozen=True)
class Reserve:
    """What an order must be covered by: initial margin of positions and resting orders, on the step's marks."""

    price: Ints  # (n_instruments,), cash units per lot
    rule: Ints  # (n_accounts,), row of `brackets`
    brackets: Brackets
    open_buy: Ints  # (n_accounts, n_instruments), resting lots
    open_sell: Ints


@dataclass(frozen=True)
class Transfers:
    """Money moved between accounts; arrays are (n,)."""

    source: Ints
    target: Ints
    amount: Ints  # cash units


@dataclass(frozen=True)
class Admission:
    """A batch on its way to the books."""

    batch: OrderBatch  # (n,), accounts resolved, reduce-only orders cut to what they can reduce
    outcome: NDArray[np.int8]  # (n,), Outcome: ACCEPTED, UNFUNDED, NOTHING_TO_REDUCE, SEIZED, UNDER_CALL or NOT_HELD
    draws: Transfers  # from wallets, done


def admit(
    batch: OrderBatch, ledger: Ledger, backing: Backing, reserve: Reserve, *, released: Ints | None = None
) -> Admission:
    """Resolve accounts and admit what initial margin covers; draws on wallets are booked in the ledger.

    Per leg the larger of |position + open buys| and |position - open sells| is margined, legs are added, and the sum may
    not exceed the account's collateral; per account (per wallet, where shared) orders are served by key, after all
    cancels, each seeing the ones before. Orders that can only reduce a position, together with those already resting, are
    always admitted, and are all that is admitted from accounts with a margin call; tokens are sold out of holdings only.
    Orders off the grid pass: the venue refuses them. `released` (n,) signed lots (buys > 0) that each CANCEL frees; what is
    not named there stays reserved. `batch` is changed in place.
    """
    kernel.resolve(batch, backing.account)
    pool = _pool(ledger, backing.wallet, reserve)
    freed = np.zeros(len(batch), dtype=np.int64) if released is None else released
    places = np.arange(len(batch))
    if len(batch) * _SPARSE >= len(ledger):
        collateral = revalue(ledger.cash, ledger.position, ledger.cost, reserve.price, reserve.rule, reserve.brackets).collateral
        places = kernel.doubtful(batch, collateral, pool, reserve.brackets)
    outcome = np.zeros(len(batch), dtype=np.int8)
    if not len(places):
        return Admission(batch, outcome, Transfers(places, places, places))
    doubtful = batch[places]
    free = _free(doubtful, ledger, backing, reserve)
    outcome[places], draws = kernel.admit(doubtful, free, freed[places], pool, reserve.brackets)
    batch[places] = doubtful
    ledger.transfer(draws[:, 0], draws[:, 1], draws[:, 2])
    return Admission(batch, outcome, Transfers(draws[:, 0], draws[:, 1], draws[:, 2]))


def sweep(ledger: Ledger, backing: Backing, open_buy: Ints, open_sell: Ints) -> Transfers:
    """Return the cash of flat isolated accounts without resting orders to their wallets, and book it.

    Seized accounts and negative balances stay: a shortfall is the house's to settle.
    """
    rows = np.flatnonzero((backing.wallet >= 0) & (ledger.state < State.LIQUIDATING) & (ledger.cash[:, 0] > 0))
    busy = np.zeros(len(rows), dtype=bool)
    for table in (ledger.position, open_buy, open_sell):
        for j in range(table.shape[1]):
            busy |= table[rows, j] != 0
    rows = rows[~busy]
    swept = Transfers(rows, backing.wallet[rows], ledger.cash[rows, 0])
    ledger.transfer(swept.source, swept.target, swept.amount)
    return swept


def _free(batch: OrderBatch, ledger: Ledger, backing: Backing, reserve: Reserve) -> Ints:
    """Collateral above the initial margin of positions and resting orders, (n_accounts,); at least for accounts in need."""
    tables = (ledger.cash, ledger.position, ledger.cost)
    if len(batch) * _SPARSE >= len(ledger):
        worth = revalue(*tables, reserve.price, reserve.rule, reserve.brackets)
        most = kernel.exposure(ledger.position, reserve.open_buy, reserve.open_sell)
        return np.asarray(worth.collateral - initial_margin(most, reserve.price, reserve.rule, reserve.brackets))
    rows = np.unique(batch["account"]).astype(np.int64)
    wallets = backing.wallet[rows]
    rows = np.union1d(rows, wallets[wallets >= 0])
    worth = revalue_rows(rows, *tables, reserve.price, reserve.rule, reserve.brackets)
    most = kernel.exposure(ledger.position[rows], reserve.open_buy[rows], reserve.open_sell[rows])
    free = np.zeros(len(ledger), dtype=np.int64)
    free[rows] = worth.collateral - initial_margin(most, reserve.price, reserve.rule[rows], reserve.brackets)
    return free


def _pool(ledger: Ledger, wallet: Ints, reserve: Reserve) -> kernel.Pool:
    tables = (ledger.position, reserve.open_buy, reserve.open_sell)
    return kernel.Pool(wallet, ledger.state, *tables, reserve.price, reserve.rule, ledger.instruments.is_spot)

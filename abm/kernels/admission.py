"""Admission: which orders of a batch are covered by margin, each account's in order of their keys."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from abm.kernels.compiled import compiled
from abm.kernels.margin import Brackets, initial_margin
from abm.kernels.matching import merged

Ints = NDArray[np.int64]

# the codes of market.order that matter here; a test holds them together
LIMIT, IOC, MARKET, CANCEL, CANCEL_ALL = 0, 1, 2, 3, 4
ACCEPTED, UNFUNDED, NOTHING_TO_REDUCE, SEIZED, UNDER_CALL, NOT_HELD = 0, 5, 6, 7, 9, 11
CALLED = 1  # an account with a margin call may only reduce
LIQUIDATING = 2  # from this state on an account is seized
_FEW = 32  # chains up to this length are sorted by insertion


class Pool(NamedTuple):
    """What admission looks at; nothing of it is changed."""

    wallet: Ints  # (n_accounts,), account that tops this one up, or -1
    state: NDArray[np.int8]  # (n_accounts,)
    position: Ints  # (n_accounts, n_instruments), lots
    open_buy: Ints  # (n_accounts, n_instruments), resting lots
    open_sell: Ints
    price: Ints  # (n_instruments,), cash units per lot
    rule: Ints  # (n_accounts,)
    spot: NDArray[np.bool_]  # (n_instruments,), tokens: they are sold out of holdings only


@compiled
def exposure(position: Ints, open_buy: Ints, open_sell: Ints) -> Ints:
    """Largest lots a leg can grow to, (n_accounts, n_instruments): max(|position + buys|, |position - sells|)."""
    n_accounts, n_instruments = position.shape
    result = np.empty((n_instruments, n_accounts), dtype=np.int64)
    columns, buys, sells = position.T, open_buy.T, open_sell.T
    for j in range(n_instruments):
        lots, bought, sold, most = columns[j], buys[j], sells[j], result[j]
        for i in range(n_accounts):
            most[i] = max(abs(lots[i] + bought[i]), abs(lots[i] - sold[i]))
    return result.T


@compiled
def resolve(batch: NDArray[Any], backing: Ints) -> None:
    """Name the account of every order: the one in `backing` (n_owners, n_instruments) behind its trader and instrument."""
    for i in range(batch.size):
        batch[i]["account"] = backing[batch[i]["trader"], batch[i]["instrument"]]


@compiled
def doubtful(batch: NDArray[Any], collateral: Ints, pool: Pool, brackets: Brackets) -> Ints:
    """Places of the orders (m,) that must be judged one by one; the others are covered in whatever order they come.

    An account is beyond doubt if its collateral (n_accounts,) covers every leg at its exposure plus all lots wished for,
    either side; a chain, if all its accounts are and nobody in it is called or seized, sells tokens, sends reduce-only or
    off the grid. Cancels only free margin: whoever is covered without them is covered.
    """
    wallets, state, price, rule = pool.wallet, pool.state, pool.price, pool.rule
    most = exposure(pool.position, pool.open_buy, pool.open_sell)
    beyond = np.ones(wallets.size, dtype=np.bool_)
    for i in range(batch.size):
        account, kind, lots = batch[i]["account"], batch[i]["kind"], batch[i]["lots"]
        if kind >= CANCEL:
            continue
        if (
            batch[i]["reduce_only"] != 0
            or lots <= 0
            or (kind != MARKET and batch[i]["tick"] <= 0)
            or state[account] >= CALLED
            or (pool.spot[batch[i]["instrument"]] and batch[i]["side"] < 0)
        ):
            beyond[wallets[account] if wallets[account] >= 0 else account] = False
        else:
            most[account, batch[i]["instrument"]] += lots
    required = initial_margin(most, price, rule, brackets)
    for account in range(wallets.size):
        if required[account] > collateral[account]:
            beyond[wallets[account] if wallets[account] >= 0 else account] = False
    places = np.empty(batch.size, dtype=np.int64)
    n = 0
    for i in range(batch.size):
        account = batch[i]["account"]
        if not beyond[wallets[account] if wallets[account] >= 0 else account]:
            places[n] = i
            n += 1
    return places[:n]


@compiled
def admit(
    batch: NDArray[Any], free: Ints, released: Ints, pool: Pool, brackets: Brackets
) -> tuple[NDArray[np.int8], Ints]:
    """Outcome of every order (n,) and the draws on wallets (m, 3): source, target, amount.

    `batch` (n,) ORDER with accounts resolved; lots of reduce-only orders are cut in place. `free` (n_accounts,) is
    collateral less initial margin of positions and resting orders; it is used up. `released` (n,) signed lots that a
    CANCEL frees. Orders that share a wallet form one chain: first its cancels, then the others by key, ties by place in
    the batch. One flat loop: calls that hand arrays on cost ten times what an order costs.
    """
    wallets, state, position = pool.wallet, pool.state, pool.position
    open_buy, open_sell, price, rule, spot = pool.open_buy, pool.open_sell, pool.price, pool.rule, pool.spot
    rate, amount = brackets.initial_rate, brackets.initial_amount
    outcome = np.zeros(batch.size, dtype=np.int8)
    draws = np.empty((batch.size, 3), dtype=np.int64)
    slot = np.empty((batch.size, 6), dtype=np.int64)  # account, instrument, open buys, sells, reduce-only buys, sells
    n_draws, n_slots, chain = 0, 0, -1
    for i in _sequence(batch, wallets):
        account, j, kind = int(batch[i]["account"]), int(batch[i]["instrument"]), int(batch[i]["kind"])
        lots, side = int(batch[i]["lots"]), int(batch[i]["side"])
        wallet = wallets[account]
        group = wallet if wallet >= 0 else account
        if group != chain:
            chain, n_slots = group, 0
        s = 0
        while s < n_slots and (slot[s, 0] != account or slot[s, 1] != j):
            s += 1
        if s == n_slots:
            n_slots += 1
            slot[s, 0], slot[s, 1], slot[s, 4], slot[s, 5] = account, j, 0, 0
            slot[s, 2], slot[s, 3] = open_buy[account, j], open_sell[account, j]
        held, bought, sold = position[account, j], slot[s, 2], slot[s, 3]
        buys, sells = bought, sold
        always = False
        if kind == CANCEL_ALL:
            buys, sells, always = 0, 0, True
        elif kind == CANCEL:
            buys, sells, always = bought - max(released[i], 0), sold - max(-released[i], 0), True
        elif lots <= 0 or (kind != MARKET and batch[i]["tick"] <= 0):
            continue  # off the grid: the venue refuses it
        elif state[account] >= LIQUIDATING:
            outcome[i] = SEIZED
            continue
        else:
            closable = max(0, -side * held)
            if batch[i]["reduce_only"]:
                place = 4 if side > 0 else 5
                lots = min(lots, closable - slot[s, place])
                if lots <= 0:
                    outcome[i] = NOTHING_TO_REDUCE
                    continue
                batch[i]["lots"] = lots
                slot[s, place] += lots
                always = True
            if side > 0:
                buys = bought + lots
                always = always or buys <= closable
            else:
                sells = sold + lots
                if spot[j] and sells > held:
                    outcome[i] = NOT_HELD
                    continue
                always = always or sells <= closable
        before = max(abs(held + bought), abs(held - sold)) * price[j]
        after = max(abs(held + buys), abs(held - sells)) * price[j]
        change = 0
        if before != after:
            r = rule[account]
            low, high = rate[r, j, 0] * before, rate[r, j, 0] * after
            for k in range(1, rate.shape[2]):
                low = max(low, rate[r, j, k] * before - amount[r, j, k])
                high = max(high, rate[r, j, k] * after - amount[r, j, k])
            change = int(np.rint(high)) - int(np.rint(low))
        if state[account] == CALLED and not always:
            outcome[i] = UNDER_CALL
            continue
        missing = change - free[account]
        if missing > 0 and not always:
            if wallet < 0 or free[wallet] < missing or state[wallet] >= LIQUIDATING:
                outcome[i] = UNFUNDED
                continue
            draws[n_draws, 0], draws[n_draws, 1], draws[n_draws, 2] = wallet, account, missing
            n_draws += 1
            free[wallet] -= missing
            free[account] += missing
        free[account] -= change
        slot[s, 2], slot[s, 3] = buys, sells
    return outcome, draws[:n_draws]


@compiled
def _sequence(batch: NDArray[Any], wallets: Ints) -> Ints:
    """The orders (n,) chain by chain; within a chain cancels first, then by key, ties by place in the batch."""
    n = batch.size
    head = np.full(wallets.size, -1, dtype=np.int64)
    link = np.empty(n, dtype=np.int64)
    n_cancels = 0
    for k in range(n):
        i = n - 1 - k
        account = batch[i]["account"]
        group = wallets[account] if wallets[account] >= 0 else account
        link[i] = head[group]
        head[group] = i
        n_cancels += batch[i]["kind"] in (CANCEL, CANCEL_ALL)
    sequence = np.empty(n, dtype=np.int64)
    key = np.empty(n, dtype=np.uint64)
    end = 0
    for first in range(n):
        account = batch[first]["account"]
        group = wallets[account] if wallets[account] >= 0 else account
        if head[group] != first:
            continue
        i = head[group]
        while i >= 0 and n_cancels > 0:
            if batch[i]["kind"] in (CANCEL, CANCEL_ALL):
                sequence[end] = i
                end += 1
            i = link[i]
        start = end
        i = head[group]
        while i >= 0:
            if batch[i]["kind"] not in (CANCEL, CANCEL_ALL):
                key[end], sequence[end] = batch[i]["key"], i
                end += 1
            i = link[i]
        if end - start > _FEW:
            rank = merged(key[start:end])
            mine = sequence[start:end].copy()
            for k in range(rank.size):
                sequence[start + k] = mine[rank[k]]
            continue
        for place in range(start + 1, end):
            order, rank = sequence[place], key[place]
            k = place
            while k > start and key[k - 1] > rank:
                sequence[k], key[k] = sequence[k - 1], key[k - 1]
                k -= 1
            sequence[k], key[k] = order, rank
    return sequence

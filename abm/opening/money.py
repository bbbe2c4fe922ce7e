"""Who holds what at the opening: positions, collateral, tokens, and the fees to come."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from abm.behaviour.collateral import Holdings, holdings
from abm.behaviour.opening import Board
from abm.behaviour.view import Traders
from abm.clearing.accounts import Accounts, share_out
from abm.clearing.layers import skin
from abm.clearing.ledger import FeeSchedule, Ledger
from abm.clearing.rulebook import Clearing
from abm.kernels.margin import long_lots
from abm.market.instrument import Instruments
from abm.opening.asked import Asked
from abm.opening.groups import opening_assets
from abm.opening.staff import Owners
from abm.scenario import Scenario
from abm.streams import Streams

Ints = NDArray[np.int64]


def opening_of(
    scenario: Scenario,
    instruments: Instruments,
    traders: Traders,
    owners: Owners,
    rules: list[Clearing],
    streams: Streams,
) -> tuple[Ints, Ints, NDArray[np.float64]]:
    """Per owner: lots (n_owners, n_instruments), money (n_owners,), and the open interest it may back (n_owners,
    n_instruments), cash units."""
    n, price = len(traders.group), instruments.opening_tick * instruments.unit
    position = np.zeros((len(owners), len(instruments)), dtype=np.int64)
    position[:n] = traders.opening
    money = np.zeros(len(owners), dtype=np.int64)
    money[:n] = traders.collateral
    interest = np.maximum(position, 0).sum(axis=0) * price.astype(np.float64)
    circulating = Board.of(opening_assets(scenario), instruments, scenario.money.cash_unit).money
    interest = np.where(instruments.is_spot & interest.any(), circulating, interest)
    interest = np.where(interest > 0, interest, 1.0)
    weight = np.tile(interest, (len(owners), 1))
    for house, rule in enumerate(rules):
        own = interest[(instruments.venue == house) & ~instruments.is_spot].sum() if house < len(scenario.venues) else 0.0
        money[owners.rows("keeper", house)] = rule.keeper.shares(int(rule.keeper.capital_share * own), streams, house)
        money[owners.rows("vault", house)] = int(rule.vault.capital_share * own)
        money[owners.row("fund", house)] = int(rule.fund_share * own)
        money[owners.rows("skin", house)] = int(skin(rule.waterfall) * own)
        money[owners.rows("member", house)] = rule.members.split(int(rule.members.capital_share * own))
        money[owners.rows("default_fund", house)] = rule.members.split(int(rule.members.contribution_share * own))
        weight[owners.row("fund", house), instruments.venue != house] = 0.0
    return position, money, weight


def split_of(position: Ints, money: Ints, interest: NDArray[np.float64], asked: Asked) -> Ints:
    """Each leg's part of its owner's `money` (n_owners,), (n_owners, n_instruments) cash units: by the initial margin that it
    is asked alone, by `interest` (same shape) for those who hold nothing.

    If money covers the maintenance margin of all legs alone, none gets less than its own, whatever is asked for size. If it
    does not, as may be with money that was measured on legs netted, they are short of it and the house will seize them.
    """
    initial, least = asked.alone(position)
    least = least + asked.large(position, long_lots(position))
    held = position.any(axis=1, keepdims=True)
    idle = np.where(held, interest * (position != 0), interest)  # nothing held, or nothing asked of what is
    weight = np.where(initial.any(axis=1, keepdims=True), initial, idle)
    stake = share_out(money, weight)
    spare = money - least.sum(axis=1)
    mend = (stake < least).any(axis=1) & (spare >= 0)
    stake[mend] = least[mend] + share_out(spare[mend], weight[mend])
    return stake


def tokens_of(scenario: Scenario, instruments: Instruments, traders: Traders, split: Ints, streams: Streams) -> Holdings:
    """Who holds which tokens; `split` (n_owners, n_instruments) cash units of opening collateral."""
    names = [asset.name for asset in scenario.assets]
    own = split[: len(traders.group)]
    return holdings(scenario.population.collateral, names, traders, own, instruments=instruments, streams=streams)


def hand_out(tokens: Holdings, position: Ints, isolated: NDArray[np.bool_], pool: int) -> None:
    """Add tokens to `position` (n_owners, n_instruments); the pool holds what would back `isolated` (n_owners,) traders."""
    n = len(tokens.collateral)
    apart = np.where(isolated[:n, np.newaxis], tokens.collateral, 0)
    position[:n] += tokens.inventory + tokens.collateral - apart
    position[pool] += apart.sum(axis=0)


def ledger_of(instruments: Instruments, accounts: Accounts, position: Ints, collateral: Ints, issued: Ints) -> Ledger:
    """The ledger with `position` (n_owners, n_instruments) on `collateral` (n_accounts,) of equity."""
    lots = np.zeros((len(accounts.owner), len(instruments)), dtype=np.int64)
    lots[accounts.backing, np.arange(len(instruments))] = position
    return Ledger.open(
        instruments,
        collateral,
        owner=accounts.owner,
        house=accounts.house,
        mode=accounts.mode,
        position=lots,
        issued=issued,
    )


def enter(ledger: Ledger, accounts: Accounts, traders: Traders) -> None:
    """The memo of entry values where a book states them: profit before the opening is in the equity it opens with."""
    if traders.entry is not None:
        account, column = accounts.backing[: len(traders.entry)], np.arange(traders.entry.shape[1])
        ledger.realised[account, column] = traders.entry - ledger.cost[account, column]
        ledger.cost[account, column] = traders.entry


def opening_split(accounts: Accounts, ledger: Ledger, stake: Ints) -> Ints:
    """Each owner's `stake` (n_owners, n_instruments) where the leg is, (n_accounts, n_instruments), cash units; a token
    stands for itself."""
    split = np.zeros((len(accounts.owner), stake.shape[1]), dtype=np.int64)
    split[accounts.backing, np.arange(stake.shape[1])] = stake
    spot = list(ledger.instruments.spot)
    split[:, spot] = ledger.cost[:, spot]
    return split


def fees_of(scenario: Scenario, instruments: Instruments, accounts: Accounts, owners: Owners, fund: list[Ints]) -> FeeSchedule:
    venues = [scenario.venues[row] for row in instruments.venue]
    rows = range(len(instruments))
    return FeeSchedule(
        taker=np.array([venue.taker_fee for venue in venues]),
        maker=np.array([venue.maker_fee for venue in venues]),
        liquidation=np.array([venue.clearing.fee_rate for venue in venues]),
        fee_account=np.array([accounts.backing[owners.row("fees", int(instruments.venue[i])), i] for i in rows], dtype=np.int64),
        fund_account=np.array([fund[int(instruments.venue[i])][i] for i in rows], dtype=np.int64),
    )

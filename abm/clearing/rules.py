"""Worked examples without a simulation: the rules of clearing as functions in real units, prices and sizes as floats."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from abm.clearing.adl import HyperliquidRanking, IndustryRanking
from abm.clearing.allocate import Capped, allocate_capped
from abm.clearing.layers import refuse_repeated
from abm.clearing.liquidation.slicing import AlmgrenChriss, urgency
from abm.clearing.margin.grids import DeribitGrid, Leg, OkxGrid, ParadexGrid, SpanGrid
from abm.clearing.margin.portfolio import Portfolio
from abm.clearing.margin.tiered import Bracket, Tiered
from abm.clearing.worked import Holder, Layer, Market, Option, Position, Weights
from abm.kernels.portfolio import scan

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

Mode = Literal["isolated", "cross"]

__all__ = [
    "AlmgrenChriss",
    "Bracket",
    "DeribitGrid",
    "Health",
    "Holder",
    "HyperliquidRanking",
    "Layer",
    "Market",
    "OkxGrid",
    "Option",
    "Paid",
    "ParadexGrid",
    "Portfolio",
    "PortfolioMargin",
    "Position",
    "Ranked",
    "SpanGrid",
    "Weights",
    "account_health",
    "adl_allocate",
    "adl_ranking",
    "bankruptcy_price",
    "liquidation_price",
    "maintenance_margin",
    "portfolio_margin",
    "socialise",
    "urgency",
    "waterfall",
]


class PortfolioMargin(NamedTuple):
    """Portfolio margin in the currency of the prices."""

    values: Floats  # (n_scenarios,), counted gain of the whole portfolio, all underlyings moving together
    by_asset: dict[str, Floats]  # the same for each underlying
    worst: float  # largest loss in `values`, 0 if none loses
    worst_scenario: int  # its place in the rule's scenarios
    maintenance: float
    initial: float


class Health(NamedTuple):
    """Weighted assets and liabilities of an account, in the quote currency."""

    value: float  # assets - liabilities; liquidated below 0
    assets: float
    liabilities: float

    @property
    def ratio(self) -> float:
        """assets / liabilities - 1, infinite without liabilities."""
        return self.assets / self.liabilities - 1 if self.liabilities > 0 else np.inf


class Ranked(NamedTuple):
    """A holder's place in the queue."""

    name: str
    score: float  # highest is closed first
    size: float


class Paid(NamedTuple):
    """Who bore a loss, in whole units."""

    by_layer: dict[str, int]
    by_member: dict[str, dict[str, int]]  # of mutual layers
    unallocated: int


AdlShares = Literal["none", "industry", "hyperliquid", "pro_rata_profit", "pro_rata_equity", "profit", "equity"]

_RANKINGS: dict[str, IndustryRanking | HyperliquidRanking] = {
    "industry": IndustryRanking(),
    "hyperliquid": HyperliquidRanking(),
}
_MONEY = 1e6  # units in which real money is handed to rules that count in whole ones


def maintenance_margin(notional: float, brackets: Sequence[Bracket | tuple[float, float]]) -> float:
    """Margin to keep a position of `notional`: rate x notional - amount of the bracket it lies in.

    `brackets` are records, or pairs (floor, maintenance rate), from floor 0 upwards; amounts follow from continuity.
    Source: Binance trading rules, notional and leverage brackets.
    """
    ladder = tuple(
        bracket if isinstance(bracket, Bracket) else Bracket(floor=bracket[0], initial_rate=1.0, maintenance_rate=bracket[1])
        for bracket in brackets
    )
    tables = Tiered(brackets={"": ladder}).tables([""], max_leverage=1.0, cash_units=1.0)
    return float((tables.maintenance_rate[0, 0] * abs(notional) - tables.maintenance_amount[0, 0]).max())


def liquidation_price(wallet: float, positions: Sequence[Position], asset: str, mode: Mode = "cross") -> float:
    """Price of `asset` at which equity equals maintenance margin, the marks of all others as they are; 0 if there is none.

    `wallet` is the balance that backs the positions; in isolated mode that of this asset's position, and the others do not
    count. Linear: (wallet - margin of others + profit of others + amounts - sum of size x entry) / (sum of |size| x rate -
    sum of size), over the positions in the asset. Sources: Binance FAQ on liquidation prices of USD-margined contracts;
    OKX adds a fee to the rate; Bybit's formula for inverse contracts.
    """
    return _price_at(wallet, positions, asset, mode, bankrupt=False)


def bankruptcy_price(wallet: float, positions: Sequence[Position], asset: str, mode: Mode = "cross") -> float:
    """Price of `asset` at which equity pays the closing fee of its position and nothing more; 0 if there is none."""
    return _price_at(wallet, positions, asset, mode, bankrupt=True)


def _price_at(wallet: float, positions: Sequence[Position], asset: str, mode: Mode, *, bankrupt: bool) -> float:
    own = [p for p in positions if p.asset == asset]
    if mode not in ("isolated", "cross"):
        raise ValueError(f"mode must be isolated or cross, was {mode}")
    if not own:
        raise ValueError(f"asset must be one of the positions' {sorted({p.asset for p in positions})}, was {asset}")
    if len({p.kind == "inverse" for p in own}) > 1:
        raise ValueError(f"positions in {asset} must be all linear or all inverse")
    others = [p for p in positions if p.asset != asset] if mode == "cross" else []
    free = wallet + sum(p.profit for p in others)
    if not bankrupt:
        free += sum(p.maintenance_amount for p in own) - sum(p.maintenance for p in others)
    charged = sum(abs(p.size) * (p.fee_rate + (0.0 if bankrupt else p.maintenance_rate)) for p in own)
    size = sum(p.size for p in own)
    if own[0].kind == "inverse":  # with x = 1 / price: free + sum of size x (1 / entry - x) = charged x
        above, below = charged + size, free + sum(p.size / p.entry for p in own)
    else:
        above, below = free - sum(p.size * p.entry for p in own), charged - size
    return max(0.0, above / below) if below != 0 else 0.0


def portfolio_margin(positions: Sequence[Position | Option], market: Market, rule: Portfolio | None = None) -> PortfolioMargin:
    """Portfolio margin of linear positions and European options under `rule` (default: the SPAN-like grid).

    Linear positions are valued at the price of their asset in `market`; profit so far is not part of the margin.
    """
    rule = rule or Portfolio()
    legs = [_leg(position, market) for position in positions]
    sizes = np.array([[position.size for position in positions]], dtype=np.float64)
    if not legs:
        none = np.zeros(len(rule.grid.scenarios))
        return PortfolioMargin(none, {}, 0.0, 0, 0.0, 0.0)
    grid = rule.tables_of(legs)
    gain = sizes[0][grid.leg][:, np.newaxis] * grid.gain
    assets = [legs[k].asset for k in grid.leg]
    by_asset = {name: gain[[a == name for a in assets]].sum(axis=0) for name in dict.fromkeys(assets)}
    values = gain.sum(axis=0)
    found = float(scan(sizes, grid)[0])
    worst = int(np.argmin(values))
    loss = max(0.0, -float(values[worst]))
    return PortfolioMargin(values, by_asset, loss, worst, rule.grid.maintenance_factor * found, rule.grid.initial_factor * found)


def _leg(position: Position | Option, market: Market) -> Leg:
    if position.asset not in market.prices:
        raise ValueError(f"market.prices must name {position.asset}, has {sorted(market.prices)}")
    price = market.prices[position.asset]
    if isinstance(position, Option):
        call = position.right == "call"
        return Leg(position.asset, price, position.strike, position.days, position.volatility, call, market.rate)
    if position.kind == "inverse":
        raise ValueError(f"portfolio margin takes linear positions and options, {position.asset} is inverse")
    return Leg(position.asset, price)


def account_health(
    balances: Mapping[str, float],
    positions: Sequence[Position],
    prices: Mapping[str, float],
    weights: Mapping[str, Weights],
    *,
    quote: str = "USDC",
) -> Health:
    """Weighted worth of collateral: sum of assets x price x asset weight - sum of liabilities x price x liability weight.

    `balances` are amounts by token, negative if borrowed; a perpetual counts as size x price of its asset, weighted, and
    -size x entry of the `quote` currency, which is worth 1 and weighs 1. Perpetuals and tokens do not net.
    Source: Mango Markets docs, health overview.
    """
    money = balances.get(quote, 0.0) - sum(p.size * p.entry for p in positions)
    held = [(token, amount) for token, amount in balances.items() if token != quote]
    held += [(p.asset, p.size) for p in positions]
    assets, liabilities = max(0.0, money), max(0.0, -money)
    for name, amount in held:
        if name not in prices:
            raise ValueError(f"prices must name {name}, has {sorted(prices)}")
        weight = weights.get(name, Weights())
        assets += max(0.0, amount) * prices[name] * weight.asset
        liabilities += max(0.0, -amount) * prices[name] * weight.liability
    return Health(assets - liabilities, assets, liabilities)


def adl_ranking(positions: Sequence[Holder], rule: str = "industry") -> list[Ranked]:
    """The queue of auto-deleveraging, first to be closed first; ties keep their order.

    "industry": share of profit x effective leverage, losers by share / leverage (BitMEX, Bybit); "hyperliquid":
    (mark / entry) x (notional / account value), reciprocal profit term for shorts.
    """
    if rule not in _RANKINGS:
        raise ValueError(f"rule must be one of {sorted(_RANKINGS)}, was {rule}")
    size = np.array([h.size for h in positions])
    cost = np.rint(_MONEY * size * [h.entry for h in positions]).astype(np.int64)
    value = np.rint(_MONEY * size * [h.mark for h in positions]).astype(np.int64)
    equity = np.rint(_MONEY * np.array([h.equity for h in positions])).astype(np.int64)
    score = _RANKINGS[rule].score(value - cost, cost, np.abs(value), equity)
    order = np.argsort(-score, kind="stable")
    return [Ranked(positions[k].name, float(score[k]), positions[k].size) for k in order]


def adl_allocate(amount: float, candidates: Sequence[Holder], rule: AdlShares) -> dict[str, float]:
    """What each candidate gives.

    `amount` is a size by the rules that close positions: a ranking closes in the order of the queue until it is used up,
    "pro_rata_profit" and "pro_rata_equity" close all at once in proportion, nobody more than he holds; "none" nobody.
    By "profit" or "equity" `amount` is a deficit in whole units, shared in proportion to unrealised profit or to equity,
    nobody more than that (profit nor equity, rounded down). What finds nobody is under the name "".
    """
    profit = [max(0.0, h.size * (h.mark - h.entry)) for h in candidates]
    equity = [h.equity for h in candidates]
    if rule in ("profit", "equity"):
        whole = [[int(p) for p in profit], [int(e) for e in equity]]
        room = whole[1] if rule == "equity" else [min(p, e) for p, e in zip(*whole, strict=True)]
        shares, left = allocate_capped(int(amount), whole[rule == "equity"], room)
        given = {h.name: float(share) for h, share in zip(candidates, shares, strict=True)}
        return given | ({"": float(left)} if left else {})
    if rule in ("pro_rata_profit", "pro_rata_equity"):
        held = [round(_MONEY * abs(h.size)) for h in candidates]
        shares, left = allocate_capped(round(_MONEY * abs(amount)), profit if rule == "pro_rata_profit" else equity, held)
        given = {h.name: float(share / _MONEY) for h, share in zip(candidates, shares, strict=True)}
        return given | ({"": left / _MONEY} if left else {})
    given, rest = {h.name: 0.0 for h in candidates}, abs(amount)
    for ranked in adl_ranking(candidates, rule) if rule != "none" else []:
        closed = min(rest, abs(ranked.size))
        given[ranked.name] += closed
        rest -= closed
    return given | ({"": rest} if rest > 0 else {})


def socialise(loss: int, gains: Sequence[int]) -> Ints:
    """Whole units (n,) that winners give, pro rata to their `gains` (n,) and never more; losers give nothing.

    The shares sum to the loss, or to all gains if these are smaller.
    """
    won = np.maximum(np.asarray(gains, dtype=np.int64), 0)
    shares: Capped = allocate_capped(int(loss), won, won)
    return shares.shares


def waterfall(loss: int, layers: Sequence[Layer]) -> Paid:
    """Who bears `loss`, layer after layer in their order; members of a mutual layer pay pro rata, in whole units.

    Raises ValueError if a layer repeats. Source of the usual order: EMIR Art. 45.
    """
    try:
        refuse_repeated(layer.name for layer in layers)
    except ValueError as error:
        raise ValueError(f"waterfall: {error}") from None
    left, paid, members = int(loss), {}, {}
    for layer in layers:
        paid[layer.name] = min(left, layer.total)
        left -= paid[layer.name]
        if isinstance(layer.funds, dict):
            funds = list(layer.funds.values())
            shares = allocate_capped(paid[layer.name], funds, funds).shares.tolist()
            members[layer.name] = dict(zip(layer.funds, shares, strict=True))
    return Paid(paid, members, left)

"""The opening: who holds what at time zero, on how much collateral; every long has its short."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from abm.behaviour.arbitrage import Arbitrage
from abm.behaviour.booked import Booked
from abm.behaviour.carry import Carry
from abm.behaviour.dealing import Dealing
from abm.behaviour.hedged import HedgedPair
from abm.behaviour.hedging import Hedging
from abm.behaviour.leverage import Leveraged
from abm.behaviour.other import Others
from abm.behaviour.quoting import Quoting
from abm.behaviour.trend import Trend
from abm.behaviour.value import Value
from abm.behaviour.view import Traders
from abm.behaviour.zero_intelligence import ZeroIntelligence
from abm.clearing.allocate import allocate
from abm.market.instrument import Instruments
from abm.streams import Streams

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Group = ZeroIntelligence | Value | Trend | Carry | HedgedPair | Hedging | Arbitrage | Quoting | Dealing | Others | Booked
Requirement = Callable[[str, Ints], tuple[Floats, Floats]]  # group and its lots (count, n_instruments) -> initial and
# maintenance margin (count,), cash units


@dataclass(frozen=True)
class Assets:
    """What the opening needs to know of the assets; (n_assets,) unless stated."""

    open_interest: Floats  # one-sided, currency
    leverage_max: Floats  # first bracket
    maintenance_rate: Floats  # share of notional, first bracket
    volatility: Floats  # any period, only ratios matter
    correlation: Floats  # (n_assets, n_assets)
    venue_share: Floats  # (n_venues,), an asset's open interest is split by it over the venues that list the asset


@dataclass(frozen=True)
class Board:
    """The same per instrument, in lots and cash units; (n_instruments,) unless stated."""

    instruments: Instruments
    assets: Assets
    lots: Ints  # one-sided open interest, rounded to the nearest lot
    price: Floats  # cash units per lot at the opening

    @classmethod
    def of(cls, assets: Assets, instruments: Instruments, cash_unit: float) -> Board:
        """`cash_unit`: currency per cash unit."""
        share = assets.venue_share[instruments.venue]
        listed = np.bincount(instruments.asset, weights=share, minlength=len(assets.open_interest))
        price = (instruments.opening_tick * instruments.unit).astype(np.float64)
        money = (assets.open_interest / np.maximum(listed, 1e-12))[instruments.asset] * share / cash_unit
        return cls(instruments, assets, np.rint(money / price).astype(np.int64), price)

    @property
    def money(self) -> Floats:
        """Open interest in cash units; of tokens what is in circulation."""
        return self.lots * self.price

    @property
    def leveraged(self) -> Floats:
        """Open interest of perpetuals in cash units: what is held on margin; 0 for tokens."""
        return np.where(self.instruments.is_spot, 0.0, self.money)

    def flat(self, group: str, lots: Ints) -> tuple[Floats, Floats]:
        """Initial and maintenance margin (k,) of `lots` (k, n_instruments) by the first bracket of every asset, the same for
        every group."""
        amount, asset = np.abs(lots) * self.price, self.instruments.asset
        return amount @ (1.0 / self.assets.leverage_max[asset]), amount @ self.assets.maintenance_rate[asset]


@dataclass(frozen=True)
class Luck:
    """The opening draws of one group: one named stream per decision, stable when the group grows."""

    streams: Streams
    group: str
    count: int

    def uniform(self, name: str, *width: int) -> Floats:
        """(count, *width) uniform on [0, 1)."""
        return self.streams.at(f"opening.{self.group}.{name}").random((self.count, *width))

    def normal(self, name: str) -> Floats:
        """(count,) standard normal."""
        return self.streams.at(f"opening.{self.group}.{name}").standard_normal(self.count)

    def isolated(self, cross_share: float) -> NDArray[np.bool_]:
        """(count,) who has an account for each position."""
        return self.uniform("isolated") >= cross_share


@dataclass
class Book:
    """Positions dealt so far, and what is left of the open interest on either side, (n_instruments,) lots."""

    board: Board
    room_long: Ints
    room_short: Ints
    opening: dict[str, Ints] = field(default_factory=dict)  # group -> (count, n_instruments), lots

    def deal(self, name: str, lots: Ints) -> None:
        """Record `lots` (count, n_instruments) of group `name` and take them from the room."""
        self.opening[name] = lots
        self.room_long = self.room_long - np.maximum(lots, 0).sum(axis=0)
        self.room_short = self.room_short - np.maximum(-lots, 0).sum(axis=0)


def open_traders(
    groups: Mapping[str, Group],
    *,
    assets: Assets,
    instruments: Instruments,
    streams: Streams,
    cash_unit: float,
    requirement: Requirement | None = None,
) -> Traders:
    """Draw the table of traders, rows by group in the order given.

    `requirement` is the margin rule in force; without it the first bracket of each asset counts. Per instrument the lots
    sum to zero, and the longs to the open interest rounded to a lot. Raises ValueError where nobody can take the rest.
    """
    board = Board.of(assets, instruments, cash_unit)
    book = _positions(groups, board, streams)
    blocks = [
        _block(name, group, Luck(streams, name, group.count), book, requirement or board.flat) for name, group in groups.items()
    ]
    sizes = [group.count for group in groups.values()]
    columns = {key: np.concatenate([block[key] for block in blocks]) for key in blocks[0]}
    stated = _stated(groups, book) if any(isinstance(group, Booked) for group in groups.values()) else {}
    return Traders(group=np.repeat(np.arange(len(sizes)), sizes), groups=tuple(groups), **columns, **stated)


def _stated(groups: Mapping[str, Group], book: Book) -> dict[str, Any]:
    """Margin modes and entry values, of those whose opening is stated and of everybody else."""
    mode, entry = [], []
    for name, group in groups.items():
        if isinstance(group, Booked):
            mode.append(group.mode)
            entry.append(group.entry)
            continue
        lots = book.opening.get(name, np.zeros((group.count, len(book.board.lots)), dtype=np.int64))
        mode.append(np.full(group.count, -1, dtype=np.int8))
        entry.append(lots * book.board.price.astype(np.int64))
    return {"mode": np.concatenate(mode), "entry": np.concatenate(entry)}


def maker_depth(depth_share: Floats, count: int, board: Board) -> Ints:
    """(count, n_instruments) lots of one maker within 1 % of the mid; `depth_share` (n_assets,) of open interest, all makers."""
    lots = np.rint(depth_share[board.instruments.asset] * board.lots / max(count, 1)).astype(np.int64)
    return np.tile(lots, (count, 1))


def share_out(total: int, weights: Floats) -> Ints:
    """Whole lots (k,) in proportion to `weights`, summing to `total` by `allocate`; nothing where there are no weights."""
    scale = weights.sum()
    if total <= 0 or scale <= 0:
        return np.zeros(len(weights), dtype=np.int64)
    return allocate(total, (weights * (2.0**58 / scale)).astype(np.int64))


def _positions(groups: Mapping[str, Group], board: Board, streams: Streams) -> Book:
    """What is stated first, then crowds, pairs, and hedgers, who take what is left on either side."""
    dealt = np.where(board.instruments.is_spot, 0, board.lots)  # tokens are issued, not dealt in pairs
    book = Book(board, dealt.copy(), dealt.copy())
    for name, group in groups.items():
        if isinstance(group, Booked):
            book.deal(name, group.opening)
    for name, group in groups.items():
        if isinstance(group, Carry):
            book.deal(name, _crowd(group, Luck(streams, name, group.count), book))
    for name, group in groups.items():
        if isinstance(group, HedgedPair):
            book.deal(name, _pairs(group, Luck(streams, name, group.count), book))
    hedgers = [(name, group) for name, group in groups.items() if isinstance(group, Hedging) and group.count > 1]
    if hedgers:
        name, group = hedgers[0]
        book.deal(name, _rest(group, Luck(streams, name, group.count), book))
    elif any(lots.any() for name, lots in book.opening.items() if not isinstance(groups[name], Booked)) or (
        (book.room_long != book.room_short).any()
    ):
        raise ValueError("hedgers.count must be at least 2 to hold the other side of the crowd and the pairs; add hedgers")
    return book


def _crowd(record: Carry, luck: Luck, book: Book) -> Ints:
    """(count, n_instruments) lots: the larger side meets its share of open interest, the smaller follows in proportion."""
    board, side = book.board, np.where(luck.uniform("side", len(book.board.lots)) < record.long_share, 1, -1)
    chosen = _legs(record.legs_max, luck, board) * board.leveraged
    gross = record.sizes(luck.uniform("size"))
    amount = chosen * (gross / np.maximum(chosen.sum(axis=1), 1.0))[:, None]  # legs in proportion to open interest
    major = 1 if record.long_share >= 0.5 else -1
    rooms = {1: book.room_long, -1: book.room_short}
    lots = np.zeros(amount.shape, dtype=np.int64)
    for i in range(len(board.lots)):
        larger, smaller = (np.where(side[:, i] == way, amount[:, i], 0.0) for way in (major, -major))
        most = min(int(np.rint(record.open_interest_share * board.lots[i])), int(rooms[major][i]))
        fewer = min(int(np.rint(most * smaller.sum() / max(larger.sum(), 1e-12))), int(rooms[-major][i]))
        lots[:, i] = major * (share_out(most, larger) - share_out(fewer, smaller))
    return lots


def _legs(legs_max: int, luck: Luck, board: Board) -> NDArray[np.bool_]:
    """(count, n_instruments) which instruments of its home venue a trader holds: 1 to `legs_max`, drawn without
    replacement with weights of open interest (Efraimidis & Spirakis 2006)."""
    home = _home(luck, board)
    here = (board.instruments.venue == home[:, None]) & ~board.instruments.is_spot
    key = np.where(here, -np.log1p(-luck.uniform("legs", len(board.lots))) / np.maximum(board.money, 1.0), np.inf)
    count = 1 + np.floor(luck.uniform("leg_count") * legs_max)
    rank = np.argsort(np.argsort(key, axis=1), axis=1)
    return np.asarray(here & (rank < count[:, None]))


def _home(luck: Luck, board: Board) -> Ints:
    """(count,) venue of every trader, drawn by share."""
    edges = np.cumsum(board.assets.venue_share / board.assets.venue_share.sum())
    return np.minimum(np.searchsorted(edges, luck.uniform("venue"), side="right"), len(edges) - 1)


def _pairs(record: HedgedPair, luck: Luck, book: Book) -> Ints:
    """(count, n_instruments) lots: a long leg and its hedge on the home venue, shrunk where a side has no room."""
    board, trader = book.board, np.arange(luck.count)
    lots = np.zeros((luck.count, len(board.lots)), dtype=np.int64)
    weight = np.where(board.instruments.venue == _home(luck, board)[:, None], board.leveraged, 0.0)
    whole = (weight > 0).sum(axis=1) > 1
    long = _pick(weight, luck.uniform("long"))
    rest = weight.copy()
    rest[trader, long] = 0.0
    short = _pick(rest, luck.uniform("short"))
    size = np.where(whole, record.sizes(luck.uniform("size")), 0.0)
    amount = size * (record.open_interest_share * board.leveraged.sum() / max(size.sum(), 1e-12))
    bought = amount / board.price[long]
    sold = amount * _ratio(record, board)[long, short] / board.price[short]
    fit = np.minimum(_fit(long, bought, book.room_long), _fit(short, sold, book.room_short))
    lots[trader, long] = np.floor(bought * fit)
    lots[trader, short] -= np.floor(sold * fit).astype(np.int64)
    return lots


def _pick(weight: Floats, uniform: Floats) -> Ints:
    """(k,) column drawn with probability in proportion to `weight` (k, n)."""
    edges = np.cumsum(weight, axis=1)
    return np.asarray((edges <= (uniform * edges[:, -1])[:, None]).sum(axis=1).clip(0, weight.shape[1] - 1))


def _ratio(record: HedgedPair, board: Board) -> Floats:
    """(n_instruments, n_instruments) short notional per long notional: sigma_long / sigma_short, times correlation for beta."""
    asset, sigma = board.instruments.asset, board.assets.volatility
    ratio = sigma[asset][:, None] / np.maximum(sigma[asset][None, :], 1e-12)
    return ratio * np.maximum(board.assets.correlation[np.ix_(asset, asset)], 0.0) if record.hedge == "beta" else ratio


def _fit(leg: Ints, lots: Floats, room: Ints) -> Floats:
    """(k,) at most 1: what the room leaves of `lots` (k,) in the instruments `leg` (k,)."""
    wished = np.bincount(leg, weights=lots, minlength=len(room))
    return np.minimum(1.0, room / np.maximum(wished, 1e-12))[leg]


def _rest(record: Hedging, luck: Luck, book: Book) -> Ints:
    """(count, n_instruments) lots: all that is left; a hedger is long or short in everything, at least one is either."""
    is_long = luck.uniform("side") < record.long_share
    is_long[:2] = (False, True)
    size = (1.0 - 0.99 * luck.uniform("size")) ** (-1.0 / record.size_tail)
    weight = size[:, None] * luck.uniform("legs", len(book.board.lots))
    lots = np.zeros(weight.shape, dtype=np.int64)
    for i in range(len(book.board.lots)):
        longs = share_out(int(book.room_long[i]), np.where(is_long, weight[:, i], 0.0))
        lots[:, i] = longs - share_out(int(book.room_short[i]), np.where(is_long, 0.0, weight[:, i]))
    return lots


def _block(name: str, group: Group, luck: Luck, book: Book, requirement: Requirement) -> dict[str, NDArray[np.generic]]:
    """The columns of one group."""
    board, shape = book.board, (group.count, len(book.board.lots))
    opening = book.opening.get(name, np.zeros(shape, dtype=np.int64))
    collateral, limit = np.zeros(group.count, dtype=np.int64), np.zeros(shape, dtype=np.int64)
    gross = np.abs(opening) @ board.price
    rule = group.behaviour if isinstance(group, Booked) else group
    if isinstance(group, Booked):
        collateral, limit = group.collateral, _limits(group.behaviour, group.collateral, board)
    elif isinstance(group, Leveraged):
        collateral = _margined(group, luck, gross, requirement(name, opening))
    elif isinstance(group, Hedging):
        leverage = group.leverage_min + (group.leverage_max - group.leverage_min) * luck.uniform("leverage")
        collateral = np.ceil(gross / leverage).astype(np.int64)
    elif group.count:
        collateral[:] = int(group.capital_share * board.money.sum() / group.count)
        limit = _limits(group, collateral, board)
    return {
        "collateral": collateral,
        "opening": opening,
        "leverage": gross / np.maximum(collateral, 1),
        "horizon": (luck.uniform("horizon") < 0.5).astype(np.int64) if isinstance(rule, Trend) else np.zeros_like(collateral),
        "limit": limit,
        **_beliefs(rule, luck, shape),
    }


def _limits(group: Any, collateral: Ints, board: Board) -> Ints:
    """(count, n_instruments) lots: the largest positions of those who trade on capital, 0 for holders and for dealers."""
    if not hasattr(group, "capital_share") or isinstance(group, Dealing):
        return np.zeros((len(collateral), len(board.lots)), dtype=np.int64)
    most = group.inventory_leverage if isinstance(group, Quoting) else 1.0
    stretch = np.where(board.instruments.is_spot, 1.0, most)  # tokens are paid for in full
    share = board.money / max(board.money.sum(), 1.0)
    return np.asarray(np.floor(stretch * collateral[:, None] * share / board.price), dtype=np.int64)


def _margined(group: Leveraged, luck: Luck, gross: Floats, asked: tuple[Floats, Floats]) -> Ints:
    """(count,) cash units of collateral behind leveraged books of `gross` (count,) that are `asked` for initial and
    maintenance margin (count,)."""
    initial, maintenance = asked
    some = np.maximum(gross, 1.0)
    cap = some / np.maximum(initial, 1e-12)
    return np.ceil(gross * group.margins(group.leverages(luck.normal("leverage")), cap, maintenance / some)).astype(np.int64)


def _beliefs(group: Group, luck: Luck, shape: tuple[int, int]) -> dict[str, Floats]:
    """Opinions on value and the discounts of bids, drawn for value traders only."""
    if not isinstance(group, Value):
        return {"opinion": np.ones(shape), "discount": np.zeros(shape)}
    low, high = group.discount_min, max(group.discount_min, group.discount_max)
    spread = group.opinion_sigma * np.sqrt(12.0) * (luck.uniform("opinion", shape[1]) - 0.5)
    return {"opinion": 1.0 + spread, "discount": low + (high - low) * luck.uniform("discount", shape[1])}


@dataclass(frozen=True)
class Buffers:
    """How far from maintenance a group opened, weighted by gross notional."""

    below: dict[float, float]  # buffer over gross -> share of gross notional with less
    leverage: float  # gross notional over collateral of the whole group


def buffers(
    traders: Traders, name: str, board: Board, *, requirement: Requirement | None = None,
    edges: tuple[float, ...] = (0.03, 0.05, 0.10, 0.20),
) -> Buffers:  # fmt: skip
    """The distribution of the opening buffer (collateral less maintenance, over gross) of group `name`."""
    rows = traders.rows(name)
    lots, collateral = traders.opening[rows], traders.collateral[rows]
    gross = np.abs(lots) @ board.price
    maintenance = (requirement or board.flat)(name, lots)[1]
    room = (collateral - maintenance) / np.maximum(gross, 1.0)
    total = max(float(gross.sum()), 1.0)
    below = {edge: float(gross[room < edge].sum()) / total for edge in edges}
    return Buffers(below=below, leverage=total / max(float(collateral[gross > 0].sum()), 1.0))

"""The ledger: who holds which cash and positions, and the only verbs that change them."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum
from typing import TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from abm.kernels import settle as kernel
from abm.kernels.margin import equity_of
from abm.market.instrument import Instruments
from abm.market.order import Fills, Reason

Ints = NDArray[np.int64]
Scalar = TypeVar("Scalar", bound=np.generic)


class Mode(IntEnum):
    """What backs what: the role of an account."""

    ISOLATED = 0  # one position
    CROSS = 1  # all positions of its owner on one venue
    UNIVERSAL = 2  # all positions of its owner on all venues, held at a prime house
    WALLET = 3  # the owner's money outside its isolated positions
    HOUSE = 4  # a house's own: fees, insurance fund, vault, outside pools


class State(IntEnum):
    """Where an account stands with its house; from LIQUIDATING on it is seized."""

    HEALTHY = 0
    CALLED = 1  # has a margin call
    LIQUIDATING = 2
    CLOSED = 3


@dataclass(frozen=True)
class FeeSchedule:
    """Fees per instrument as shares of value, and who earns them; every array is (n_instruments,)."""

    taker: NDArray[np.float64]
    maker: NDArray[np.float64]  # negative: a rebate, paid by the fee account
    liquidation: NDArray[np.float64]  # on top, for fills of forced orders
    fee_account: Ints  # account that earns taker and maker fees
    fund_account: Ints  # account that earns liquidation fees

    @classmethod
    def flat(
        cls, n_instruments: int, *, taker: float, maker: float, liquidation: float, fee_account: int, fund_account: int
    ) -> FeeSchedule:
        """The same fees for all instruments, one house."""
        return cls(
            taker=_column(taker, n_instruments, np.float64),
            maker=_column(maker, n_instruments, np.float64),
            liquidation=_column(liquidation, n_instruments, np.float64),
            fee_account=_column(fee_account, n_instruments, np.int64),
            fund_account=_column(fund_account, n_instruments, np.int64),
        )


@dataclass(frozen=True)
class Conservation:
    """What is missing from or too much in the ledger; zero everywhere or there is a bug."""

    cash_error: Ints  # (n_currencies,), cash units
    lots_error: Ints  # (n_instruments,), lots


@dataclass
class Ledger:
    """The table of accounts. Rows are accounts; two-dimensional arrays are stored by column, as kernels read them.

    `cash` and `position` are money; `cost` and `realised` are a memo (average cost) with cost - realised = sum of values
    paid, so that the profit of a leg since the opening is realised + value - cost.
    """

    instruments: Instruments
    owner: Ints  # (n_accounts,), trader row, or -1
    house: Ints  # (n_accounts,)
    guarantor: Ints  # (n_accounts,), account of the clearing member behind it, or -1
    mode: NDArray[np.int8]  # (n_accounts,), Mode
    state: NDArray[np.int8]  # (n_accounts,), State
    cash: Ints  # (n_accounts, n_currencies), cash units
    position: Ints  # (n_accounts, n_instruments), lots
    cost: Ints  # (n_accounts, n_instruments), cash units, entry value of the open position, signed like it
    realised: Ints  # (n_accounts, n_instruments), cash units
    currency: Ints  # (n_instruments,), column of `cash` that settles the instrument
    initial: Ints  # (n_currencies,), cash at the opening
    issued: Ints  # (n_instruments,), lots that exist: 0 for derivatives
    cash_unit: float  # currency per cash unit
    deposited: Ints = field(init=False)  # (n_currencies,), since the opening
    withdrawn: Ints = field(init=False)

    def __post_init__(self) -> None:
        self.deposited = np.zeros_like(self.initial)
        self.withdrawn = np.zeros_like(self.initial)

    @classmethod
    def open(
        cls,
        instruments: Instruments,
        cash: ArrayLike,
        *,
        owner: ArrayLike = -1,
        house: ArrayLike = 0,
        guarantor: ArrayLike = -1,
        mode: ArrayLike = Mode.CROSS,
        position: ArrayLike | None = None,
        currency: ArrayLike = 0,
        issued: ArrayLike = 0,
        cash_unit: float = 1.0,
    ) -> Ledger:
        """Accounts with `cash` (n_accounts,) or (n_accounts, n_currencies), and the other columns broadcast to them.

        An opening `position` (n_accounts, n_instruments) is paid for out of `cash` at the opening tick, so that equity at
        the opening is the cash given here. Raises ValueError if positions do not sum to `issued`.
        """
        money = np.array(cash, dtype=np.int64, order="F", ndmin=2).reshape(np.shape(cash)[0], -1, order="F")
        n_accounts, n_instruments = len(money), len(instruments)
        lots = np.zeros((n_accounts, n_instruments), dtype=np.int64, order="F")
        lots[:] = 0 if position is None else position
        exists = _column(issued, n_instruments, np.int64)
        if (lots.sum(axis=0) != exists).any():
            raise ValueError(f"ledger: opening positions must sum to {exists.tolist()} lots, were {lots.sum(axis=0).tolist()}")
        ledger = cls(
            instruments=instruments,
            owner=_column(owner, n_accounts, np.int64),
            house=_column(house, n_accounts, np.int64),
            guarantor=_column(guarantor, n_accounts, np.int64),
            mode=_column(mode, n_accounts, np.int8),
            state=_column(State.HEALTHY, n_accounts, np.int8),
            cash=money,
            position=lots,
            cost=np.asfortranarray(lots * (instruments.opening_tick * instruments.unit)),
            realised=np.zeros_like(lots, order="F"),
            currency=_column(currency, n_instruments, np.int64),
            initial=np.zeros(money.shape[1], dtype=np.int64),
            issued=exists,
            cash_unit=cash_unit,
        )
        for j in range(n_instruments):
            ledger.cash[:, ledger.currency[j]] -= ledger.cost[:, j]
        ledger.initial[:] = ledger.cash.sum(axis=0)
        return ledger

    def __len__(self) -> int:
        return len(self.owner)

    def settle(self, fills: Fills, fees: FeeSchedule) -> None:
        """Book a batch of fills (n,) FILL on takers and makers, fees included."""
        terms = np.stack([self.instruments.unit, self.currency, fees.fee_account, fees.fund_account])
        rates = np.stack([fees.taker, fees.maker, fees.liquidation])
        kernel.settle(fills, self.cash, self.position, self.cost, self.realised, terms, rates, int(Reason.FORCED))

    def transfer(self, source: ArrayLike, target: ArrayLike, amount: ArrayLike, currency: int = 0) -> None:
        """Move whole amounts (n,) from `source` to `target` accounts (broadcast); a negative amount flows back."""
        source, target, amount = np.broadcast_arrays(_rows(source), _rows(target), _whole("amount", amount))
        np.subtract.at(self.cash[:, currency], source, amount)
        np.add.at(self.cash[:, currency], target, amount)

    def deposit(self, account: ArrayLike, amount: ArrayLike, currency: int = 0) -> None:
        """Bring new money (n,) >= 0 into the ledger, on record."""
        account, amount = np.broadcast_arrays(_rows(account), _outside("deposit", amount))
        np.add.at(self.cash[:, currency], account, amount)
        self.deposited[currency] += amount.sum()

    def withdraw(self, account: ArrayLike, amount: ArrayLike, currency: int = 0) -> None:
        """Take money (n,) >= 0 out of the ledger, on record."""
        account, amount = np.broadcast_arrays(_rows(account), _outside("withdraw", amount))
        np.subtract.at(self.cash[:, currency], account, amount)
        self.withdrawn[currency] += amount.sum()

    def takeover(
        self, source: ArrayLike, target: ArrayLike, instrument: ArrayLike, lots: ArrayLike, value: ArrayLike
    ) -> None:
        """Move positions off the book (broadcast, in order): `lots` signed, the target pays the source `value`, signed alike.

        A long of 3 lots worth 30: lots=3, value=30. A short: lots=-3, value=-30, so the source pays the target.
        """
        columns = (_rows(source), _rows(target), _rows(instrument), _whole("lots", lots), _whole("value", value))
        moves = np.stack([np.atleast_1d(column) for column in np.broadcast_arrays(*columns)], axis=1)
        kernel.take_over(moves, self.cash, self.position, self.cost, self.realised, self.currency)

    def equity(self, price: Ints) -> Ints:
        """Cash plus value of positions, (n_accounts,) cash units, currencies at par.

        `price` (n_instruments,) is cash units per lot: mark in ticks x unit.
        """
        equity: Ints = self.cash.sum(axis=1)
        for j in range(len(price)):
            equity += self.position[:, j] * price[j]
        return equity

    def equity_of(self, rows: Ints, price: Ints) -> Ints:
        """`equity` of the accounts `rows` (m,)."""
        return equity_of(rows, self.cash, self.position, price)

    def conservation(self) -> dict[str, int]:
        """Sums of absolute errors over currencies (`cash_error`) and instruments (`lots_error`): 0 unless there is a bug."""
        errors = self.errors()
        return {"cash_error": int(np.abs(errors.cash_error).sum()), "lots_error": int(np.abs(errors.lots_error).sum())}

    def errors(self) -> Conservation:
        """Errors of the two laws: cash = initial + deposits - withdrawals, lots = issued."""
        expected = self.initial + self.deposited - self.withdrawn
        return Conservation(self.cash.sum(axis=0) - expected, self.position.sum(axis=0) - self.issued)

    def assert_conserved(self) -> None:
        """Raise AssertionError, with the sums over accounts, if a unit of cash or a lot was made or lost."""
        error = self.errors()
        for c in np.flatnonzero(error.cash_error):
            held, expected = self.cash[:, c].sum(), self.initial[c] + self.deposited[c] - self.withdrawn[c]
            raise AssertionError(
                f"cash of currency {c} must sum to {expected} (initial {self.initial[c]} + deposited {self.deposited[c]}"
                f" - withdrawn {self.withdrawn[c]}) over {len(self)} accounts, was {held}"
            )
        for j in np.flatnonzero(error.lots_error):
            held = self.position[:, j].sum()
            raise AssertionError(
                f"positions in {self.instruments.names[j]} must sum to {self.issued[j]} lots"
                f" over {len(self)} accounts, was {held}"
            )


def _column(value: ArrayLike, size: int, dtype: type[Scalar]) -> NDArray[Scalar]:
    return np.array(np.broadcast_to(np.asarray(value, dtype=dtype), (size,)))


def _rows(rows: ArrayLike) -> Ints:
    return np.asarray(rows, dtype=np.int64)


def _whole(name: str, amount: ArrayLike) -> Ints:
    whole = np.asarray(amount)
    if whole.size and whole.dtype.kind not in "iu":
        raise ValueError(f"ledger: {name} must be whole numbers, was {whole.dtype}")
    return whole.astype(np.int64)


def _outside(verb: str, amount: ArrayLike) -> Ints:
    whole = _whole("amount", amount)
    if (whole < 0).any():
        raise ValueError(f"ledger: {verb} must be >= 0, was {whole.min()}")
    return whole

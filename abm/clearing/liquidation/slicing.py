"""Slicing: how much of what is to be closed goes to the book now."""

from __future__ import annotations

from math import acosh
from typing import Annotated, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from abm.clearing.allocate import allocate
from abm.clearing.liquidation.turnover import Room
from abm.record import Record, param

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


class Pace(NamedTuple):
    """Where the accounts to be sliced stand, in the order in which they are served; k accounts."""

    since_first: Floats  # (k,), seconds since the first slice, -1 before it
    interval: float  # seconds between two slices of an account
    room: Room  # what is traded leaves to forced orders


class AtOnce(Record):
    """All of it."""

    kind: Literal["at_once"] = "at_once"

    def now(self, lots: Ints, pace: Pace) -> Ints:
        """All of `lots` (k, n_instruments)."""
        return lots


class Participation(Record):
    """A share of what is traded: forced orders are paced by the volume of the instrument, over all accounts of the venue.

    Not suitable where little but forced orders is traded: then one lot per window is sold.
    """

    kind: Literal["participation"] = "participation"
    share: float = param(
        0.1,
        unit="share of traded lots",
        source="choice, swept: volume participation algorithms of brokers and venues leave the rate to the user",
        help="Forced fills are kept at this share of the lots traded in the window, at least one lot.",
        gt=0,
        le=1,
    )
    window: float = param(
        60.0, unit="s", source="choice, swept", help="Time over which traded lots are counted, the step under way included.", gt=0
    )

    def now(self, lots: Ints, pace: Pace) -> Ints:
        """What room there is, shared over accounts in proportion to `lots` (k, n_instruments), signed like them."""
        room, wanted = pace.room(self.share, self.window), np.abs(lots)
        for j in np.flatnonzero(wanted.sum(axis=0) > room):
            wanted[:, j] = allocate(int(room[j]), wanted[:, j])
        return np.sign(lots) * wanted


class AlmgrenChriss(Record):
    """The trajectory of least cost and risk: sinh(kappa (T - t)) / sinh(kappa T) of it is left t after the first slice.

    Each slice sends the share of what is left that the trajectory sends until the next one, rounded up to lots, so that an
    order that the book did not fill is caught up with over the rest; from T on everything is sent.
    Source: Almgren & Chriss 2000, Optimal execution of portfolio transactions, J. Risk 3(2), equations of section 2.2.
    """

    kind: Literal["almgren_chriss"] = "almgren_chriss"
    horizon: float = param(300.0, unit="s", source="choice, swept", help="T: time after which nothing is left.", gt=0)
    kappa: float = param(
        0.01,
        unit="1/s",
        source="choice, swept; Almgren & Chriss 2000: 1/kappa is the half-life of a trade, `urgency` finds it from costs",
        help="Haste: the trajectory falls by a factor e in 1/kappa; 0 sells evenly.",
        ge=0,
        le=100,
    )

    def now(self, lots: Ints, pace: Pace) -> Ints:
        """The part of `lots` (k, n_instruments) that is due until the next slice."""
        since = np.maximum(pace.since_first, 0.0)
        rest = self.left(since)
        share = 1.0 - self.left(since + pace.interval) / np.where(rest > 0, rest, 1.0)
        return np.sign(lots) * np.ceil(np.round(share[:, np.newaxis] * np.abs(lots), 9)).astype(np.int64)

    def left(self, seconds: Floats) -> Floats:
        """Share that is left `seconds` (k,) after the first slice, in [0, 1]."""
        rest = np.maximum(self.horizon - seconds, 0.0)
        if self.kappa * self.horizon < 1e-6:  # the limit, to twelve digits
            return np.asarray(rest / self.horizon)
        a, b = self.kappa * rest, self.kappa * self.horizon
        return np.asarray(np.exp(a - b) * np.expm1(-2.0 * a) / np.expm1(-2.0 * b))


def urgency(*, risk_aversion: float, volatility: float, temporary: float, permanent: float = 0.0, interval: float) -> float:
    """kappa of `AlmgrenChriss`, per unit of the time in which the arguments are stated.

    `risk_aversion` lambda per currency, `volatility` sigma currency per square root of time, `temporary` eta currency x time
    per unit squared, `permanent` gamma currency per unit squared, `interval` tau: with eta~ = eta - gamma tau / 2,
    cosh(kappa tau) = 1 + lambda sigma^2 tau^2 / (2 eta~). Raises ValueError if eta~ <= 0. Source: as `AlmgrenChriss`.
    """
    effective = temporary - permanent * interval / 2
    if effective <= 0:
        least = permanent * interval / 2
        raise ValueError(f"urgency: temporary must be above permanent x interval / 2 = {least:g}, was {temporary:g}")
    return acosh(1 + risk_aversion * volatility**2 * interval**2 / (2 * effective)) / interval


Slicing = Annotated[AtOnce | Participation | AlmgrenChriss, Field(discriminator="kind")]

"""Shocks: relative moves of the outside value of stated assets, at once or ramped, for good or with a recovery."""

from __future__ import annotations

import difflib
import math
from collections.abc import Sequence
from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from abm.record import Record, param

Move = Annotated[float, Field(gt=-1.0, le=3.0)]
Moves = Annotated[tuple[Move, ...], Field(strict=False)]

LN2 = 0.6931471805599453
TAYLOR_TERMS = 18  # LN2**18 / 18! < 2e-19: below the last bit of a double


def halved(times: float) -> float:
    """2 ** -times for times >= 0 from + - * / alone, so that it has the same bits on every platform."""
    whole = math.floor(times)
    x = (times - whole) * LN2
    total = 1.0
    for k in range(TAYLOR_TERMS, 0, -1):
        total = 1.0 - x / k * total
    return math.ldexp(total, -whole)


def steps(seconds: float, step_seconds: float) -> int:
    """Steps that cover a duration: ceil(seconds / step), forgiving the last bits of the division (0.07 / 0.01 is 7 steps)."""
    return math.ceil(seconds / step_seconds * (1.0 - 1e-12))


def nearest(name: str, names: Sequence[str]) -> str:
    """The end of an error message about an unknown name: the nearest valid one, or all of them."""
    close = difflib.get_close_matches(name, names, n=1, cutoff=0.4)
    return f"did you mean {close[0]!r}?" if close else f"known: {', '.join(names)}"


class Shock(Record):
    """A relative move of the outside value of one or several assets, on top of all that is drawn.

    The path of value is multiplied by 1 + size x share; share rises linearly from 0 at `at` to 1 at `at + ramp`
    (steps = ceil(ramp / step)), then halves every `recovery` seconds if a recovery is given. Nothing is drawn, so
    before `at` and in other assets the run equals the run without the shock, bit for bit.
    """

    kind: Literal["relative"] = "relative"
    name: str = param(unit="name", source="scenario", help="Name of the shock.", min_length=1)
    assets: tuple[str, ...] = param(unit="names", source="scenario", help="Assets that move.", min_length=1, strict=False)
    size: Move | Moves = param(unit="share of value", source="scenario", help="Move: one for all assets or one per asset.")
    at: float = param(unit="s", source="scenario", help="Time of the first move since the opening.", ge=0.0)
    ramp: float = param(0.0, unit="s", source="choice of regime: an instant move is the harshest",
                        help="Time over which the move builds up; 0 = at once.", ge=0.0)  # fmt: skip
    recovery: float | None = param(None, unit="s", source="choice of regime: permanent news",
                                   help="Half-life of the move after the ramp; none = permanent.", gt=0.0)  # fmt: skip

    @model_validator(mode="after")
    def _one_size_per_asset(self) -> Shock:
        for asset in self.assets:
            if self.assets.count(asset) > 1:
                raise ValueError(f"shock {self.name!r}: assets must differ, {asset!r} occurs twice")
        if isinstance(self.size, tuple) and len(self.size) != len(self.assets):
            raise ValueError(f"shock {self.name!r}: size must be one number or one per asset"
                             f" ({len(self.assets)}), were {len(self.size)}")  # fmt: skip
        return self

    def check(self, names: Sequence[str], step_seconds: float, duration: float) -> None:
        """Raise ValueError, in one line, if the shock does not fit the assets, the step or the length of the run."""
        for asset in self.assets:
            if asset not in names:
                raise ValueError(f"shock {self.name!r}: unknown asset {asset!r}; {nearest(asset, names)}")
        for key, length in (("ramp", self.ramp), ("recovery", self.recovery)):
            if length and length < step_seconds:
                raise ValueError(f"shock {self.name!r}: {key} of {length:g} s is shorter than the step of"
                                 f" {step_seconds:g} s; shorten the step or lengthen the {key}")  # fmt: skip
        if self.at >= duration:
            raise ValueError(f"shock {self.name!r}: at {self.at:g} s it strikes after the end of the run ({duration:g} s)")

    def moves(self, names: Sequence[str]) -> NDArray[np.float64]:
        """The full move of every asset, (n_assets,), 0 where the shock is not stated."""
        sizes = self.size if isinstance(self.size, tuple) else (self.size,) * len(self.assets)
        stated = dict(zip(self.assets, sizes, strict=True))
        return np.array([stated.get(name, 0.0) for name in names], dtype=np.float64)

    def share(self, step: int, step_seconds: float) -> float:
        """Share of the move in force at time step x step_seconds, in [0, 1]."""
        since = step - steps(self.at, step_seconds)
        ramp = steps(self.ramp, step_seconds)
        if since < 0:
            return 0.0
        if since < ramp:
            return since / ramp
        return 1.0 if self.recovery is None else halved((since - ramp) * step_seconds / self.recovery)


def transmitted(
    moves: NDArray[np.float64], correlation: NDArray[np.float64], volatility: NDArray[np.float64], transmission: float
) -> NDArray[np.float64]:
    """Moves (n_assets,) with those of the assets not stated added: beta x the stated move, the largest one if several.

    beta = transmission x correlation[i, j] x volatility[j] / volatility[i] (least-squares slope for transmission 1).
    """
    passed = moves.copy()
    for j in np.flatnonzero(moves == 0.0):
        for i in np.flatnonzero(moves):
            move = moves[i] * transmission * correlation[i, j] * volatility[j] / volatility[i]
            if abs(move) > abs(passed[j]):
                passed[j] = move
    return passed

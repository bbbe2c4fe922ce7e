"""The clock of a run."""

from __future__ import annotations

from typing import Literal

from pydantic import model_validator

from abm.record import Record, param
from abm.world.shocks import steps


class Time(Record):
    """Step, length and quiet beginning of a run, in seconds."""

    step_seconds: float = param(
        5.0,
        unit="s",
        source="choice: marks of venues update every 1 to 3 s; halved and quartered in a study",
        help="Length of one step.",
        gt=0,
        le=3600,
    )
    duration: float = param(
        3600.0,
        unit="s",
        source="choice: most forced volume of a cascade falls within an hour (Amberdata, 10 Oct 2025: 70 % in 40 min)",
        help="Length of the run; steps = duration / step, rounded up.",
        gt=0,
    )
    burn_in: float = param(
        600.0,
        unit="s",
        source="choice: five times the slowest refill half-life of the books, so that they are stationary",
        help="Quiet beginning; measures of a calm market are taken in it.",
        ge=0,
    )

    forced_orders: Literal["last", "interleaved"] = param(
        "last",
        unit="choice",
        source="choice of regime: an assumption on who is faster; engines of venues act on every mark, traders see it too",
        help="Forced orders of a step meet the books after those of traders, or among them in the order of priority keys.",
    )

    @property
    def steps(self) -> int:
        """Number of steps."""
        return steps(self.duration, self.step_seconds)

    @model_validator(mode="after")
    def _fits(self) -> Time:
        if self.burn_in >= self.duration:
            raise ValueError(f"burn_in must be below duration={self.duration:g} s, was {self.burn_in:g}")
        if self.steps > 1_000_000:  # noqa: PLR2004
            raise ValueError(f"duration must be at most 1,000,000 steps of {self.step_seconds:g} s, was {self.duration:g}")
        return self

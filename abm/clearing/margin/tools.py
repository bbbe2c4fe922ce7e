"""Tools against procyclicality: what a margin multiple becomes before it is charged (EMIR RTS 153/2013, Art. 28)."""

from __future__ import annotations

from typing import Annotated, Literal, NamedTuple

from pydantic import Field

from abm.record import Record, param

_ARTICLE = "EMIR RTS 153/2013 Art. 28(1)"


class Charged(NamedTuple):
    """One step's multiples: `calculated` by the rule, `before` as it was some time ago, `last` as charged last."""

    calculated: float
    before: float
    last: float
    elapsed: float  # s since the last step


class _Tool(Record):
    """What all tools share."""

    @property
    def lookback(self) -> float:
        """How far back a tool compares, s."""
        return 0.0


class NoTool(_Tool):
    """The multiple is charged as calculated."""

    kind: Literal["none"] = "none"

    def charge(self, now: Charged) -> float:
        """The multiple to charge."""
        return now.calculated


class Buffer(Record):
    """Tool (a): a buffer on top in calm times, used up while margins rise, rebuilt slowly after."""

    kind: Literal["buffer"] = "buffer"
    share: float = param(
        0.25, unit="share of margin", source=f"{_ARTICLE}(a): at least 25 %", help="Size of the buffer.", ge=0, le=2
    )
    release: float = param(
        0.05,
        unit="share",
        source="choice; the article says «rise significantly»",
        help="Rise that releases the buffer.",
        ge=0,
        le=5,
    )
    lookback: float = param(3_600.0, unit="s", source="choice of regime, swept", help="Time over which a rise is measured.", gt=0)
    rebuild_half_life: float = param(
        86_400.0, unit="s", source="choice of regime, swept", help="Half-life at which the buffer is rebuilt.", gt=0
    )

    def charge(self, now: Charged) -> float:
        """max(m, min((1 + share) m, last)) while m rises, else towards (1 + share) m; never outside these two."""
        full = (1.0 + self.share) * now.calculated
        aim = now.last
        if now.calculated <= (1.0 + self.release) * now.before:
            aim = full + (now.last - full) * 0.5 ** (now.elapsed / self.rebuild_half_life)
        return max(now.calculated, min(full, aim))


class StressedWeight(_Tool):
    """Tool (b): stressed observations always have a weight."""

    kind: Literal["stressed"] = "stressed"
    weight: float = param(
        0.25, unit="share", source=f"{_ARTICLE}(b): at least 25 %", help="Of the stressed multiple.", ge=0, le=1
    )
    multiple: float = param(2.5, unit="multiple", source="choice of regime, swept", help="The multiple in stress.", ge=0, le=20)

    def charge(self, now: Charged) -> float:
        """(1 - weight) m + weight x stressed multiple."""
        return (1.0 - self.weight) * now.calculated + self.weight * self.multiple


class LongLookback(_Tool):
    """Tool (c): never below what the volatility of ten years asks."""

    kind: Literal["lookback"] = "lookback"
    multiple: float = param(
        1.5,
        unit="multiple",
        source=f"{_ARTICLE}(c): volatility over ten years; per opening volatility it is a choice, swept",
        help="The multiple that the long lookback asks.",
        ge=0,
        le=20,
    )

    def charge(self, now: Charged) -> float:
        """max(m, long-run multiple)."""
        return max(now.calculated, self.multiple)


Tool = Annotated[NoTool | Buffer | StressedWeight | LongLookback, Field(discriminator="kind")]

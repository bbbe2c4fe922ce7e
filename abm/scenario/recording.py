"""What is kept of a run beside its events."""

from __future__ import annotations

from abm.record import Record, param


class Recording(Record):
    """Settings of the record; they change nothing in the market."""

    depth_within: float = param(
        0.01,
        unit="share of the mid price",
        source="convention: depth within 1 % (Kaiko, FTI)",
        help="Recorded depth counts resting orders no further than this from the mid price.",
        gt=0,
        le=0.5,
    )
    genealogy: bool = param(
        True,
        unit="yes or no",
        source="choice: a study of other measures saves the time",
        help="Carry the causes of every move to the marks and look back from seized accounts; off, what needs it is unavailable.",
    )
    parents_max: int = param(
        1_000,
        unit="liquidations",
        source="choice: memory grows with the square",
        help="Liquidations told apart as parents of later ones; beyond, they are told as one.",
        ge=0,
        le=10_000,
    )
    health_interval: float = param(
        60.0, unit="s", source="choice", help="Time between two snapshots of the health of all accounts.", gt=0
    )

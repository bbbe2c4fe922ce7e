"""The currency in which everything is settled."""

from __future__ import annotations

from abm.record import Record, param


class Money(Record):
    """One cash collateral; amounts are whole numbers of its cash unit."""

    currency: str = param("USD", unit="name", source="convention", help="Name of the currency.", min_length=1, max_length=12)
    cash_unit: float = param(
        0.001,
        unit="currency",
        source="choice: finer than any tick times lot in use, so that fills never round",
        help="Smallest amount of money.",
        gt=0,
        le=1,
    )

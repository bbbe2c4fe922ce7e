"""Whether money and lots were conserved, to the unit."""

from __future__ import annotations

from abm.records import Records


def conservation(records: Records) -> dict[str, int]:
    """`cash_error` (cash units) and `lots_error` (lots) of the whole run; both 0 in a sound run."""
    return {name: int(records.meta.conservation[name]) for name in ("cash_error", "lots_error")}

"""Why an account was liquidated and what became of it, from the stored tables of a run: nothing is simulated."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

TAKEN = ("keeper_takeover", "fund_takeover", "vault_takeover", "member_takeover", "auctioned", "adl")
ENDS = ("recovered", "closed")
PARENTS = 5  # earlier liquidations told by name


def explanation(tables: Mapping[str, pd.DataFrame], account: int) -> dict[str, Any]:
    """Every liquidation of `account`, in order; `tables` are `seizures`, `lineage`, `liquidations` and `events` of a run.

    Quantities in units of the asset, money in currency, losses positive. KeyError if the account was never seized.
    """
    mine = {name: table[table["account"] == account] for name, table in tables.items()}
    if mine["seizures"].empty:
        raise KeyError(account)
    names = tables["seizures"].drop_duplicates("liquidation").set_index("liquidation")["account"]
    numbers = mine["seizures"]["liquidation"].drop_duplicates().tolist()
    starts = mine["seizures"].drop_duplicates("liquidation")["step"].tolist()
    groups = mine["liquidations"]["group"].dropna()
    return {
        "account": account,
        "trader": int(mine["seizures"]["trader"].iloc[0]),
        "group": str(groups.iloc[0]) if len(groups) else None,
        "liquidations": [
            _one({name: _within(table, start, end) for name, table in mine.items()}, number, names)
            for number, start, end in zip(numbers, starts, [*starts[1:], None], strict=True)
        ],
    }


def _within(table: pd.DataFrame, start: int, end: int | None) -> pd.DataFrame:
    """Rows from step `start` on, before step `end`."""
    later = table[table["step"] >= start]
    return later if end is None else later[later["step"] < end]


def _one(tables: Mapping[str, pd.DataFrame], number: int, names: pd.Series) -> dict[str, Any]:
    legs, lineage, events = tables["seizures"], tables["lineage"], tables["events"]
    first = legs.iloc[0]
    ended = events[events["kind"].isin(ENDS)]
    lost = lineage.groupby("instrument")["loss"].sum()
    return {
        "liquidation": int(number),
        "seconds": float(first["seconds"]),
        "equity": float(first["equity"]),
        "maintenance": float(first["maintenance"]),
        "legs": [_leg(leg, float(lost.get(leg["instrument"], 0.0))) for _, leg in legs.iterrows()],
        "causes": _causes(lineage),
        "parents": _parents(lineage, names),
        "sold": [_sold(name, rows) for name, rows in tables["liquidations"].groupby("instrument", sort=False)],
        "taken": _taken(events),
        "deficit": float(events.loc[events["kind"] == "closed", "amount"].sum()),
        "borne": _borne(events),
        "ended": str(ended["kind"].iloc[0]) if len(ended) else "open",
        "ended_seconds": float(ended["seconds"].iloc[0]) if len(ended) else None,
    }


def _leg(leg: pd.Series, loss: float) -> dict[str, Any]:
    return {
        "instrument": str(leg["instrument"]),
        "quantity": float(leg["quantity"]),
        "mark": float(leg["mark"]),
        "loss": loss,
        "own": float(leg["own"]),
        "alone": float(leg["alone"]),
        "healthy": bool(leg["healthy"]),
    }


def _causes(lineage: pd.DataFrame) -> list[dict[str, Any]]:
    """What each position lost (or, negative, gained) through each cause since it last changed, the largest first."""
    found = lineage.groupby(["instrument", "cause"])["loss"].sum().reset_index().sort_values(by="loss", ascending=False)
    return [{"instrument": i, "cause": c, "loss": float(x)} for i, c, x in found.itertuples(index=False, name=None)]


def _parents(lineage: pd.DataFrame, names: pd.Series) -> list[dict[str, Any]]:
    """Earlier liquidations whose forced orders it lost most through, netted over its positions."""
    named = lineage[lineage["parent"] >= 0].groupby("parent")["loss"].sum()
    worst = named[named > 0].nlargest(PARENTS)
    pairs = zip(worst.index.tolist(), worst.tolist(), strict=True)
    return [{"liquidation": number, "account": int(names.get(number, -1)), "loss": loss} for number, loss in pairs]


def _sold(name: Any, rows: pd.DataFrame) -> dict[str, Any]:
    """Forced orders in one instrument: what was asked is not added up, since the rest of a slice is asked again."""
    filled, value, mark = float(rows["filled"].sum()), float(rows["value"].sum()), float(rows["mark_value"].sum())
    return {
        "instrument": str(name),
        "filled": filled,
        "value": value,
        "price": value / abs(filled) if filled else None,
        "mark": mark / abs(filled) if filled else None,
        "cost": (mark - value if filled < 0 else value - mark) if filled else 0.0,
        "unfilled": not filled,
    }


def _taken(events: pd.DataFrame) -> list[dict[str, Any]]:
    """Positions that others took off the books, by how and in what; from how many accounts."""
    found = events[events["kind"].isin(TAKEN) & events["instrument"].notna() & (events["quantity"] != 0)]
    return [
        {
            "how": str(kind),
            "instrument": str(name),
            "quantity": float(rows["quantity"].sum()),
            "value": float(rows["value"].abs().sum()),
            "accounts": sorted({int(a) for a in rows["counterparty"]}),
        }
        for (kind, name), rows in found.groupby(["kind", "instrument"], sort=False)
    ]


def _borne(events: pd.DataFrame) -> list[dict[str, Any]]:
    """Who bore what the account could not pay, by event."""
    bearers = (*TAKEN, "fund_paid", "socialised", "member_paid", "skin_paid", "contributed", "assessed", "gains_haircut")
    found = events[events["kind"].isin(bearers) & (events["amount"] > 0)]
    return [
        {"by": str(kind), "amount": float(rows["amount"].sum()), "accounts": int(rows["counterparty"].nunique())}
        for kind, rows in found.groupby("kind", sort=False)
    ]

"""The command `explain`: why an account of a stored run was liquidated, in words and a table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from abm.cli.errors import Mistake
from abm.cli.output import dumps
from abm.cli.reading import money, percent, whole
from abm.cli.results import summary_of, table_of

if TYPE_CHECKING:
    from rich.table import Table

SOME = 5  # accounts that a refusal names
LEAST = 0.5  # currency, of a loss that is told
CAUSES = {
    "outside": "the outside value",
    "quotes": "quotes",
    "trades": "trades that nobody was forced to",
    "unwind": "unwinding of what was taken over",
    "forced": "forced orders of earlier liquidations",
    "rest": "rounding",
    "stops": "stop orders of others",
}
TAKERS = {
    "keeper_takeover": "a keeper took",
    "fund_takeover": "the insurance fund took",
    "vault_takeover": "the vault took",
    "member_takeover": "its clearing member took",
    "auctioned": "an auction passed on",
    "adl": "auto-deleveraging closed against others",
}
BEARERS = {
    "fund_paid": "the insurance fund",
    "fund_takeover": "the insurance fund",
    "keeper_takeover": "keepers",
    "vault_takeover": "the vault",
    "auctioned": "winners of the auction",
    "adl": "auto-deleveraged accounts",
    "socialised": "all others (socialised)",
    "member_paid": "its clearing member",
    "member_takeover": "its clearing member",
    "skin_paid": "the house's own money",
    "contributed": "other members' contributions",
    "assessed": "calls on other members",
    "gains_haircut": "cuts of gains",
}
ENDS = {"recovered": "It was healthy again", "closed": "It was closed", "open": "It was still being liquidated at the end"}


@click.command("explain")
@click.argument("directory", metavar="DIR")
@click.argument("account")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object on stdout and nothing else.")
def explain(directory: str, account: str, as_json: bool) -> None:
    """Tell from the results in DIR why ACCOUNT was liquidated, through whom, and who took and bore the rest."""
    from abm.measures.explanation import explanation

    summary = summary_of(directory)
    tables = {name: table_of(directory, name) for name in ("seizures", "lineage", "liquidations", "events")}
    accounts = tables["seizures"]["account"].drop_duplicates().tolist()
    if not account.isdecimal() or int(account) not in accounts:
        raise Mistake(_refusal(directory, account, accounts))
    told = explanation(tables, int(account))
    if as_json:
        click.echo(dumps({"results": directory, "currency": summary["currency"], **told}), nl=False)
        return
    from abm.cli.console import console

    shown = console()
    for one in told["liquidations"]:
        shown.print(legs(one, told["account"], summary["currency"]))
        shown.print(f"\n{words(one, told, summary['currency'])}\n")


def _refusal(directory: str, account: str, accounts: list[int]) -> str:
    if not account.isdecimal():
        return f"ACCOUNT must be a whole number, was {account!r}"
    if not accounts:
        return f"account {account}: no seizure is on record in {directory}; nobody was liquidated, or record.genealogy was off"
    more = f" and {len(accounts) - SOME} more" if len(accounts) > SOME else ""
    told = ", ".join(str(one) for one in accounts[:SOME])
    return f"account {account} was not liquidated in {directory}; these were: {told}{more}"


def legs(one: dict[str, Any], account: int, currency: str) -> Table:
    """What was held at the seizure, what it had lost through what, and whether it stood by itself; a column per position."""
    from rich.table import Table

    title = f"account {account} at its seizure, {clock(one['seconds'])}; money in {currency}"
    drawn = Table(title=title, title_justify="left")
    drawn.add_column("position", no_wrap=True)
    for leg in one["legs"]:
        drawn.add_column(leg["instrument"], justify="right")
    lost = {(c["instrument"], c["cause"]): c["loss"] for c in one["causes"]}
    held = one["legs"]
    drawn.add_row("quantity", *(f"{leg['quantity']:+,.6g}" for leg in held))
    drawn.add_row("mark", *(f"{leg['mark']:,.6g}" for leg in held), end_section=True)
    drawn.add_row("lost since it last changed", *(money(leg["loss"]) for leg in held))
    for cause, said in CAUSES.items():
        if any(abs(lost.get((leg["instrument"], cause), 0.0)) >= LEAST for leg in held):
            drawn.add_row(f"  through {said}", *(money(lost.get((leg["instrument"], cause), 0.0)) for leg in held))
    drawn.add_section()
    drawn.add_row("own share of the collateral", *(money(leg["own"]) for leg in held))
    drawn.add_row("would have to hold alone", *(money(leg["alone"]) for leg in held))
    drawn.add_row("by itself", *("healthy" if leg["healthy"] else "under" for leg in held))
    return drawn


def words(one: dict[str, Any], told: dict[str, Any], currency: str) -> str:
    """One liquidation as a paragraph; every number in it is in the JSON."""
    who = f"Account {told['account']}" + (f" ({told['group']})" if told["group"] else "")
    begun = f"{who} was seized at {clock(one['seconds'])}: it had {money(one['equity'])} {currency}"
    begun += f" and had to hold {money(one['maintenance'])} {currency}."
    parts = (begun, _why(one, currency), _alone(one), _sales(one, currency), _rest(one), _ended(one, currency))
    return " ".join(part for part in parts if part)


def clock(seconds: float) -> str:
    """755.0 -> "12 min 35 s"."""
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if rest else f"{minutes} min"


def _why(one: dict[str, Any], currency: str) -> str:
    worst = max(one["legs"], key=lambda leg: leg["loss"], default=None)
    if worst is None or worst["loss"] <= 0:
        return "None of its positions had lost since it last changed: what it lost is older, or was paid in fees and funding."
    lost = [c for c in one["causes"] if c["instrument"] == worst["instrument"] and c["loss"] > 0 and c["cause"] != "rest"]
    total = sum(c["loss"] for c in lost)
    parts = [f"{percent(c['loss'] / total)} % through {CAUSES[c['cause']]}" for c in lost]
    said = f"Since it last changed, its position in {worst['instrument']} lost most, {money(worst['loss'])} {currency}"
    said += f"; of what went against it came {_listed(parts)}." if parts else "."
    if one["parents"]:
        named = [f"account {p['account']} ({money(p['loss'])} {currency})" for p in one["parents"]]
        said += f" Of earlier liquidations it lost most through the forced orders of {_listed(named)}."
    return said


def _alone(one: dict[str, Any]) -> str:
    if len(one["legs"]) == 1:
        return "It held nothing else."
    healthy = [leg["instrument"] for leg in one["legs"] if leg["healthy"]]
    if not healthy:
        return "No position was healthy by itself."
    verb = "was" if len(healthy) == 1 else "were"
    return f"By {'itself' if len(healthy) == 1 else 'themselves'} {_listed(healthy)} {verb} healthy."


def _sales(one: dict[str, Any], currency: str) -> str:
    said = []
    for sale in one["sold"]:
        if sale["unfilled"]:
            said.append(f"forced orders in {sale['instrument']} found no one")
            continue
        verb, side = ("sold", "below") if sale["filled"] < 0 else ("bought back", "above")
        off = sale["cost"] / (sale["value"] + sale["cost"] if sale["filled"] < 0 else sale["value"] - sale["cost"])
        at = f"at {sale['price']:,.6g}, {percent(abs(off))} % {side if off >= 0 else 'better than'} the mark"
        said.append(f"{abs(sale['filled']):,.6g} {sale['instrument']} was {verb} {at}")
    return f"By force, {_listed(said)}." if said else "Nothing was sold on the book."


def _rest(one: dict[str, Any]) -> str:
    said = []
    for taken in one["taken"]:
        by = taken["accounts"]
        whom = f" (account {by[0]})" if len(by) == 1 else f" ({whole(len(by))} accounts)"
        said.append(f"{TAKERS[taken['how']]} {abs(taken['quantity']):,.6g} {taken['instrument']}{whom}")
    return f"Of the rest, {_listed(said)}." if said else ""


def _ended(one: dict[str, Any], currency: str) -> str:
    when = f" at {clock(one['ended_seconds'])}" if one["ended_seconds"] is not None else ""
    said = f"{ENDS[one['ended']]}{when}."
    if not one["deficit"]:
        return said
    parts = [f"{money(b['amount'])} {currency} by {BEARERS[b['by']]}" for b in one["borne"]]
    borne = parts if len(parts) != 1 else [f"by {BEARERS[one['borne'][0]['by']]}"]
    if not borne:
        return f"{said} It owed {money(one['deficit'])} {currency} more than it had."
    return f"{said} It owed {money(one['deficit'])} {currency} more than it had, borne {_listed(borne)}."


def _listed(parts: list[str]) -> str:
    """ "a", "a and b", "a, b and c"."""
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"

"""The closing paragraph in plain words: what fell, what spread, through what, at whose cost, and how sure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from abm.cli.reading import Reading, Readings, money, percent, times, whole

MATERIAL = 0.001  # share of the opening price: less is said to be nothing
BEARERS = {
    "insurance_fund": "by the insurance fund",
    "keeper": "by the keeper",
    "adl": "by auto-deleveraged accounts",
    "member": "by clearing members for their clients",
    "skin_in_the_game": "by the house's own money",
    "members_fund": "by other members' contributions",
    "assessments": "by calls on other members",
    "gains_haircut": "by cuts of gains",
    "socialised": "by all others (socialised)",
}


def words(summary: Mapping[str, Any]) -> str:
    """One paragraph from a summary, or from one with `seeds`; every number in it is a measure of the summary."""
    readings = Readings(summary)
    parts = [what_fell(readings), what_spread(readings), through_what(readings), at_whose_cost(readings), how_sure(readings)]
    return " ".join(part for part in parts if part)


def what_fell(readings: Readings) -> str:
    """The shock, and the fall of the shocked assets."""
    if not readings.shocked:
        worst = readings.largest("fall")
        told = f": the largest fall of a mark was {worst[1].said(percent, '%')} ({worst[0]})" if worst else ""
        return f"Nothing was shocked{told}."
    return " ".join(_shocked(readings, asset) for asset in readings.shocked)


def _shocked(readings: Readings, asset: str) -> str:
    forced, fall = readings.read(f"forced_fall.{asset}"), readings.read(f"fall.{asset}")
    factor = readings.read(f"amplification.{asset}")
    begun = f"{asset} was shocked"
    if forced is not None:
        begun += f": its outside value was forced down by {forced.said(percent, '%')}"
    if fall is None or fall.value < MATERIAL:
        return f"{begun}; its mark did not fall."
    told = f", {factor.said(times)} times its fall without liquidations" if factor else ""
    return f"{begun}; its mark fell by {fall.said(percent, '%')}{told}."


def what_spread(readings: Readings) -> str:
    """How much lower forced selling took the other assets."""
    if _nobody_liquidated(readings):
        return "No account was liquidated, so nothing was sold by force and nothing spread."
    others = [asset for asset in readings.assets if asset not in readings.shocked]
    if not others:
        return "Every asset was shocked, so what spread between them cannot be told apart here."
    falls = {asset: readings.read(f"excess_fall.{asset}") for asset in others}
    if None in falls.values():
        return "What spread to other assets cannot be told without the twin no_liquidation."
    spread = _spread(readings)
    if not spread:
        return f"No other asset fell materially ({percent(MATERIAL)} % or more) below its path without liquidations."
    told = _listed([f"{asset} {reading.said(percent, '%')}" for asset, reading in spread.items()])
    return f"At their worst, liquidations held {told} below the path without liquidations."


def through_what(readings: Readings) -> str:
    """Liquidated accounts, healthy positions among them, thin books, and what shared collateral had to do with it."""
    if _nobody_liquidated(readings):
        return ""
    return " ".join(filter(None, (_liquidated(readings), _infected(readings), _books(readings), _collateral(readings))))


def _liquidated(readings: Readings) -> str:
    accounts, share = readings.read("liquidations.accounts"), readings.read("forced_share")
    healthy, most = readings.read("healthy_closed_share"), readings.largest("liquidations.notional")
    assert accounts is not None  # somebody was liquidated
    said = f"{accounts.said(whole)} {'account was' if accounts.value == 1 else 'accounts were'} liquidated"
    if share is None or most is None or most[1].value == 0:
        return f"{said}, but no forced order was filled."
    said += f"; forced orders worth {share.said(percent, '%')} of the opening open interest were filled,"
    said += f" the largest part in {most[0]} ({most[1].said(money, readings.currency)})."
    if healthy is None:
        return said
    part = healthy.said(percent, "%") if healthy.value > 0 else "None"
    return f"{said} {part} of this was in positions that were healthy by themselves."


def _infected(readings: Readings) -> str:
    share, offspring = readings.read("genealogy.forced_loss_share"), readings.read("reproduction_number.genealogy")
    generations, tree = readings.read("genealogy.generations"), readings.read("genealogy.largest_tree")
    if share is None or offspring is None or generations is None or tree is None:
        return ""
    if share.value <= 0:
        return "None of what they had lost went through forced orders of others."
    said = f"{share.said(percent, '%')} of what they had lost went through forced orders of others;"
    said += f" a liquidation set off {offspring.said(times)} more on average, over {generations.said(whole)}"
    said += f" {'generation' if generations.value == 1 else 'generations'}, and the largest tree had {tree.said(whole)}."
    return said


def _books(readings: Readings) -> str:
    left = {a: reading for a in readings.assets if (reading := readings.read(f"depth_min.{a}")) is not None}
    if not left:
        return ""
    asset = min(left, key=lambda a: left[a].value)
    gone = left[asset].lost()
    if gone.value <= 0:
        return "The books kept all their bids near the mark."
    within = f"{100 * readings.summary['depth_within']:g} %"
    makers = readings.read("makers_withdrawn")
    noun = "maker" if makers and makers.value == 1 else "makers"
    fled = f", and up to {makers.said(whole)} {noun} stopped quoting at once" if makers and makers.value > 0 else ""
    return f"The book of {asset} lost {gone.said(percent, '%')} of its bids within {within} of the mark{fled}."


def _collateral(readings: Readings) -> str:
    spread = _spread(readings)
    if not spread:
        return ""
    asset = max(spread, key=lambda a: spread[a].value)
    isolated = readings.read(f"twins.isolated.excess_fall.{asset}")
    if isolated is None:
        return ""
    kept = isolated.value / spread[asset].value
    verdict = (
        "most of the spread needed shared collateral"
        if kept <= 0.5
        else "part of the spread needed shared collateral"
        if kept < 0.9
        else "the spread did not need shared collateral"
    )
    against = f"{asset} would have been {isolated.said(percent, '%')} below instead of {percent(spread[asset].value)} %"
    return f"With isolated margin {against}: {verdict}."


def at_whose_cost(readings: Readings) -> str:
    """Bad debt and its bearers, and the makers."""
    if _nobody_liquidated(readings):
        return _uncollected(readings)
    total = readings.read("bad_debt.total")
    if total is None or total.value == 0:
        cost = "No account ended below zero: the losses stayed with those who were liquidated and those who traded with them."
    else:
        parts = {said: readings.read(f"bad_debt.{part}") for part, said in BEARERS.items()}
        borne = {said: reading for said, reading in parts.items() if reading is not None and reading.value > 0}
        shares = [f"{reading.said(money, readings.currency)} {said}" for said, reading in borne.items()]
        cost = f"Losses beyond the accounts' equity came to {total.said(money, readings.currency)}"
        cost += f", borne {_listed(shares if len(borne) > 1 else list(borne))}." if borne else "."
    return " ".join(filter(None, (cost, _uncollected(readings), _makers(readings))))


def _uncollected(readings: Readings) -> str:
    owed = readings.read("uncollected")
    return f"{owed.said(money, readings.currency)} of negative equity was never collected." if owed and owed.value > 0 else ""


def _makers(readings: Readings) -> str:
    profit = readings.read("maker_profit")
    if profit is None or profit.value == 0:
        return ""
    if profit.value > 0:
        return f"Makers earned {profit.said(money, readings.currency)}."
    return f"Makers lost {profit.negative().said(money, readings.currency)}."


def how_sure(readings: Readings) -> str:
    """What kind of numbers these are."""
    if readings.seeds == 1:
        return "This is one seed; another may end differently."
    told = f"All numbers are medians over {readings.seeds} seeds, each by itself, so parts need not add up"
    accounts = readings.read("liquidations.accounts")
    if accounts is not None and accounts.low is None:
        return f"{told}; the seeds are too few for intervals."
    return f"{told}; in brackets the 95 % interval of the median."


def _nobody_liquidated(readings: Readings) -> bool:
    accounts = readings.read("liquidations.accounts")
    return accounts is None or accounts.value == 0


def _spread(readings: Readings) -> dict[str, Reading]:
    """Assets that were not shocked and fell materially further than without liquidations."""
    read = {asset: readings.read(f"excess_fall.{asset}") for asset in readings.assets if asset not in readings.shocked}
    return {asset: reading for asset, reading in read.items() if reading is not None and reading.value >= MATERIAL}


def _listed(parts: Sequence[str]) -> str:
    """ "a", "a and b", "a, b and c"."""
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"

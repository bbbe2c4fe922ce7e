"""The table and the paragraph say what the summary holds, in ordinary and in dull cases."""

from dataclasses import replace
from io import StringIO

import pytest
from rich.console import Console

from abm.clearing.journal import EventKind
from abm.cli import carriers
from abm.cli.reading import Reading, money, percent, whole
from abm.cli.table import table
from abm.cli.words import words
from abm.measures.seeds import summarise_seeds
from abm.measures.summary import summarise
from tests.measures.by_hand import records

NAMES = ("no_shock", "isolated", "no_liquidation")
VALUE = {"ETH": [10_000.0, 9_000.0, 9_000.0, 9_000.0]}
ENTERED = [{"step": 1, "kind": EventKind.ENTERED, "account": a} for a in (1, 2)]
DEBT = {"deficit": [0, 1_000_000, 0, 0], "by_fund": [0, 400_000, 0, 0], "by_adl": [0, 600_000, 0, 0]}


def market(eth, btc=10_000, *, value=VALUE, **more):
    columns = {"mark": {"ETH": [10_000, eth, eth, eth], "BTC": [10_000, btc, btc, btc]}, "value": value}
    return records(columns=columns | more.pop("columns", {}), **more)


def crash(**more):
    """ETH forced down 10 %, falls 15 %; BTC falls 2 %; forced fills of 100 k USD in ETH, a fifth in healthy legs."""
    columns = {"forced_value": {"ETH": [0, 10_000_000, 0, 0]}, "depth_bid_low": {"ETH": [100, 3, 100, 100]}}
    slices = [
        {"step": 1, "account": 1, "instrument": 1, "filled": -800, "value": 8_000_000},
        {"step": 1, "account": 2, "instrument": 1, "filled": -200, "value": 2_000_000, "healthy": 1},
    ]
    scalars = DEBT | {"withdrawn_makers": [0, 1, 0, 0], "maker_equity": [500, 500, 500, 450]}
    return market(8_500, 9_800, columns=columns, liquidations=slices, events=ENTERED, scalars=scalars, **more)


def calm():
    return market(10_000, value={}, shocked=(), shock_step=None, shock_steps=0)


def twins(isolated_btc=9_990):
    return {"no_shock": calm(), "isolated": market(8_600, isolated_btc), "no_liquidation": market(9_000)}


def test_a_crash_in_words():
    assert words(summarise(crash(), twins())) == (
        "ETH was shocked: its outside value was forced down by 10.0 %; its mark fell by 15.0 %, 1.50 times its fall "
        "without liquidations. "
        "At their worst, liquidations held BTC 2.0 % below the path without liquidations. "
        "2 accounts were liquidated; forced orders worth 50.0 % of the opening open interest were filled, "  # 10 M of 20 M units
        "the largest part in ETH (100 k USD). 20.0 % of this was in positions that were healthy by themselves. "
        "The book of ETH lost 97.0 % of its bids within 1 % of the mark, and up to 1 maker stopped quoting at once. "
        "With isolated margin BTC would have been 0.10 % below instead of 2.0 %: most of the spread needed shared collateral. "
        "Losses beyond the accounts' equity came to 10 k USD, borne 4 k USD by the insurance fund and 6 k USD by "
        "auto-deleveraged accounts. Makers lost 0.5 USD. "
        "This is one seed; another may end differently."
    )


@pytest.mark.parametrize(
    ("isolated_btc", "verdict"),
    [(9_900, "most of the"), (9_850, "part of the"), (9_810, "the spread did not need"), (9_700, "the spread did not need")],
)
def test_the_verdict_on_shared_collateral_follows_the_isolated_twin(isolated_btc, verdict):
    said = words(summarise(crash(), twins(isolated_btc)))  # BTC falls 200 ticks in the run
    assert f": {verdict}" in said and said.count("shared collateral") == 1


def test_no_liquidation_at_all():
    said = words(summarise(market(9_000), {"no_shock": calm(), "no_liquidation": market(9_000)}))
    assert "No account was liquidated, so nothing was sold by force and nothing spread." in said
    assert "1.00 times" in said and "Losses" not in said and "healthy" not in said


def test_nothing_shocked():
    said = words(summarise(calm(), {}))
    assert said.startswith("Nothing was shocked: the largest fall of a mark was 0.0 %")


def test_without_twins_nothing_is_claimed_about_spread():
    said = words(summarise(crash(), {}, expected=NAMES))
    assert "cannot be told without the twin no_liquidation" in said
    assert "ETH was shocked; its mark fell by 15.0 %." in said
    assert "isolated" not in said and "times" not in said


def test_liquidations_that_spread_nowhere():
    twin = twins() | {"no_liquidation": market(9_000, 9_805)}  # BTC 5 ticks lower than without liquidations
    assert "No other asset fell materially (0.10 % or more)" in words(summarise(crash(), twin))


def test_several_shocked_assets():
    run = crash()
    both = replace(run, meta=replace(run.meta, shocked=(0, 1)))
    said = words(summarise(both, twins()))
    assert "BTC was shocked" in said and "ETH was shocked" in said
    assert "Every asset was shocked" in said


def test_one_bearer_and_uncollected_debt():
    run = crash(uncollected=5_000)
    run = replace(run, scalars={**run.scalars, "by_fund": run.scalars["deficit"], "by_adl": 0 * run.scalars["deficit"]})
    said = words(summarise(run, twins()))
    assert "came to 10 k USD, borne by the insurance fund." in said
    assert "50 USD of negative equity was never collected." in said


def test_a_shock_that_leaves_the_mark_alone():
    said = words(summarise(market(10_000), {"no_shock": calm()}))
    assert "forced down by 10.0 %; its mark did not fall." in said


def seeds(n):
    """BTC falls 1.0 %, 1.1 %, ... with the seed."""
    summaries = [summarise(replace(crash(), meta=replace(crash().meta, seed=s)), twins()) for s in range(n)]
    for s, summary in enumerate(summaries):
        summary["excess_fall"]["BTC"] = 0.010 + 0.001 * s
    return {**summaries[0], **summarise_seeds(summaries)}


def test_many_seeds_are_told_as_medians_with_intervals():
    said = words(seeds(9))
    assert "liquidations held BTC 1.4 % [1." in said  # the median of 1.0 to 1.8
    assert said.endswith("in brackets the 95 % interval of the median.")
    assert "medians over 9 seeds" in said


def test_few_seeds_are_told_without_intervals():
    said = words(seeds(3))
    assert "BTC 1.1 % below" in said
    assert said.endswith("the seeds are too few for intervals.")


def printed(summary, width=120):
    console = Console(width=width, record=True, file=StringIO())
    console.print(table(summary))
    lines = console.export_text().splitlines()
    return {cells[0]: cells[1:] for cells in ([c.strip() for c in li.strip("│┃").replace("┃", "│").split("│")] for li in lines)}


def test_the_table_has_the_run_and_its_twins_side_by_side():
    rows = printed(summarise(crash(), twins()))
    assert rows["measure"] == ["run", "no shock", "isolated", "no liq."]
    assert rows["amplification of ETH, times"] == ["1.50", "–", "1.40", "1.00"]
    assert rows["excess fall of BTC, %"] == ["2.0", "0.0", "0.10", "0.0"]
    assert rows["ETH → BTC, %"] == ["20.0", "–", "1.0", "0.0"]  # 2 % over a forced 10 %
    assert rows["accounts liquidated"] == ["2", "0", "0", "0"]
    assert rows["liquidated ETH, USD"] == ["100 k", "0", "0", "0"]
    assert rows["healthy positions closed, %"] == ["20.0", "–", "–", "–"]
    assert rows["bad debt, USD"] == ["10 k", "0", "0", "0"]
    assert rows["by auto-deleveraged accounts"] == ["6 k", "0", "0", "0"]
    assert rows["deepest book loss of ETH, %"] == ["97.0", "0.0", "0.0", "0.0"]


def test_twins_that_were_not_run_have_no_column():
    rows = printed(summarise(crash(), {}, expected=NAMES))
    assert rows["measure"] == ["run"]
    assert rows["excess fall of BTC, %"] == ["–"]


def test_the_table_of_seeds_prints_the_interval_under_the_median():
    rows = printed(seeds(9))
    assert rows["excess fall of BTC, %"][0] == "1.4"
    assert "9 seeds" in table(seeds(9)).title


@pytest.mark.parametrize(
    ("amount", "said"), [(0, "0"), (999, "999"), (999.6, "1 k"), (1_234_567, "1.23 M"), (-2.5e9, "-2.5 bn"), (0.5, "0.5")]
)
def test_money(amount, said):
    assert money(amount) == said


@pytest.mark.parametrize(
    ("share", "said"), [(0.0, "0.0"), (0.0213, "2.1"), (0.004, "0.40"), (-1e-9, "0.00"), (1.5, "150"), (0.99, "99.0")]
)
def test_percent(share, said):
    assert percent(share) == said


def test_a_share_that_is_left_turns_into_the_share_that_is_gone():
    assert Reading(0.25, 0.125, 0.5).lost() == Reading(0.75, 0.5, 0.875)
    assert Reading(3.0, 1.0, 4.0).negative() == Reading(-3.0, -4.0, -1.0)
    assert Reading(2.0, 1.5, 2.5).said(whole) == "2 [1.5, 2.5]"


def test_the_attribution_table_says_what_is_gone_without_a_channel():
    twins_of = twins() | {"no_impact": market(9_000), "no_adl": market(8_500, 9_800)}
    shown = Console(width=120, record=True, file=StringIO())
    for drawn in carriers.tables(summarise(crash(), twins_of)):
        shown.print(drawn)
    told = " ".join(shown.export_text().split())
    assert "one seed: no interval" in told
    # BTC fell 2 % below the run without liquidations, 0.1 % isolated: 95 % of it gone; all of it without impact, none without ADL
    for said in ("nothing (the run) │ 2.0", "shared collateral │ 1.9", "95.0 %", "price impact of forced orders │ 2.0", "100 %"):
        assert said in told
    assert "auto-deleveraging │ 0.0" in told
    assert list(carriers.tables(summarise(crash(), {}))) == []

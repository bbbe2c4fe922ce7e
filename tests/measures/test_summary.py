"""The summary: every documented name, a reason for every None, plain strict JSON."""

import json
import math
import re
from dataclasses import replace

import pytest

from abm.clearing.journal import EventKind
from abm.measures.seeds import statistics, summarise_seeds
from abm.measures.summary import summarise
from abm.measures.table import MEASURES
from tests.measures.by_hand import records

NAMES = ("no_shock", "isolated", "no_impact", "no_adl", "no_liquidation")
VALUE = {"ETH": [10_000.0, 9_000.0, 9_000.0, 9_000.0]}


def market(eth=9_000, btc=10_000, value=VALUE, **more):
    marks = {"ETH": [10_000, eth, eth, eth], "BTC": [10_000, btc, btc, btc]}
    return records(columns={"mark": marks, "value": value}, **more)


def family():
    """ETH forced down 10 %; with the cascade ETH falls 15 % and BTC 2 %; isolated, BTC stays."""
    calm = market(10_000, value={}, shocked=(), shock_step=None, shock_steps=0)
    run = market(8_500, 9_800, events=[{"step": 1, "kind": EventKind.ENTERED, "account": 1}])
    others = {"isolated": market(8_600), "no_impact": market(9_000), "no_adl": market(8_400, 9_700)}
    return run, {"no_shock": calm, **others, "no_liquidation": market(9_000)}


def leaves(tree, prefix=""):
    for key, leaf in tree.items():
        if isinstance(leaf, dict):
            yield from leaves(leaf, f"{prefix}{key}.")
        else:
            yield prefix + key, leaf


def reported(summary):
    """Measures by their documented names, assets and twins replaced by their stand-ins; the heading left out."""
    heading = {"scenario", "seed", "steps", "step_seconds", "currency", "assets", "depth_within", "shock", "unavailable"}
    for name, leaf in leaves({key: leaf for key, leaf in summary.items() if key not in heading}):
        plain = re.sub(r"^twins\.\w+\.", "", name)
        plain = re.sub(r"^contagion_matrix\.\w+", "contagion_matrix.<shocked>", plain)
        plain = re.sub(r"^equity_change\.\w+", "equity_change.<group>", plain)
        plain = re.sub(r"^(attribution\.\w+\.drop)\.\w+", r"\1.<channel>", plain)
        plain = re.sub(r"^(attribution\.lost\.\w+)\.\w+", r"\1.<cause>", plain)
        plain = re.sub(r"^excess_fall_over\.\w+", "excess_fall_over.<twin>", plain)
        yield name, re.sub(r"\.(BTC|ETH)(?=$|\.<cause>)", ".<asset>", plain), leaf


def test_the_numbers_of_a_small_crash():
    run, twins = family()
    found = summarise(run, twins)
    assert found["amplification"]["ETH"] == pytest.approx(1.5)  # 15 % over 10 %
    assert found["excess_fall"] == pytest.approx({"BTC": 0.02, "ETH": 0.05})
    assert found["excess_fall_over"]["isolated"] == pytest.approx({"BTC": 0.02, "ETH": 0.01})
    assert found["contagion_matrix"] == {"ETH": pytest.approx({"BTC": 0.2, "ETH": 1.5})}
    assert found["forced_fall"] == pytest.approx({"BTC": 0.0, "ETH": 0.1})
    assert found["liquidations"]["accounts"] == 1
    assert found["twins"]["isolated"]["contagion_matrix"]["ETH"] == {"BTC": 0.0, "ETH": pytest.approx(1.4)}
    assert found["twins"]["isolated"]["excess_fall"] == pytest.approx({"BTC": 0.0, "ETH": 0.04})
    assert found["shock"] == {"assets": ["ETH"], "start_seconds": 5.0, "end_seconds": 10.0}


def test_the_summary_holds_exactly_the_documented_measures():
    run, twins = family()
    assert {documented for _, documented, _ in reported(summarise(run, twins))} == MEASURES.keys()


@pytest.mark.parametrize("given", [(), ("no_shock",), NAMES])
def test_every_none_has_a_reason_and_every_reason_a_none(given):
    run, twins = family()
    found = summarise(run, {name: twins[name] for name in given}, expected=NAMES)
    missing = {name for name, _, leaf in reported(found) if leaf is None}
    assert missing == found["unavailable"].keys()
    assert all(found["unavailable"].values())


def test_without_twins_all_keys_stay():
    run, twins = family()
    names = {name for name, _, _ in reported(summarise(run, twins, expected=NAMES))}
    assert {name for name, _, _ in reported(summarise(run, {}, expected=NAMES))} == names


def test_reasons_say_what_is_needed():
    run, _ = family()
    told = summarise(run, {}, expected=NAMES)["unavailable"]
    assert told["amplification.ETH"] == "needs the twin no_liquidation, which was not run"
    assert told["contagion_matrix.ETH.BTC"] == "needs the twin no_shock, which was not run"
    assert told["twins.isolated.fall.ETH"] == "this twin was not run"


def test_the_summary_is_strict_json_of_plain_numbers():
    run, twins = family()
    found = summarise(run, twins)
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    assert all(type(leaf) in (int, float, type(None)) for _, _, leaf in reported(found))
    assert not any(isinstance(leaf, float) and math.isnan(leaf) for _, leaf in leaves(found))
    assert found["unallocated_loss"] == 0 and type(found["unallocated_loss"]) is int


def test_matrix_runs_add_their_rows_in_the_order_of_the_assets():
    run, twins = family()
    on_btc = market(9_950, 9_000, {"BTC": [10_000.0, 9_000.0, 9_000.0, 9_000.0]}, shocked=(0,))
    found = summarise(run, twins, {"BTC": on_btc})["contagion_matrix"]
    assert list(found) == ["BTC", "ETH"]
    assert found["BTC"] == pytest.approx({"BTC": 1.0, "ETH": 0.05})


def test_several_shocked_assets_have_no_row_of_their_own_unless_run_alone():
    run, twins = family()
    both = replace(run, meta=replace(run.meta, shocked=(0, 1)))
    found = summarise(both, twins, {"ETH": run})
    assert found["contagion_matrix"]["BTC"] == {"BTC": None, "ETH": None}
    assert found["contagion_matrix"]["ETH"] == pytest.approx({"BTC": 0.2, "ETH": 1.5})
    assert found["unavailable"]["contagion_matrix.BTC.ETH"] == "several assets are shocked at once"


def test_a_calm_scenario_has_no_shock_and_no_contagion_row():
    calm = market(10_000, value={}, shocked=(), shock_step=None, shock_steps=0)
    found = summarise(calm, {"no_liquidation": calm, "no_shock": calm})
    assert found["shock"] is None and found["unavailable"]["shock"] == "nothing is shocked in this run"
    assert found["contagion_matrix"] == {}
    assert found["amplification"] == {"BTC": None, "ETH": None}
    assert found["excess_fall"] == {"BTC": 0.0, "ETH": 0.0}


def test_what_differs_between_equal_runs_stays_out():
    run, twins = family()
    slower = replace(run, meta=replace(run.meta, timing={"seconds": 99.0}))
    assert summarise(slower, twins) == summarise(run, twins)


def test_statistics_are_medians_and_quantiles_not_means():
    found = statistics([1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 10.0, 1_000.0])
    assert (found["median"], found["p10"], found["p90"], found["count"]) == (6.0, 2.0, 10.0, 11)
    assert (found["least"], found["most"]) == (1.0, 1_000.0)
    assert 1.0 <= found["low"] <= 6.0 <= found["high"] <= 10.0


def test_the_interval_of_the_median_covers_it_as_often_as_it_says():
    import numpy as np

    draws = np.random.default_rng(1).pareto(1.5, size=(200, 25))
    median = 2 ** (1 / 1.5) - 1  # of the Lomax law with shape 1.5
    intervals = [statistics(list(sample)) for sample in draws]
    covered = np.mean([found["low"] <= median <= found["high"] for found in intervals])
    assert 0.89 <= covered <= 0.99  # 95 %; a binomial error of 1.5 % on 200 samples, twice either side, and the method's own


def test_few_seeds_have_a_median_but_no_interval():
    found = statistics([1.0, 2.0, 3.0])
    assert (found["median"], found["low"], found["high"]) == (2.0, None, None)


def test_equal_seeds_have_an_interval_without_width():
    found = statistics([0.0] * 20)
    assert (found["median"], found["low"], found["high"]) == (0.0, 0.0, 0.0)


def test_seeds_keep_the_names_and_count_where_a_measure_is_defined():
    run, twins = family()
    summaries = [summarise(run, twins) for _ in range(7)]
    for seed, summary in enumerate(summaries):
        summary["seed"] = seed
        summary["amplification"]["ETH"] = None if seed == 0 else float(seed)
    summaries[0]["unavailable"]["amplification.ETH"] = "the fall is too small"
    found = summarise_seeds(summaries)
    assert (found["seeds"]["count"], found["seeds"]["list"]) == (7, [0, 1, 2, 3, 4, 5, 6])
    assert found["seeds"]["amplification"]["ETH"]["median"] == 3.5  # of 1 to 6
    assert found["seeds"]["amplification"]["ETH"]["count"] == 6
    assert found["seeds"]["amplification"]["BTC"]["median"] is None
    assert found["unavailable"]["seeds.amplification.BTC.median"] == "not a shocked asset: see excess_fall"
    assert found["seeds"]["twins"]["isolated"]["excess_fall"]["ETH"]["median"] == pytest.approx(0.04)
    assert found == summarise_seeds(summaries)  # the bootstrap draws from a fixed stream
    json.dumps(found, allow_nan=False)


def test_no_summary_has_no_statistics():
    with pytest.raises(ValueError, match="at least one summary"):
        summarise_seeds([])

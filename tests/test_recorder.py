"""What is kept of a run: the right number in the right row, in the right unit, and nothing of the model."""

import pickle
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from abm.clearing.journal import EventKind
from abm.recorder import Recorder
from abm.records import HEALTH_EDGES, PER_INSTRUMENT, SCALARS, SEIZURE
from tests.measures.by_hand import instruments, meta, records


def _row(number):
    return {
        "seconds": 5.0 * (number + 1),
        "per_instrument": {name: np.array([number, 10 * number]) for name in PER_INSTRUMENT},
        "scalars": dict.fromkeys(SCALARS, number),
    }


def test_a_run_that_ends_early_keeps_only_the_steps_it_made():
    recorder = Recorder(instruments(), n_steps=100)
    for s in range(3):
        recorder.step(s, **_row(s))
    kept = recorder.records(meta(instruments()))
    assert len(kept) == 3
    assert kept.seconds.tolist() == [5.0, 10.0, 15.0]
    assert kept.per_instrument["mark"].tolist() == [[0, 0], [1, 10], [2, 20]]
    assert kept.scalars["entered"].tolist() == [0, 1, 2]


def test_records_do_not_change_when_the_run_goes_on():
    recorder = Recorder(instruments(), n_steps=2)
    recorder.step(0, **_row(1))
    kept = recorder.records(meta(instruments()))
    recorder.step(1, **_row(2))
    assert kept.per_instrument["mark"].tolist() == [[1, 10]]


def test_a_skipped_step_and_a_forgotten_column_are_refused():
    recorder = Recorder(instruments(), n_steps=3)
    with pytest.raises(ValueError, match="expected 0, was 1"):
        recorder.step(1, **_row(1))
    row = _row(0)
    del row["per_instrument"]["mark"]
    with pytest.raises(ValueError, match="per_instrument must hold exactly the declared columns.*mark"):
        recorder.step(0, **row)
    with pytest.raises(ValueError, match="scalars.*luck"):
        recorder.step(0, **{**_row(0), "scalars": {**dict.fromkeys(SCALARS, 0), "luck": 1}})


def test_liquidations_and_events_keep_their_order_and_fields():
    kept = records(
        liquidations=[
            {"step": 2, "account": 4, "trader": 3, "instrument": 1, "lots": -50, "filled": -20, "value": 199_000},
            {"step": 3, "account": 4, "trader": 3, "instrument": 0, "lots": 7, "healthy": 1},
        ],
        events=[
            {"step": 2, "kind": EventKind.ENTERED, "account": 4},
            {"step": 3, "kind": EventKind.ADL, "account": 4, "counterparty": 9, "lots": -30, "amount": 12},
        ],
    )
    assert kept.liquidations["lots"].tolist() == [-50, 7]
    assert kept.liquidations["healthy"].tolist() == [False, True]
    assert kept.events["kind"].tolist() == [EventKind.ENTERED, EventKind.ADL]
    assert kept.events["counterparty"].tolist() == [-1, 9]
    assert kept.events["instrument"].tolist() == [-1, -1]


def test_health_snapshots_share_their_edges():
    recorder = Recorder(instruments(), n_steps=1)
    recorder.step(0, **_row(0))
    edges = np.array([-0.1, 0.0, 0.1])
    recorder.health(0, edges, np.array([1, 2]))
    recorder.health(0, edges, np.array([3, 4]))
    with pytest.raises(ValueError, match="edges"):
        recorder.health(0, edges + 0.05, np.array([5, 6]))
    kept = recorder.records(meta(instruments())).health
    assert kept.notional.tolist() == [[1, 2], [3, 4]]
    assert kept.edges.tolist() == [-0.1, 0.0, 0.1]


def test_the_standard_edges_of_health_have_a_bin_that_starts_at_the_trigger():
    assert 0.0 in HEALTH_EDGES
    assert len(HEALTH_EDGES) == 61


def test_frames_are_in_human_units():
    kept = records(
        2,
        columns={
            "mark": {"BTC": [9_900, 9_800]},  # tick 10
            "bid": {"ETH": [9_999, 0]},  # tick 0.1; the second step has no bid
            "depth_bid": {"ETH": [30, 40]},  # lot 0.1
            "forced_value": {"ETH": [0, 123_456]},  # cash unit 0.01
        },
        scalars={"fund": [500, 250], "entered": [0, 2]},
        liquidations=[{"step": 1, "account": 4, "group": 0, "instrument": 1, "lots": -50, "filled": -20, "equity": -300}],
        events=[{"step": 1, "kind": EventKind.CLOSED, "account": 4, "amount": 300}],
    )
    frames = kept.frames()
    steps = frames["steps"]
    assert steps["BTC.mark"].tolist() == [99_000.0, 98_000.0]
    assert steps["ETH.bid"].tolist()[0] == pytest.approx(999.9)
    assert steps["ETH.bid"].isna().tolist() == [False, True]
    assert steps["ETH.depth_bid"].tolist() == [3.0, 4.0]
    assert steps["ETH.forced_value"].tolist() == [0.0, 1_234.56]
    assert steps["fund"].tolist() == [5.0, 2.5]
    assert steps["entered"].tolist() == [0, 2]
    assert steps["seconds"].tolist() == [5.0, 10.0]
    (slice_order,) = frames["liquidations"].to_dict("records")
    assert (slice_order["group"], slice_order["instrument"], slice_order["seconds"]) == ("carry", "ETH", 10.0)
    assert (slice_order["quantity"], slice_order["filled"], slice_order["equity"]) == (-5.0, -2.0, -3.0)
    (event,) = frames["events"].to_dict("records")
    assert (event["kind"], event["instrument"], event["quantity"], event["amount"]) == ("closed", None, 0.0, 3.0)


def test_seizures_are_told_in_human_units_leg_by_leg():
    kept = records()
    rows = np.zeros(2, SEIZURE)
    rows["instrument"], rows["lots"], rows["mark"] = [0, 1], [2_000, -5], [10_000, 9_000]
    rows["equity"], rows["own"], rows["alone"] = 500, [300, 200], [300, 201]
    first, second = replace(kept, seizures=rows).frames()["seizures"].to_dict("records")
    assert (first["instrument"], first["quantity"], first["mark"]) == ("BTC", 2.0, 100_000.0)  # lots of 0.001, ticks of 10
    assert (second["instrument"], second["quantity"], second["mark"]) == ("ETH", -0.5, 900.0)  # lots of 0.1, ticks of 0.1
    assert (first["equity"], first["healthy"], second["healthy"]) == (5.0, True, False)


def test_health_frame_has_a_row_per_snapshot_and_bin():
    recorder = Recorder(instruments(), n_steps=1)
    recorder.step(0, **_row(0))
    recorder.health(0, np.array([-0.1, 0.0, 0.1]), np.array([100, 200]))
    frame = recorder.records(meta(instruments())).frames()["health"]
    assert frame[["low", "high", "notional"]].values.tolist() == [[-0.1, 0.0, 1.0], [0.0, 0.1, 2.0]]


def test_saved_tables_read_back_as_they_were(tmp_path):
    kept = records(liquidations=[{"step": 2, "account": 4}], events=[{"step": 2, "kind": EventKind.ENTERED, "account": 4}])
    kept.save(tmp_path)
    assert sorted(p.name for p in tmp_path.iterdir()) == [
        "events.parquet",
        "health.parquet",
        "lineage.parquet",
        "liquidations.parquet",
        "seizures.parquet",
        "steps.parquet",
    ]
    for name, frame in kept.frames().items():
        pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / f"{name}.parquet"), frame, check_dtype=False)


def test_a_run_without_liquidations_saves_empty_tables(tmp_path):
    records().save(tmp_path)
    assert len(pd.read_parquet(tmp_path / "liquidations.parquet")) == 0
    assert "healthy" in pd.read_parquet(tmp_path / "liquidations.parquet").columns


def test_records_survive_pickling_and_stay_small():
    kept = records(1_200)
    raw = pickle.dumps(kept)
    back = pickle.loads(raw)
    assert all(np.array_equal(back.per_instrument[n], kept.per_instrument[n]) for n in PER_INSTRUMENT)
    assert back.meta.instruments.names == ("BTC", "ETH")
    assert len(raw) < 1_000_000  # 1,200 steps x (15 columns x 2 instruments + 14) x 8 bytes = 422,400

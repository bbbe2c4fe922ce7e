"""Replay of the real minutes of 10 October 2025 (Gemini BTC, ETH, SOL), where the recorded files are at hand."""

from pathlib import Path as FilePath

import numpy as np
import pandas as pd
import pytest

from abm.streams import Streams
from abm.world.fundamentals import Assets, Fundamentals, Values
from abm.world.path import Path

RECORDED = FilePath(__file__).parents[2].parent / "shared" / "data" / "oct10_2025_1min_trades_multi.parquet"
NAMES = ("BTC", "ETH", "SOL")
OPENING = np.array([100_000.0, 4_000.0, 200.0])
START, HOUR, STEP = "2025-10-10T20:45:00Z", 3_600.0, 5.0
TAKE = {"BTC": "BTCUSD", "ETH": "ETHUSD", "SOL": "SOLUSD"}

pytestmark = pytest.mark.skipif(not RECORDED.exists(), reason=f"no recorded minutes at ../shared/data/{RECORDED.name}")


@pytest.fixture(scope="module")
def closes():
    """Closes by the end of their minute, (n_minutes, 3); NaN in minutes without a trade."""
    bars = pd.read_parquet(RECORDED)
    bars = bars[(bars.exchange == "gemini") & bars.symbol.isin(TAKE.values())]
    table = bars.pivot(index="time_utc", columns="symbol", values="close")
    table.index = table.index + pd.Timedelta(minutes=1)  # a close is known when its minute is over, not when it begins
    return table[list(TAKE.values())].set_axis(list(NAMES), axis=1)


@pytest.fixture(params=["csv", "parquet"])
def folder(request, closes, tmp_path):
    """A folder with prices.<format>: each asset's last close carried over minutes without a trade."""
    table = closes.ffill().dropna().rename_axis("time").reset_index()
    if request.param == "csv":
        table.to_csv(tmp_path / "prices.csv", index=False)
    else:
        table.to_parquet(tmp_path / "prices.parquet")
    return tmp_path


def run(folder, process, **keys):
    """Values (721, 3) of the hour from 20:45 UTC."""
    file = next(folder.glob("prices.*")).name
    replay = Path(file=file, start=START, **keys).load(NAMES, OPENING, STEP, HOUR, folder)
    assets = Assets(NAMES, OPENING, np.array([0.025, 0.036, 0.044]))
    values = Values(process, assets, Streams(1), STEP, replay=replay)
    return np.array([values.advance(k) for k in range(721)])


def test_the_recorded_falls_are_the_falls_of_value(folder):
    value = run(folder, Fundamentals(correlation=0.7))
    # Closes of the bars 20:44, 20:59 and 21:14 in the file: ETH 4015.39, 3862.98, 3712.94; SOL at 21:15 184.788 from 207.514
    assert value[0].tolist() == OPENING.tolist()
    assert value[180, 1] == pytest.approx(4_000.0 * 3862.98 / 4015.39)  # 21:00 = 900 s = step 180: -3.8 %
    assert value[360, 1] == pytest.approx(4_000.0 * 3712.94 / 4015.39)  # 21:15: -7.5 %
    assert value[360, 2] == pytest.approx(200.0 * 184.788 / 207.514)  # -11.0 %
    # BTC traded last at 21:13 (112,000.66) before the venue fell silent until 21:20
    assert value[360, 0] == pytest.approx(100_000.0 * 112_000.66 / 117_035.14)


def test_every_step_holds_the_last_close_known_at_its_time(folder, closes):
    value = run(folder, Fundamentals(correlation=0.7), scale="absolute")
    begin = pd.Timestamp(START).tz_localize(None)
    for j, name in enumerate(NAMES):
        traded = closes[name].dropna()
        for step in range(0, 721, 7):
            now = begin + pd.Timedelta(seconds=step * STEP)
            assert value[step, j] == traded[traded.index <= now].iloc[-1]


def test_value_moves_only_when_a_minute_ends(folder):
    moved = np.flatnonzero(np.any(np.diff(run(folder, Fundamentals(correlation=0.7)), axis=0) != 0.0, axis=1)) + 1
    assert len(moved) > 40
    assert set(moved * STEP % 60.0) == {0.0}


def test_minutes_without_a_trade_are_refused_not_filled(closes, tmp_path):
    table = closes.rename_axis("time").reset_index()
    table.to_csv(tmp_path / "gaps.csv", index=False)
    row = int(np.flatnonzero(table["BTC"].isna())[0]) + 2  # the header is row 1
    with pytest.raises(ValueError, match=f"^gaps.csv: row {row}: price of BTC is missing$"):
        Path(file="gaps.csv", start=START).check(NAMES, HOUR, tmp_path)


def test_a_run_beyond_the_recorded_day_is_refused(folder):
    file = next(folder.glob("prices.*")).name
    with pytest.raises(ValueError, match=f"^{file}: the path ends 11700 s after the opening, the run lasts 14400 s"):
        Path(file=file, start=START).check(NAMES, 4 * HOUR, folder)  # 20:45 to 24:00 is 11,700 s

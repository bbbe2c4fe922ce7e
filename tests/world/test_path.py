"""Replay of a recorded path: what reaches the steps, and every file that is refused, with its row."""

from datetime import UTC, datetime

import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError

from abm.streams import Streams
from abm.world.fundamentals import Assets, Fundamentals, Values
from abm.world.path import Path
from abm.world.shocks import Shock

NAMES = ("BTC", "ETH")
OPENING = np.array([100_000.0, 4_000.0])
GOOD = "time,BTC,ETH\n0,50000,2000\n60,49000,1900\n90,51000,1950\n300,50500,1990\n"


@pytest.fixture
def write(tmp_path):
    def write(text, name="prices.csv"):
        (tmp_path / name).write_text(text, encoding="utf-8")
        return name

    write.folder = tmp_path
    return write


def replay(write, text=GOOD, *, step=30.0, duration=120.0, name="prices.csv", **keys):
    return Path(file=write(text, name), **keys).load(NAMES, OPENING, step, duration, write.folder)


def refusal(write, text, *, duration=120.0, **keys):
    path = Path(file=write(text), **keys)
    with pytest.raises(ValueError) as refused:
        path.check(NAMES, duration, write.folder)
    return str(refused.value)


def test_previous_value_on_the_opening_price(write):
    path = replay(write)
    # at 0, 30, 60, 90, 120 s the rows 0, 0, 60, 90, 90 s; BTC on 100,000 / 50,000 = 2, ETH on 4,000 / 2,000 = 2
    assert path.price[:, 0].tolist() == [100_000.0, 100_000.0, 98_000.0, 102_000.0, 102_000.0]
    assert path.price[:, 1].tolist() == [4_000.0, 4_000.0, 3_800.0, 3_900.0, 3_900.0]
    assert path.names == NAMES


def test_linear_interpolation_is_a_line_between_rows(write):
    path = replay(write, interpolation="linear", scale="absolute", step=15.0, duration=120.0)
    # 15 s: 50,000 - 1,000 * 15 / 60 = 49,750; 75 s: 49,000 + 2,000 * 15 / 30; 120 s: 51,000 - 500 * 30 / 210
    assert path.price[[1, 4, 5, 8], 0] == pytest.approx([49_750.0, 49_000.0, 50_000.0, 51_000.0 - 500.0 / 7.0])


def test_absolute_prices_are_the_recorded_ones(write):
    assert replay(write, scale="absolute").price[:, 1].tolist() == [2000.0, 2000.0, 1900.0, 1950.0, 1950.0]


def test_start_in_seconds_and_between_rows(write):
    path = replay(write, start=70.0, duration=30.0)
    assert path.price[:, 1] == pytest.approx([4_000.0, 4_000.0 * 1950 / 1900])  # at 70 s still the row of 60 s


@pytest.mark.parametrize(
    "times",
    [
        ("2025-10-10T20:45:00Z", "2025-10-10T20:46:00Z", "2025-10-10T20:47:30Z"),
        ("2025-10-10 20:45:00", "2025-10-10 20:46:00", "2025-10-10 20:47:30"),  # no offset: UTC
        ("2025-10-10T22:45:00+02:00", "2025-10-10T20:46:00Z", "2025-10-10T20:47:30+00:00"),
    ],
)
@pytest.mark.parametrize("start", ["2025-10-10T20:46:00Z", datetime(2025, 10, 10, 20, 46, tzinfo=UTC)])
def test_iso_times_and_start(write, times, start):
    text = "time,BTC\n" + "".join(f"{t},{p}\n" for t, p in zip(times, (100, 90, 99), strict=True))
    path = replay(write, text, start=start, duration=90.0)
    assert path.price[:, 0] == pytest.approx([100_000.0, 100_000.0, 100_000.0, 110_000.0])  # 99 / 90
    assert path.names == ("BTC",)


@pytest.mark.parametrize("index", [False, True])
@pytest.mark.parametrize("stamps", [False, True])
def test_parquet_is_read_like_csv(write, index, stamps):
    seconds = np.array([0, 60, 90, 300])
    time = pd.Timestamp("2025-10-10T20:45:00Z") + pd.to_timedelta(seconds, unit="s") if stamps else seconds
    frame = pd.DataFrame({"time": time, "BTC": np.float32([50000, 49000, 51000, 50500]), "ETH": [2000, 1900, 1950, 1990]})
    (frame.set_index("time") if index else frame).to_parquet(write.folder / "prices.parquet")
    path = Path(file="prices.parquet").load(NAMES, OPENING, 30.0, 120.0, write.folder)
    assert path.price.tolist() == replay(write).price.tolist()


def test_a_byte_order_mark_and_spaces_in_the_header_are_harmless(write):
    assert replay(write, "\ufeff" + GOOD.replace("time,BTC", "time , BTC")).price[0].tolist() == OPENING.tolist()


def test_the_path_drives_value_without_noise_and_others_keep_their_own_process(write):
    text = GOOD.replace(",ETH", ",volume")
    world = Assets(NAMES, OPENING, np.array([0.03, 0.04]))
    process = Fundamentals(correlation=0.7)
    values = Values(process, world, Streams(3), 30.0, replay=replay(write, text))
    plain = Values(process, world, Streams(3), 30.0)
    driven, own = (np.array([v.advance(k) for k in range(5)]) for v in (values, plain))
    assert driven[:, 0].tolist() == [100_000.0, 100_000.0, 98_000.0, 102_000.0, 102_000.0]
    assert driven[:, 1].tobytes() == own[:, 1].tobytes()


def test_noise_on_top_of_the_path_is_the_drawn_process(write):
    world = Assets(NAMES, OPENING, np.array([0.03, 0.04]))
    process = Fundamentals(correlation=0.7)
    values = Values(process, world, Streams(3), 30.0, replay=replay(write, noise=True))
    drawn = Values(process, world, Streams(3), 30.0).advance(3)
    assert values.advance(3) == pytest.approx(drawn * [51_000 / 50_000, 1_950 / 2_000], rel=1e-14)


def test_a_shock_strikes_on_top_of_the_path(write):
    world = Assets(NAMES, OPENING, np.array([0.03, 0.04]))
    shock = Shock(name="s", assets=["BTC"], size=-0.5, at=60.0)
    values = Values(Fundamentals(correlation=0.0), world, Streams(3), 30.0, shocks=[shock], replay=replay(write))
    assert [values.advance(k)[0] for k in (1, 2)] == [100_000.0, 49_000.0]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (GOOD.replace("49000", ""), "prices.csv: row 3: price of BTC is missing"),
        (GOOD.replace("49000", "NaN"), "prices.csv: row 3: price of BTC is missing"),
        (GOOD.replace("1950", "0"), "prices.csv: row 4: price of ETH must be above 0, was 0"),
        (GOOD.replace("1950", "-3"), "prices.csv: row 4: price of ETH must be above 0, was -3"),
        (GOOD.replace("1950", "n/k"), "prices.csv: row 4: price of ETH is not a number, was n/k"),
        (GOOD.replace("1950", "inf"), "prices.csv: row 4: price of ETH is not a number, was inf"),
        (GOOD.replace("90,51000,1950", "90,51000"), "prices.csv: row 4: price of ETH is missing"),
        (GOOD.replace("90,", "60,"), "prices.csv: row 4 repeats the time of the row before; times must rise"),
        (GOOD.replace("90,", "30,"), "prices.csv: row 4 is earlier than the row before; times must rise"),
        (GOOD.replace("90,", ","), "prices.csv: row 4: time is missing"),
        (GOOD.replace("0,50000", ",50000"), "prices.csv: row 2: time is missing"),
        (GOOD.replace("90,", "soon,"), "prices.csv: row 4: time must be ISO-8601 or seconds throughout, was soon"),
        (GOOD.replace("\n0,", "\nsoon,"), "prices.csv: row 2: time must be ISO-8601 or seconds throughout, was soon"),
        (GOOD.replace("\n60", "\n\n60"), "prices.csv: row 3: time is missing"),
        (
            GOOD.replace("\n300", "\n1760130000000"),
            "prices.csv: row 5: time 1760130000000 is too large for seconds; divide milliseconds by 1000",
        ),
        (GOOD.replace("BTC,ETH", "XRP,ADA"), "prices.csv: no column for any asset (BTC, ETH), columns are XRP, ADA"),
        (GOOD.replace("time", "when"), "prices.csv: no time column 'time', columns are when, BTC, ETH"),
        (GOOD.replace("ETH", "BTC"), "prices.csv: column 'BTC' occurs twice"),
        ("time,BTC,ETH\n", "prices.csv: has no rows"),
    ],
)  # fmt: skip
def test_a_file_with_a_fault_is_refused_with_file_row_and_rule(write, text, message):
    assert refusal(write, text) == message


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"assets": ["BTC", "SOL"]}, "prices.csv: path.assets names 'SOL', not an asset; known: BTC, ETH"),
        ({"start": 400.0}, "prices.csv: path.start 400.0 is outside the recording (first row -400 s, last row -100 s from it)"),
        ({"start": -5.0}, "prices.csv: path.start -5.0 is outside the recording (first row +5 s, last row +305 s from it)"),
        ({"start": "2025-10-10"}, "prices.csv: path.start must be seconds like the file's times, was a text (2025-10-10)"),
        (
            {"start": 200.0},
            "prices.csv: the path ends 100 s after the opening, the run lasts 120 s; shorten the run or start earlier",
        ),
    ],
)  # fmt: skip
def test_a_request_the_file_cannot_meet_is_refused(write, keys, message):
    assert refusal(write, GOOD, **keys) == message


def test_a_demanded_asset_without_column_is_refused_with_the_nearest(write):
    text = GOOD.replace("ETH", "ETH2")
    assert refusal(write, text, assets=["ETH"]) == "prices.csv: no column for asset 'ETH'; did you mean 'ETH2'?"
    assert replay(write, text).names == ("BTC",)  # not demanded: ETH keeps its own process


def test_a_path_shorter_than_the_run_is_refused_and_one_that_just_reaches_is_not(write):
    assert refusal(write, GOOD, duration=300.5) == (
        "prices.csv: the path ends 300 s after the opening, the run lasts 300.5 s; shorten the run or start earlier"
    )
    Path(file=write(GOOD)).check(NAMES, 300.0, write.folder)


def test_an_iso_file_wants_an_iso_start(write):
    text = "time,BTC\n2025-10-10T20:45:00Z,1\n2025-10-10T20:50:00Z,2\n"
    seconds = "prices.csv: path.start must be an ISO-8601 text like the file's times, was a number (5.0)"
    assert refusal(write, text, start=5.0) == seconds
    assert refusal(write, text, start="noon") == "prices.csv: path.start must be an ISO-8601 time, was 'noon'"


def test_unreadable_files_are_refused_in_one_line(write):
    (write.folder / "bytes.csv").write_bytes(b"time,BTC\n0,\xff\xfe\n")
    (write.folder / "not.parquet").write_text("time,BTC\n0,1\n")
    (write.folder / "cut.csv.gz").write_bytes(b"\x1f\x8b\x08\x00")
    (write.folder / "folder.csv").mkdir()
    write("", "empty.csv")
    write("time,BTC\n0,1\n1,2,3\n", "ragged.csv")
    files = "bytes.csv not.parquet cut.csv.gz folder.csv empty.csv ragged.csv absent.csv absent.parquet"
    for file in files.split():
        with pytest.raises(ValueError) as refused:
            Path(file=file).check(NAMES, 1.0, write.folder)
        assert str(refused.value).startswith(f"{file}: cannot be read: ")
        assert "\n" not in str(refused.value)
        assert str(write.folder) not in str(refused.value)
    with pytest.raises(ValueError, match=r"ragged.csv: cannot be read: .* line 3, saw 3"):
        Path(file="ragged.csv").check(NAMES, 1.0, write.folder)
    with pytest.raises(ValueError, match="absent.parquet: cannot be read: No such file or directory"):
        Path(file="absent.parquet").check(NAMES, 1.0, write.folder)


def test_rows_of_a_parquet_file_count_from_one(write):
    pd.DataFrame({"time": [0, 60], "BTC": [1.0, np.nan]}).to_parquet(write.folder / "p.parquet")
    with pytest.raises(ValueError, match=r"^p.parquet: row 2: price of BTC is missing$"):
        Path(file="p.parquet").check(NAMES, 60.0, write.folder)


def test_the_record_refuses_unknown_rules():
    for keys in ({"interpolation": "cubic"}, {"scale": "log"}, {"file": ""}, {"speed": 2.0}):
        with pytest.raises(ValidationError):
            Path(**{"file": "prices.csv"} | keys)

"""Two measures of the points of a study side by side, and how far the intervals of each reach."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray


def paired_medians(table: pd.DataFrame, across: str, up: str) -> pd.DataFrame:
    """A row per `point`: `median_x`, `low_x`, `high_x` of measure `across`, the same with `_y` of measure `up`.

    `table` has one row per point and measure: `point`, `measure`, `median`, `low`, `high` (NaN without an interval).
    Points without either median are left out. ValueError if none is left.
    """
    one, other = (table[table["measure"] == name].set_index("point") for name in (across, up))
    both = one.add_suffix("_x").join(other.add_suffix("_y"), how="inner").dropna(subset=["median_x", "median_y"])
    if both.empty:
        raise ValueError(f"needs points with {across} and {up}, was given none")
    return both.astype({f"{end}_{side}": float for end in ("median", "low", "high") for side in ("x", "y")})


def reach(both: pd.DataFrame, side: str) -> NDArray[np.float64]:
    """From the median down and up to the ends of its interval, (2, n_points); 0 where there is none. `side` is x or y."""
    median, low, high = (both[f"{end}_{side}"].to_numpy(dtype=np.float64) for end in ("median", "low", "high"))
    return np.nan_to_num(np.maximum([median - low, high - median], 0.0))

"""Tables of a study for a paper: a row per point, a column per measure, medians with their intervals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

SPECIAL = {"\\": r"\textbackslash{}", **{sign: f"\\{sign}" for sign in "&%$#_{}"}, "~": r"\textasciitilde{}", "^": r"\^{}"}


def wide(medians: pd.DataFrame, columns: Sequence[str], measures: Sequence[str]) -> pd.DataFrame:
    """One row per point, one column of texts per measure: `0.123 [0.101, 0.150]`, the interval where there is one."""
    chosen = medians[medians["measure"].isin(measures)]
    chosen = chosen.assign(said=[said(*row) for row in zip(chosen["median"], chosen["low"], chosen["high"], strict=True)])
    keys = list(columns) or ["study"]
    if not columns:
        chosen = chosen.assign(study="all runs")
    rows = []
    for key, group in chosen.groupby(keys, sort=False, dropna=False):
        texts = dict(zip(group["measure"], group["said"], strict=True))
        values = key if isinstance(key, tuple) else (key,)
        rows.append([*map(shown, values), *(texts.get(measure, "") for measure in measures)])
    return pd.DataFrame(rows, columns=[*keys, *measures])


def said(median: float, low: float, high: float) -> str:
    """A median with its interval, to three digits; a dash where there is none."""
    if pd.isna(median):
        return "–"
    return f"{median:.3g}" if pd.isna(low) or low == high else f"{median:.3g} [{low:.3g}, {high:.3g}]"


def shown(value: object) -> str:
    """A swept value as a table writes it."""
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def write_tex(table: pd.DataFrame, path: Path, *, caption: str, heads: Mapping[str, str]) -> None:
    """A `table` environment for booktabs; `heads` maps columns to what stands above them."""
    left = sum(name not in heads for name in table.columns)
    lines = [
        r"\begin{table}",
        rf"\caption{{{escaped(caption)}}}",
        rf"\begin{{tabular}}{{{'l' * left}{'r' * (len(table.columns) - left)}}}",
        r"\toprule",
        " & ".join(escaped(heads.get(name, name)) for name in table.columns) + r" \\",
        r"\midrule",
        *(" & ".join(escaped(cell) for cell in row) + r" \\" for row in table.itertuples(index=False)),
        r"\bottomrule",
        r"\end{tabular}",
        r"\end{table}",
    ]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def escaped(text: object) -> str:
    """A text that LaTeX prints as it is."""
    return "".join(SPECIAL.get(sign, sign) for sign in str(text)).replace("–", "--")

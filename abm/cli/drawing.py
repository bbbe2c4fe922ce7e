"""The figures of a stored study: those it asks for, or what suits its design."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import pandas as pd

from abm.cli.stored import Stored
from abm.figures.bars import bars
from abm.figures.frontier import frontier
from abm.figures.phase import phase
from abm.figures.response import named, response
from abm.figures.scatter import scatter
from abm.measures.dependence import rank_correlation
from abm.measures.value import Missing
from abm.study.analysis import Numbers, against_twins, numeric, paired
from abm.study.checks import PAIRS
from abm.study.errors import StudyError
from abm.study.sensitivity import indices, one_at_a_time
from abm.study.study import Figure, Grid, OneAtATime

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Drawing

INDEX_NAMES = {
    "first_order": "first order",
    "total": "total",
    "mu_star": "mean absolute effect",
    "sigma": "spread of effects",
}


def drawings(stored: Stored) -> dict[str, Drawing]:
    """File name without ending -> figure."""
    drawn: dict[str, Drawing] = {}
    for number, asked in enumerate(stored.study.figures or tuple(suitable(stored)), start=1):
        measures = stored.named(asked.measures)
        if asked.kind in PAIRS:
            drawn[asked.name or f"{asked.kind}-{number}"] = draw(stored, asked, measures)
        elif asked.kind == "phase":
            for measure in measures:
                name = f"{asked.name or f'phase-{number}'}{f'-{measure}' if len(measures) > 1 else ''}"
                drawn[name] = draw(stored, asked, [measure])
        elif measures:
            drawn[asked.name or f"{asked.kind}-{number}"] = draw(stored, asked, measures)
    return drawn


def suitable(stored: Stored) -> Iterator[Figure]:
    """What is drawn where the study does not say."""
    measures = tuple(stored.headlines())
    if not measures or not stored.columns:
        return
    if isinstance(stored.study.design, Grid):
        yield Figure(kind="lines", measures=measures)
        if len([name for name in stored.columns if name in numeric(stored.frame)]) > 1:
            yield Figure(kind="phase", measures=measures[:1])
        yield from (Figure(kind="paired", measures=measures, by=name) for name in stored.study.variants if name in stored.columns)
    else:
        yield Figure(kind="indices", measures=measures)


def draw(stored: Stored, asked: Figure, measures: Sequence[str]) -> Drawing:
    """One figure."""
    labels = {name: stored.label(name) for name in [*stored.columns, *measures]}
    if asked.kind == "phase":
        x, y = plane(stored, asked)
        others = [name for name in stored.columns if name not in (x, y)]
        return phase(stored.medians, measures[0], x, y, others, labels=labels)
    if asked.kind == "paired":
        return _paired(stored, asked, measures, labels)
    if asked.kind == "indices":
        return _sensitivity(stored, measures, labels)
    if asked.kind in PAIRS:
        return _against(stored, asked, labels)
    x = asked.x or plane(stored, asked)[0]
    return response(stored.medians, measures, x, [name for name in stored.columns if name != x], labels=labels)


def _against(stored: Stored, asked: Figure, labels: dict[str, str]) -> Drawing:
    """One measure against another, a point per point of the study."""
    across, up = (single(stored, pattern) for pattern in asked.measures)
    table = stored.medians
    points = [named(stored.columns, row) for row in table[stored.columns].itertuples(index=False, name=None)]
    table, axes = table.assign(point=points), (labels.get(across, across), labels.get(up, up))
    both = table.pivot_table(index="point", columns="measure", values="median").reindex(columns=[across, up]).dropna()
    if both.empty:
        raise StudyError(f"figures: no point has both {across} and {up}, so there is nothing to draw")
    if asked.kind == "frontier":
        return frontier(table, benefit=across, cost=up, labels=axes, by=stored.columns if len(stored.columns) > 1 else ["point"])
    return scatter(table, across=across, up=up, labels=axes, title=ranked_alike(both[across].to_numpy(), both[up].to_numpy()))


def single(stored: Stored, pattern: str) -> str:
    """The one stored measure that a pattern means; StudyError for none or several."""
    found = stored.named([pattern])
    if len(found) != 1:
        raise StudyError(f"figures: {pattern} must mean one stored measure, means {', '.join(found) or 'none'}")
    return found[0]


def ranked_alike(across: Numbers, up: Numbers) -> str:
    """The rank correlation of two measures over the points, in words."""
    found = rank_correlation(across, up)
    if isinstance(found, Missing):
        return f"no rank correlation: {found.reason}"
    return f"rank correlation {found.value:.2f} [{found.low:.2f}, {found.high:.2f}] over {len(across)} points"


def plane(stored: Stored, asked: Figure) -> tuple[str, str]:
    """The columns on the two axes: those asked for, else the first that vary, numbers before texts."""
    numbers = set(numeric(stored.frame))
    ranked = sorted(stored.columns, key=lambda name: name not in numbers)
    x = asked.x or next((name for name in ranked if name != asked.y), ranked[0])
    y = asked.y or next((name for name in ranked if name != x), x)
    return x, y


def differences(stored: Stored, by: str, measures: Sequence[str]) -> pd.DataFrame:
    """Paired differences against the first value of a column, or against the twins."""
    if by == "twins":
        return against_twins(stored.frame, stored.columns, measures)
    return paired(stored.frame, stored.columns, by, measures)


def _paired(stored: Stored, asked: Figure, measures: Sequence[str], labels: dict[str, str]) -> Drawing:
    """Differences over an axis of numbers where there is one, else side by side."""
    by = asked.by or next(iter(stored.study.variants), "twins")
    table = _cases(stored, by, measures)
    rest = [name for name in stored.columns if name != by]
    x = asked.x or next((name for name in rest if name in numeric(stored.frame)), None)
    if x is None:
        return bars(table, measures, x="difference on the same seeds, median", labels=labels)
    changes = {measure: f"change of {labels[measure]}" for measure in measures}
    return response(table, measures, x, ["kind", *(name for name in rest if name != x)], labels=labels | changes)


def _cases(stored: Stored, by: str, measures: Sequence[str]) -> pd.DataFrame:
    """Paired differences as `bars` wants them: a case per point, a kind per value that is compared."""
    table = differences(stored, by, measures)
    rest = [name for name in stored.columns if name != by]
    if by == "twins":
        kinds = [f"run - {against}" for against in table["against"]]
    else:
        kinds = [f"{value} - {against}" for value, against in zip(table[by], table["against"], strict=True)]
    cases = [named(rest, row) for row in table[rest].itertuples(index=False, name=None)] if rest else "all"
    return table.assign(case=cases, kind=kinds, value=table["median"])


def _sensitivity(stored: Stored, measures: Sequence[str], labels: dict[str, str]) -> Drawing:
    if isinstance(stored.study.design, OneAtATime):
        table = one_at_a_time(stored.study, stored.frame, measures)
        cases = [f"{parameter} = {value}" for parameter, value in zip(table["parameter"], table["value"], strict=True)]
        table = table.assign(case=cases, kind="change", value=table["median"])
        return bars(table, measures, x="change on the same seeds, median", labels=labels)
    table = indices(stored.study, stored.frame, measures)
    kinds = [INDEX_NAMES.get(index, index.replace("_", " ")) for index in table["index"]]
    return bars(table.assign(case=table["parameter"], kind=kinds), measures, x="index", labels=labels)

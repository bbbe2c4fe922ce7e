"""The recorder of a run: columns preallocated for all steps, tables that grow; nothing is derived here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from abm.clearing.journal import EventKind
from abm.market.instrument import Instruments
from abm.records import (
    EVENT,
    HEALTH_EDGES,
    LINEAGE,
    LIQUIDATION,
    PER_INSTRUMENT,
    SCALARS,
    SEIZURE,
    Exposure,
    Health,
    Meta,
    Records,
)

Columns = dict[str, NDArray[Any]]


class Recorder:
    """Writes the columns of one run; memory for all steps is taken at the start."""

    def __init__(self, instruments: Instruments, n_steps: int) -> None:
        shape = (n_steps, len(instruments))
        self.done = 0  # steps recorded
        self._seconds = np.zeros(n_steps)
        self._per_instrument: Columns = {name: np.zeros(shape, column.dtype) for name, column in PER_INSTRUMENT.items()}
        self._scalars: Columns = {name: np.zeros(n_steps, column.dtype) for name, column in SCALARS.items()}
        self._liquidations: list[NDArray[Any]] = []
        self._events: list[tuple[int, ...]] = []
        self._health: list[tuple[int, NDArray[np.int64]]] = []
        self._edges: NDArray[np.float64] = HEALTH_EDGES

    def step(self, s: int, *, seconds: float, per_instrument: Mapping[str, ArrayLike], scalars: Mapping[str, float]) -> None:
        """Row `s`: every column of `PER_INSTRUMENT`, (n_instruments,) each, and of `SCALARS`; steps come in order."""
        if s != self.done:
            raise ValueError(f"steps are recorded in order: expected {self.done}, was {s}")
        _same_names("per_instrument", per_instrument, self._per_instrument)
        _same_names("scalars", scalars, self._scalars)
        self._seconds[s] = seconds
        for name, row in per_instrument.items():
            self._per_instrument[name][s] = row
        for name, number in scalars.items():
            self._scalars[name][s] = number
        self.done = s + 1

    def liquidation(self, step: int, **columns: ArrayLike) -> None:
        """Forced slice orders of one step: every field of `LIQUIDATION` but `step`, (n,) each."""
        rows = np.empty(np.shape(columns["account"]), LIQUIDATION)
        rows["step"] = step
        for name in LIQUIDATION.names[1:]:  # type: ignore[index]
            rows[name] = columns[name]
        self._liquidations.append(rows)

    def event(
        self,
        step: int,
        kind: EventKind,
        *,
        account: int = -1,
        trader: int = -1,
        instrument: int = -1,
        lots: int = 0,
        value: int = 0,
        amount: int = 0,
        counterparty: int = -1,
    ) -> None:
        """One event; -1 stands for none."""
        self._events.append((step, int(kind), account, trader, instrument, lots, value, amount, counterparty))

    def health(self, step: int, edges: NDArray[np.float64], histogram: NDArray[np.int64]) -> None:
        """A snapshot of account health: `histogram` (n_bins,) cash units between `edges`, equal in all snapshots."""
        if not self._health:
            self._edges = np.array(edges, dtype=np.float64)
        elif not np.array_equal(self._edges, edges):
            raise ValueError("edges of the health histogram must be equal in all snapshots of a run")
        self._health.append((step, np.array(histogram, dtype=np.int64)))

    def so_far(self, name: str) -> NDArray[Any]:
        """A column of the steps done, (done,) or (done, n_instruments): a view, not to be changed."""
        column = self._per_instrument[name] if name in self._per_instrument else self._scalars[name]
        return column[: self.done]

    def events_from(self, first: int) -> list[tuple[int, ...]]:
        """Events from number `first` on, each in the order of the fields of `EVENT`."""
        return self._events[first:]

    def liquidations_from(self, first: int) -> list[NDArray[Any]]:
        """Tables of forced orders, LIQUIDATION, from the `first` table on; one for every engine and step that sold."""
        return self._liquidations[first:]

    def records(
        self,
        meta: Meta,
        lineage: Sequence[NDArray[Any]] = (),
        exposure: Exposure | None = None,
        seizures: Sequence[NDArray[Any]] = (),
    ) -> Records:
        """What was recorded so far, copied and trimmed to the steps done; the other tables as given."""
        done = slice(0, self.done)
        histograms = [histogram for _, histogram in self._health]
        return Records(
            meta=meta,
            seconds=self._seconds[done].copy(),
            per_instrument={name: column[done].copy() for name, column in self._per_instrument.items()},
            scalars={name: column[done].copy() for name, column in self._scalars.items()},
            liquidations=np.concatenate([np.empty(0, LIQUIDATION), *self._liquidations]),
            events=np.array(self._events, dtype=EVENT),
            health=Health(
                step=np.array([step for step, _ in self._health], dtype=np.int64),
                edges=self._edges,
                notional=np.array(histograms, dtype=np.int64).reshape(len(histograms), len(self._edges) - 1),
            ),
            lineage=np.concatenate([np.empty(0, LINEAGE), *lineage]),
            seizures=np.concatenate([np.empty(0, SEIZURE), *seizures]),
            exposure=exposure,
        )


def _same_names(what: str, given: Mapping[str, Any], declared: Mapping[str, Any]) -> None:
    if given.keys() != declared.keys():
        wrong = ", ".join(sorted(given.keys() ^ declared.keys()))
        raise ValueError(f"{what} must hold exactly the declared columns; missing or unknown: {wrong}")

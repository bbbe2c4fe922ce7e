"""What a run recorded, as the data collector that Mesa's batch runner and notebooks ask a model for."""

from __future__ import annotations

import mesa

from abm.records import Records


def collector(records: Records) -> mesa.DataCollector:
    """One value per step and column of the table `steps`, in human units; agents are not collected.

    Built from what the tape holds, so collecting costs a run nothing. Mesa 3.5 looks steps up by their number, the first is 1.
    """
    found = mesa.DataCollector()
    columns = records.frames()["steps"].drop(columns="step")
    found.model_vars = {str(name): column.tolist() for name, column in columns.items()}
    found.model_reporters = {name: name for name in found.model_vars}  # Mesa asks whether there are any
    found._collection_steps = list(range(1, len(records) + 1))
    return found

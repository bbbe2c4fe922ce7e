"""The cascade as a weighted forest: liquidations, and the earlier liquidations whose forced orders took their equity.

Not suitable for worlds in which most losses are older than the last change of a leg: those have no cause on record.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from abm.market.causes import Cause
from abm.measures.value import Missing
from abm.records import Records

if TYPE_CHECKING:
    import networkx
    import pandas as pd

ROOT_BELOW = 0.5  # share of its loss through forced orders below which a liquidation has no parent in the tree
MEASURED = ("liquidations", "forced_loss_share", "generations", "largest_tree")


def losses(records: Records) -> pd.DataFrame:
    """Share of each liquidation's loss by cause and parent (-1: none named), netted over its legs; gains are left out.

    Columns `liquidation`, `step`, `account`, `cause` (Cause), `parent`, `loss` (cash units), `share`.
    """
    import pandas as pd

    keys = ["liquidation", "step", "account", "cause", "parent"]
    table = pd.DataFrame(records.lineage)[[*keys, "loss"]].groupby(keys, as_index=False).sum()
    table = table[table["loss"] > 0]
    total = table.groupby("liquidation")["loss"].transform("sum")
    return table.assign(share=table["loss"] / total).reset_index(drop=True)


def graph(records: Records) -> networkx.DiGraph:
    """Nodes are liquidations (`account`, `seconds`), edges lead from parent to child (`weight`, share of the child's loss)."""
    import networkx

    table = losses(records)
    found = networkx.DiGraph()
    nodes, edges = table.drop_duplicates("liquidation"), table[table["parent"] >= 0]
    for number, account, step in nodes[["liquidation", "account", "step"]].to_numpy().tolist():
        found.add_node(number, account=account, seconds=float(records.seconds[step]))
    found.add_weighted_edges_from(
        zip(edges["parent"].tolist(), edges["liquidation"].tolist(), edges["share"].tolist(), strict=True)
    )
    return found


def parents(records: Records) -> NDArray[np.int64]:
    """Heaviest parent of each liquidation, (n_liquidations,); -1 where less than half of its loss came through forced orders."""
    table = losses(records)
    count = int(records.lineage["liquidation"].max()) + 1 if len(records.lineage) else 0
    forced = np.zeros(count)
    np.add.at(forced, table["liquidation"], np.where(table["cause"] == Cause.FORCED, table["share"], 0.0))
    heaviest = table[table["parent"] >= 0].sort_values("share", kind="stable").groupby("liquidation")["parent"].last()
    parent = np.full(count, -1, dtype=np.int64)
    parent[heaviest.index] = heaviest
    return np.where(forced >= ROOT_BELOW, parent, -1)


def genealogy(records: Records) -> dict[str, Any]:
    """Measures of the forest, see `abm.measures.table`."""
    if not len(records.lineage):
        told = "nobody was seized" if records.meta.traced else "record.genealogy is off: nobody looked back"
        return dict.fromkeys(MEASURED, Missing(told))
    table, parent = losses(records), parents(records)
    generation, root = np.ones(len(parent), dtype=np.int64), np.arange(len(parent))
    for child in np.flatnonzero(parent >= 0):  # parents come before their children
        generation[child], root[child] = generation[parent[child]] + 1, root[parent[child]]
    lost = table["loss"].sum()
    return {
        "liquidations": len(parent),
        "forced_loss_share": float(table.loc[table["cause"] == Cause.FORCED, "loss"].sum() / lost) if lost else 0.0,
        "generations": int(generation.max()),
        "largest_tree": int(np.bincount(root).max()),
    }

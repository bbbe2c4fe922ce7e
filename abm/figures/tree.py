"""The forest of liquidations, from the stored tables: who lost what through whom, and what they sold then."""

from __future__ import annotations

import numpy as np
import pandas as pd

ROOT_BELOW = 0.5  # share of its loss through forced orders below which a liquidation has no parent


def asset_of(instruments: pd.Series) -> pd.Series:
    """`ETH@alpha` -> `ETH`."""
    return instruments.astype(str).str.split("@").str[0]


def sales(seizures: pd.DataFrame, liquidations: pd.DataFrame) -> pd.DataFrame:
    """Value of forced fills by `liquidation` and `asset`, currency: those of an account since its latest seizure."""
    starts = seizures.drop_duplicates("liquidation")[["step", "account", "liquidation"]].sort_values(by="step", kind="stable")
    fills = liquidations[liquidations["filled"] != 0].sort_values(by="step", kind="stable")
    found = pd.merge_asof(fills, starts, on="step", by="account").dropna(subset=["liquidation"])
    found = found.assign(asset=asset_of(found["instrument"]), liquidation=found["liquidation"].astype(int))
    return found.groupby(["liquidation", "asset"])["value"].sum().reset_index()


def infected(lineage: pd.DataFrame, sold: pd.DataFrame) -> pd.DataFrame:
    """Loss through forced orders in `source` of accounts that then sold `target`, currency, by source and target.

    What an account lost through forced orders is shared out over the assets in which it was sold itself, by value;
    losses of accounts of whom nothing was sold are left out, as are gains.
    """
    forced = lineage[lineage["cause"] == "forced"]
    lost = forced.assign(source=asset_of(forced["instrument"])).groupby(["liquidation", "source"])["loss"].sum().reset_index()
    share = sold["value"] / sold.groupby("liquidation")["value"].transform("sum")
    pairs = lost[lost["loss"] > 0].merge(sold.assign(share=share).rename(columns={"asset": "target"}), on="liquidation")
    pairs = pairs.assign(loss=pairs["loss"] * pairs["share"])
    return pairs.groupby(["source", "target"])["loss"].sum().reset_index()


def parents(lineage: pd.DataFrame) -> pd.Series:
    """Heaviest parent of each liquidation, by its number; -1 where less than half of its loss came through forced orders."""
    netted = lineage.groupby(["liquidation", "cause", "parent"])["loss"].sum().reset_index()
    netted = netted[netted["loss"] > 0]
    numbers = np.sort(lineage["liquidation"].unique())
    total = netted.groupby("liquidation")["loss"].sum().reindex(numbers, fill_value=0.0)
    forced = netted[netted["cause"] == "forced"].groupby("liquidation")["loss"].sum().reindex(numbers, fill_value=0.0)
    named = netted[netted["parent"] >= 0].sort_values(by="loss", kind="stable").groupby("liquidation")["parent"].last()
    heaviest = named.reindex(numbers, fill_value=-1)
    kept: pd.Series = heaviest.where((forced >= ROOT_BELOW * total) & (total > 0), -1)
    return kept


def largest_tree(parent: pd.Series) -> list[int]:
    """Liquidations of the tree with most of them, in order; the earliest of equals."""
    root: dict[int, int] = {}
    for number, above in zip(parent.index.tolist(), parent.tolist(), strict=True):
        root[number] = root.get(above, number)
    roots = list(root.values())
    if not roots:
        return []
    chosen = max(dict.fromkeys(roots), key=roots.count)
    return [number for number, first in root.items() if first == chosen]


def places(tree: list[int], parent: pd.Series) -> dict[int, float]:
    """A height for each node so that branches do not cross: leaves one apart, in order; others amid their children."""
    children: dict[int, list[int]] = {number: [] for number in tree}
    for number in tree[1:]:
        children[int(parent[number])].append(number)
    height: dict[int, float] = {}
    stack, leaves = [(tree[0], False)] if tree else [], 0
    while stack:
        node, seen = stack.pop()
        if seen:
            height[node] = sum(height[child] for child in children[node]) / len(children[node])
        elif children[node]:
            stack += [(node, True), *((child, False) for child in reversed(children[node]))]
        else:
            height[node], leaves = float(leaves), leaves + 1
    return height

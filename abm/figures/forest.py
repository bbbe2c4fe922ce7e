"""The largest cascade as a tree in time: each liquidation under the one through which it lost most."""

from __future__ import annotations

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from abm.figures.infection import COLOURS
from abm.figures.style import GREY, WIDTH, grid, styled
from abm.figures.tree import asset_of, largest_tree, parents, places

LARGEST, SMALLEST = 160.0, 5.0  # points^2, of a node


def forest(lineage: pd.DataFrame, seizures: pd.DataFrame, assets: list[str]) -> Figure:
    """Nodes at the time of the seizure, coloured by the asset in which the account had lost most, their area by the notional
    that it held; lines lead to the liquidation through whose forced orders it lost most."""
    parent = parents(lineage)
    tree = largest_tree(parent)
    height = places(tree, parent)
    first = seizures.drop_duplicates("liquidation").set_index("liquidation")["seconds"] / 60.0
    notional = (seizures["quantity"].abs() * seizures["mark"]).groupby(seizures["liquidation"]).sum()
    worst = _worst(lineage)
    with styled():
        drawn, panels = grid(1, 1, (WIDTH, 4.6))
        axes = panels[0, 0]
        for number in tree[1:]:
            above = int(parent[number])
            axes.plot([first[above], first[number]], [height[above], height[number]], color=GREY, linewidth=0.5, zorder=1)
        for k, asset in enumerate(assets):
            mine = [n for n in tree if worst.get(n) == asset]
            top = float(notional.reindex(tree).max()) if tree else 1.0
            sizes = [SMALLEST + LARGEST * float(notional[n]) / top for n in mine]
            axes.scatter(
                [first[n] for n in mine],
                [height[n] for n in mine],
                s=sizes,
                color=COLOURS[k % len(COLOURS)],
                edgecolors="white",
                linewidths=0.4,
                zorder=2,
            )
        handles = [
            Line2D([], [], marker="o", linestyle="none", color=COLOURS[k % len(COLOURS)], label=f"lost most in {asset}")
            for k, asset in enumerate(assets)
        ]
        drawn.legend(handles=handles, loc="outside lower center", ncols=min(6, len(handles)))
        axes.set_xlabel("time of the seizure, min")
        axes.set_yticks([])
        axes.grid(visible=False, axis="y")
        axes.spines["left"].set_visible(False)
        axes.set_title(f"{len(tree)} of {len(parent)} liquidations descend from one" if tree else "nobody was seized")
    return drawn


def _worst(lineage: pd.DataFrame) -> dict[int, str]:
    """The asset in which each liquidated account had lost most."""
    lost = lineage.assign(asset=asset_of(lineage["instrument"])).groupby(["liquidation", "asset"])["loss"].sum().reset_index()
    last = lost.sort_values(by="loss", kind="stable").drop_duplicates("liquidation", keep="last")
    return dict(zip(last["liquidation"].tolist(), last["asset"].tolist(), strict=True))

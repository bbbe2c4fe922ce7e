"""Liquidation policies: which lots of a seized account go to the book now, in which order, how fast and at what price."""

from abm.clearing.liquidation.policy import Fraction, JustEnough, LiquidationPolicy, NoLiquidation, OnTheBook, Whole
from abm.clearing.liquidation.priority import Priority
from abm.clearing.liquidation.seized import Seized

__all__ = ["Fraction", "JustEnough", "LiquidationPolicy", "NoLiquidation", "OnTheBook", "Priority", "Seized", "Whole"]

"""Weights in memory: in which numbers, how many, and where."""

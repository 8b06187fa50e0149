"""Weights on disk: their forms, their names, and how they are read."""

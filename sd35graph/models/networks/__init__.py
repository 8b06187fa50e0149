"""The networks of SD3 and SD3.5, built from the shapes of their weights."""

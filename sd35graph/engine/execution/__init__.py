"""Running one graph in one process: scheduling, list mapping, laziness, expansion, the output cache."""

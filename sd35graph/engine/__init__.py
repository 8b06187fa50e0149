"""The engine: runs graphs, keeps jobs, events and artifacts. Knows nodes only by their schemas and node types."""

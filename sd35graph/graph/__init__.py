"""The pure core: node types, workflow graphs, validation and planning. Standard library and pydantic only."""

"""From a request to a stored job, and from a stored job to what clients see of it."""

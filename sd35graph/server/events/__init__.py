"""What happens to jobs, told to clients while it happens: over the WebSocket and as server-sent events."""

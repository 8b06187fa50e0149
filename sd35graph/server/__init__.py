"""The HTTP and WebSocket server. Never imports torch or node code; the one place where HTTP is known."""

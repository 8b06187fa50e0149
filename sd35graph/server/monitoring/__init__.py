"""What an operator learns of the running server: counts, log lines, ids of requests."""

"""What one request, one socket and one user may ask of the server."""

from __future__ import annotations

from dataclasses import dataclass, field

from sd35graph.server.errors import ApiError
from sd35graph.server.guards.rates import RateLimit


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits, with the names they have in the settings. submits: how often each user queues a workflow."""

    max_body_bytes: int
    max_upload_bytes: int
    max_pixels: int
    max_graph_nodes: int
    max_waiting_jobs: int
    max_sockets: int
    request_timeout_s: float
    submits_per_minute: float
    submits: RateLimit = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "submits", RateLimit(self.submits_per_minute))

    def check_submission(self, who: str, waiting_jobs: int) -> None:
        """Raise `ApiError` where a workflow cannot be taken in now."""
        if waiting_jobs >= self.max_waiting_jobs:
            sentence = (
                f"{waiting_jobs} jobs wait already, and this server keeps no more; try again when some have ended"
            )
            raise ApiError(503, "queue_full", sentence, headers={"retry-after": "10"})
        wait_s = self.submits.take(who)
        if wait_s > 0:
            sentence = (
                f"more than {self.submits_per_minute:g} workflows were queued within a minute; wait {wait_s:.1f} s"
            )
            raise ApiError(429, "too_many_requests", sentence, headers={"retry-after": str(round(wait_s) + 1)})

    def check_graph(self, nodes: int) -> None:
        """Raise `ApiError` for a workflow of too many nodes."""
        if nodes > self.max_graph_nodes:
            sentence = f"the workflow has {nodes} nodes; this server takes {self.max_graph_nodes} at most"
            raise ApiError(413, "graph_too_large", f"{sentence}; split it, or raise max_graph_nodes in the settings")

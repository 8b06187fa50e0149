"""Our own interface: one module per resource."""

from sd35graph.server.routes.v1 import artifacts, jobs, nodes, operation, queue, workflows

ROUTERS = (jobs.router, queue.router, artifacts.router, nodes.router, workflows.router, operation.router)

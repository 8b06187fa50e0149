"""Our own interface: one module per resource."""

from sd35graph.server.routes.v1 import artifacts, jobs, nodes, operation, queue, workflow_folders, workflows

ROUTERS = (
    jobs.router,
    queue.router,
    artifacts.router,
    nodes.router,
    workflows.router,
    workflow_folders.router,
    operation.router,
)

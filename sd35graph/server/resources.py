"""Bodies of `/v1`, our own interface, as pydantic models; see `wire` for those of the existing one.

Requests are validated with them. Answers are built as plain JSON and only described here; a test checks real answers
against them.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import ConfigDict, Field, JsonValue

from sd35graph.engine.jobs import JobState, WebhookState
from sd35graph.server.wire import Answer, Lazy, NodeErrors
from sd35graph.tokens import Role

Time = Annotated[str, Field(description="UTC, RFC 3339.", examples=["2026-11-22T21:00:00.123Z"])]


class Asked(Lazy):
    """A request body. Unknown fields are refused: a wish that is not understood is not left out silently."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


class WebhookRequest(Asked):
    """Whom to tell, by `POST`, when a job has ended. The form is that of Standard Webhooks (standardwebhooks.com)."""

    url: str = Field(max_length=2000, examples=["https://studio.example/done"])
    secret: str = Field(
        pattern=r"^whsec_[A-Za-z0-9+/]{32,86}={0,2}$",
        description="Signs what is sent: `whsec_` and 24 to 64 random bytes in base64. Never shown again.",
        examples=["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"],
    )


class WebhookStatus(Answer):
    """How far the telling has got. attempts: made so far; error: what went wrong with the last."""

    url: str
    state: WebhookState
    attempts: int
    error: str | None


class JobRequest(Asked):
    """A workflow to run."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "workflow": {
                        "1": {"class_type": "EmptyImage", "inputs": {"width": 64, "height": 64}},
                        "2": {"class_type": "PreviewImage", "inputs": {"images": ["1", 0]}},
                    }
                }
            ]
        }
    )
    workflow: dict[str, JsonValue] = Field(description="A workflow in API form or in the editor's form.")
    targets: list[str] | None = Field(default=None, description="Output nodes to run; null: all.")
    front: bool = Field(default=False, description="Run before everything that waits.")
    priority: int = Field(default=0, ge=-1000, le=1000, description="Jobs of a higher one run first.")
    client_id: str | None = Field(default=None, max_length=1000, description="The socket to tell of this job.")
    extra_data: dict[str, JsonValue] = Field(default={}, description="Data of your own, kept with the job.")
    webhook: WebhookRequest | None = Field(default=None, description="Whom to tell when it has ended.")


class JobChange(Asked):
    """Another place in the queue for a job that waits."""

    priority: int | None = Field(default=None, ge=-1000, le=1000, description="Jobs of a higher one run first.")
    before: str | None = Field(
        default=None, max_length=200, description="The waiting job to run before, in its priority; null: behind all."
    )


class Problem(Lazy):
    """Why a request was refused (RFC 9457). code: stable, for programs; detail: for people, with the way out."""

    type: str = Field(examples=["urn:sd35graph:problem:not_found"])
    title: str = Field(examples=["Not Found"])
    status: int = Field(examples=[404])
    detail: str
    code: str = Field(examples=["not_found"])
    node_errors: dict[str, NodeErrors] | None = Field(default=None, description="The workflow's problems by node.")


class ArtifactRef(Answer):
    """A file a node showed as its result."""

    node: str
    name: str
    subfolder: str
    folder: str
    url: str = Field(description="Where its content is; `?thumbnail=256` gives a small picture.")


class JobSummary(Answer):
    """A job. error: why it failed."""

    id: str
    url: str
    state: JobState
    priority: int = Field(description="Jobs of a higher one run first.")
    number: float = Field(description="Place in the queue among those of one priority; lower runs first.")
    attempts: int = Field(description="How often it was started.")
    cancel_requested: bool
    created: Time
    started: Time | None
    ended: Time | None
    title: str | None = Field(description="What its workflow was called in the editor.")
    nodes: int = Field(description="How many nodes its workflow has.")
    targets: list[str]
    client_id: str | None
    submitted_by: str | None
    error: dict[str, JsonValue] | None
    artifacts: list[ArtifactRef]


class JobDetail(JobSummary):
    """A job with what was asked, and all that its output nodes showed. node_errors: of outputs that were left out."""

    prompt: dict[str, JsonValue] = Field(description="The workflow in API form.")
    workflow: dict[str, JsonValue] | None = Field(description="The editor's form, if that was sent.")
    extra_data: dict[str, JsonValue]
    node_errors: dict[str, NodeErrors]
    outputs: dict[str, dict[str, list[JsonValue]]]
    webhook: WebhookStatus | None


class JobPage(Answer):
    """A part of the jobs. next: the `cursor` of the next part; null: this was the last."""

    jobs: list[JobSummary]
    next: str | None


class QueueState(Answer):
    """How many jobs wait and run, and their ids in order. Those of other users are counted, not named.

    paused: no more jobs are started, by whom they may be; those that run go on.
    """

    paused: bool
    pending: int
    running: int
    pending_ids: list[str]
    running_ids: list[str]


class ModelKind(Answer):
    """A kind of model and its files."""

    kind: str
    files: list[str]


class LoaderNode(Asked):
    """A node of a workflow in API form, of which the model files chosen in its drop-downs are looked at."""

    class_type: str = Field(max_length=200, examples=["CLIPLoader"])
    inputs: dict[str, JsonValue] = Field(examples=[{"clip_name": "t5xxl_fp16.safetensors", "type": "sd3"}])


class PromptLengthRequest(Asked):
    """A prompt, and the node that loads the text encoders it is for."""

    text: str = Field(max_length=100_000, examples=["a red fox asleep in fresh snow"])
    loader: LoaderNode


class SavedWorkflow(Answer):
    """A workflow of the user's own, or an example that comes with the program.

    etag: of its content now. modified_ms: when that was saved, in milliseconds since 1970.
    """

    name: str
    title: str
    is_example: bool
    etag: str
    modified_ms: int


class WorkflowVersion(Answer):
    """An earlier content of a saved workflow. saved_ms: when it was saved, in milliseconds since 1970."""

    saved_ms: int
    size_bytes: int


class DeletedWorkflow(Answer):
    """A workflow that was deleted and can be brought back: its version `saved_ms` is what it held.

    deleted_ms: when that was kept, in milliseconds since 1970.
    """

    name: str
    saved_ms: int
    deleted_ms: int


class WorkflowMove(Asked):
    """Another name for a workflow, or for a folder of them, whose names have a `/` at the end."""

    name: str = Field(min_length=1, examples=["drafts/"])
    new_name: str = Field(min_length=1, examples=["old/drafts/"])


class MovedWorkflow(Answer):
    """A workflow that has another name now."""

    name: str
    new_name: str


class Me(Answer):
    """Who makes the request. name: null where nobody needs a token."""

    name: str | None
    role: Role


class CancelledJobs(Answer):
    """How many jobs were cancelled; the last event of each says when it has stopped."""

    cancelled: int


class Capabilities(Answer):
    """What this server is and takes."""

    version: str
    interface_version: str = Field(description="Version of the existing interface it answers like, outside /v1.")
    workflow_forms: list[str]
    job_states: list[str]
    event_types: list[str]
    thumbnail_px: tuple[int, int] = Field(description="Smallest and largest `thumbnail`.")
    limits: dict[str, float]
    devices: list[dict[str, JsonValue]]


class Health(Answer):
    """Whether the process answers, or is ready for work. reasons: why not."""

    status: Literal["ok", "not_ready"]
    reasons: list[str]

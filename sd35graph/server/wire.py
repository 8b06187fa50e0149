"""Bodies of requests and answers, as pydantic models: the source of `/openapi.json` and of the editor's types.

Requests are validated with them, in strict mode. Answers are built as plain JSON and only described here: a history
of a thousand large graphs is not validated a second time on its way out; a test checks real answers against the models.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue

ApiGraph = Annotated[dict[str, JsonValue], Field(description="Nodes by id: {class_type, inputs, _meta?}.")]


class Lazy(BaseModel):
    """Built at its first use: most models here only describe answers, and the server should be there at once."""

    model_config = ConfigDict(defer_build=True)


class Request(Lazy):
    """A request body. Unknown fields are ignored: clients send what other servers understand."""

    model_config = ConfigDict(strict=True, extra="ignore", frozen=True)


class PromptRequest(Request):
    """A workflow to run. A bare workflow document of either form is accepted too."""

    # The document itself is read by graph/formats, which gives all its problems at once.
    prompt: object = Field(default=None, json_schema_extra={"type": "object", "description": "API or editor form."})
    client_id: str | None = Field(default=None, max_length=1000)
    prompt_id: str | None = Field(default=None, description="A canonical lower-case UUID of the client's choice.")
    number: float | None = Field(default=None, allow_inf_nan=False, description="Place in the queue; lower runs first.")
    front: bool | None = Field(default=None, description="Run before everything that waits.")
    extra_data: dict[str, JsonValue] | None = None
    partial_execution_targets: list[str] | None = Field(default=None, description="Output nodes to run; null: all.")


class QueueChange(Request):
    """Which waiting jobs, or finished ones in the history, to delete."""

    clear: bool = False
    delete: list[str] = Field(default=[], max_length=10_000)


class InterruptRequest(Request):
    """Which running job to stop; null: every running one."""

    prompt_id: str | None = None


class FreeRequest(Request):
    """What the workers should let go of."""

    unload_models: bool = False
    free_memory: bool = False


class CancelRequest(Request):
    """Which jobs to cancel."""

    job_ids: list[str] = Field(max_length=10_000)


class LogSubscription(Request):
    """Whether a client wants to be sent new log lines."""

    clientId: str = Field(max_length=1000)  # noqa: N815 (the name clients send)
    enabled: bool


class FileName(Request):
    """A file below the input, output or temp folder, as results name it."""

    filename: str
    subfolder: str = ""
    type: str = "output"


class Answer(Lazy):
    """An answer's body."""

    model_config = ConfigDict(extra="forbid")


class Done(Answer):
    """It is done, and there is nothing to tell: `{}`."""


class NodeError(Answer):
    """One problem of a node."""

    type: str
    message: str
    details: str
    extra_info: dict[str, JsonValue]


class NodeErrors(Answer):
    """All problems of a node, and the output nodes that cannot run because of them."""

    errors: list[NodeError]
    dependent_outputs: list[str]
    class_type: str


class ErrorReply(Answer):
    """Why a request was refused."""

    error: NodeError
    node_errors: dict[str, NodeErrors]


class PromptReply(Answer):
    """The job is stored. `node_errors`: outputs that are left out because of problems."""

    prompt_id: str
    number: float
    node_errors: dict[str, NodeErrors]


class ExecInfo(Answer):
    """How many jobs wait or run."""

    queue_remaining: int


class QueueLength(Answer):
    """How many jobs wait or run."""

    exec_info: ExecInfo


QueueItem = tuple[float, str, ApiGraph, dict[str, JsonValue], list[str]]
"""Number, job id, graph, extra data, outputs to run."""


class Queue(Answer):
    """The jobs that run and wait, in order."""

    queue_running: list[QueueItem]
    queue_pending: list[QueueItem]


class NodeMeta(Answer):
    """How a node of the history is shown: nodes of an expansion under the node they came from."""

    node_id: str
    display_node: str
    parent_node: str | None
    real_node_id: str


class HistoryStatus(Answer):
    """How a job ended, with its main messages."""

    status_str: Literal["success", "error"]
    completed: bool
    messages: list[tuple[str, dict[str, JsonValue]]]


class HistoryEntry(Answer):
    """A finished job."""

    prompt: QueueItem
    outputs: dict[str, dict[str, list[JsonValue]]]
    status: HistoryStatus
    meta: dict[str, NodeMeta]


class NodeInputs(Lazy):
    """Inputs of a node type by name: `[type or choices, options]`."""

    required: dict[str, list[JsonValue]] = {}
    optional: dict[str, list[JsonValue]] = {}
    hidden: dict[str, str] = {}


class NodeInfo(Lazy):
    """A node type as clients see it."""

    input: NodeInputs
    input_order: dict[str, list[str]]
    output: list[str | list[str]]
    output_is_list: list[bool]
    output_name: list[str]
    output_tooltips: list[str] = []
    name: str
    display_name: str
    description: str
    python_module: str
    category: str
    output_node: bool
    deprecated: bool = False
    experimental: bool = False


class UploadedFile(Answer):
    """Where an upload was kept."""

    name: str
    subfolder: str
    type: Literal["input", "output", "temp"]


class SystemInfo(Lazy):
    """The machine and the programs, memory in bytes. `comfyui_version`: the interface this server answers like."""

    os: str
    ram_total: int
    ram_free: int
    comfyui_version: str
    sd35graph_version: str
    required_frontend_version: str | None
    installed_templates_version: str | None
    required_templates_version: str | None
    python_version: str
    pytorch_version: str | None
    embedded_python: bool
    argv: list[str]


class DeviceInfo(Lazy):
    """A device a worker computes on, memory in bytes."""

    name: str
    type: str
    index: int | None
    vram_total: int
    vram_free: int
    torch_vram_total: int
    torch_vram_free: int


class LoadedModel(Lazy):
    """A network in a worker's memory. size_bytes: of its weights on the device now; total_bytes: of all of them."""

    file: str
    part: str
    device: str
    size_bytes: int
    total_bytes: int


class WorkerInfo(Answer):
    """A worker's place: its device, what the process in it does, how often it was replaced, and why the last time."""

    device: str
    state: Literal["starting", "ready", "busy", "restarting", "stopped"]
    pid: int | None
    job_id: str | None
    restarts: int
    last_error: str | None


class PackFailure(Answer):
    """A node pack that could not be loaded."""

    pack: str
    message: str
    traceback: str


class WorkersReport(Answer):
    """The workers, the packs that could not be loaded, and why the queue waits, such as a full disk."""

    workers: list[WorkerInfo]
    pack_failures: list[PackFailure]
    obstacle: str | None


class SystemStats(WorkersReport):
    """The machine, the devices and models of the workers that have answered, and the workers."""

    system: SystemInfo
    devices: list[DeviceInfo]
    loaded: list[LoadedModel]


class Features(Answer):
    """What this server understands."""

    supports_preview_metadata: bool
    max_upload_size: int


class Users(Answer):
    """Where settings and files are kept."""

    storage: Literal["server"]
    migrated: bool


class UserFile(Answer):
    """A file a user keeps here; times in milliseconds since 1970."""

    path: str
    size: int
    modified: int
    created: int


class UserEntry(Answer):
    """A file or folder a user keeps here."""

    name: str
    path: str
    type: Literal["file", "directory"]
    size: int | None = None
    modified: int | None = None
    created: int | None = None


class ModelFolder(Answer):
    """A kind of model and the folders it is looked for in."""

    name: str
    folders: list[str]


class ModelFile(Answer):
    """A model file. pathIndex: in which of the folders of its kind it was found."""

    name: str
    pathIndex: int  # noqa: N815 (the name clients read)
    size: int
    modified: int
    created: int


class LogLine(Answer):
    """A log line: when, and the text."""

    t: str
    m: str


class LogWindow(Answer):
    """The size of the window lines are meant for."""

    cols: int
    rows: int


class LogLines(Answer):
    """Log lines, oldest first. Data of the message `logs` too."""

    entries: list[LogLine]
    size: LogWindow


JobStatus = Literal["pending", "in_progress", "completed", "failed", "cancelled"]


class ListedJob(Answer):
    """A job of any state, times in milliseconds since 1970. What is not known yet is left out."""

    id: str
    status: JobStatus
    priority: float
    create_time: int
    execution_start_time: int | None = None
    execution_end_time: int | None = None
    preview_output: dict[str, JsonValue] | None = None
    outputs_count: int | None = None
    previewable_outputs_count: int | None = None
    execution_error: dict[str, JsonValue] | None = None
    workflow_id: str | None = None


class ListedJobDetails(ListedJob):
    """A job with its workflow and, once it has ended, its outputs."""

    update_time: int
    workflow: dict[str, JsonValue]
    outputs: dict[str, dict[str, list[JsonValue]]] | None = None
    execution_status: HistoryStatus | None = None
    execution_meta: dict[str, NodeMeta] | None = None


class Pagination(Answer):
    """Where in all jobs a list stands."""

    offset: int
    limit: int
    total: int
    has_more: bool


class JobList(Answer):
    """Jobs, page by page."""

    jobs: list[ListedJob]
    pagination: Pagination


class CancelReply(Answer):
    """The jobs that waited or ran and are being cancelled."""

    cancelled: list[str]


class NodeProgress(Answer):
    """How far a node is."""

    value: float
    max: float
    state: Literal["running", "finished"]
    node_id: str
    prompt_id: str
    display_node_id: str
    parent_node_id: str | None
    real_node_id: str
    seconds: float | None = Field(default=None, description="How long it took; only once it is finished.")


class StatusData(Lazy):
    """Data of `status`; `sid`, and `seq` to begin with, only in the first message of a socket."""

    status: QueueLength
    sid: str | None = None
    seq: int | None = None


class StartData(Lazy):
    """Data of `execution_start` and `execution_success`."""

    prompt_id: str
    timestamp: int
    seq: int | None = None


class CachedData(StartData):
    """Data of `execution_cached`. reasons: why other nodes run again, by node."""

    nodes: list[str]
    reasons: dict[str, str] = {}


class ExecutingData(Lazy):
    """Data of `executing`; node null: the job has ended."""

    node: str | None
    prompt_id: str
    display_node: str | None = None
    seq: int | None = None


class ProgressData(Lazy):
    """Data of `progress`."""

    value: float
    max: float
    prompt_id: str
    node: str
    seq: int | None = None


class QueueEventData(Lazy):
    """Data of `queue_event`, for sockets with `watch=1`: of others' jobs, or that the queue is another (`changed`)."""

    event: str
    prompt_id: str | None
    node: str | None
    value: float | None = None
    max: float | None = None
    seq: int | None = None


class ProgressStateData(Lazy):
    """Data of `progress_state`: the nodes that run and those that just changed."""

    prompt_id: str
    nodes: dict[str, NodeProgress]
    seq: int | None = None


class ExecutedData(Lazy):
    """Data of `executed`: what an output node shows."""

    node: str
    display_node: str
    output: dict[str, list[JsonValue]]
    prompt_id: str
    seq: int | None = None


class InterruptedData(StartData):
    """Data of `execution_interrupted`."""

    node_id: str | None
    node_type: str | None
    executed: list[str]


class ErrorData(InterruptedData):
    """Data of `execution_error`."""

    exception_message: str
    exception_type: str
    traceback: list[str]
    current_inputs: dict[str, JsonValue]
    current_outputs: list[str]


class RetriedData(StartData):
    """Data of `execution_retried`: the worker was lost and the job waits again."""

    reason: str


class WarningData(StartData):
    """Data of `execution_warning`: a node tells the user something that does not stop the job."""

    node: str
    display_node: str
    node_type: str | None
    message: str


SOCKET_MESSAGES: dict[str, type[BaseModel]] = {
    "status": StatusData,
    "feature_flags": Features,
    "execution_start": StartData,
    "execution_cached": CachedData,
    "progress_state": ProgressStateData,
    "executing": ExecutingData,
    "queue_event": QueueEventData,
    "progress": ProgressData,
    "executed": ExecutedData,
    "execution_success": StartData,
    "execution_error": ErrorData,
    "execution_interrupted": InterruptedData,
    "execution_retried": RetriedData,
    "execution_warning": WarningData,
    "logs": LogLines,
}
"""The data of each WebSocket message, by its type."""

"""From the body of `POST /prompt` to a stored job: read, validate, ask the validators, store, and only then answer."""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from pydantic import JsonValue

from sd35graph.engine.jobs import DuplicateJob, Job, NewJob, Webhook, again
from sd35graph.engine.workers.slot import WorkerUnavailable
from sd35graph.graph.errors import DocumentError
from sd35graph.graph.formats.document import Document, read_document
from sd35graph.graph.schema import NodeSchema
from sd35graph.graph.validate import Validation, validate, validator_calls, with_problems
from sd35graph.server.body import as_model
from sd35graph.server.errors import ApiError
from sd35graph.server.events.messages import node_types_of
from sd35graph.server.guards.roles import User
from sd35graph.server.jobs.legacy_errors import legacy_errors
from sd35graph.server.parts import VALIDATION_TIMEOUT_S, ServerParts
from sd35graph.server.wire import PromptRequest

logger = logging.getLogger(__name__)

_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_FEW_NODES = 20
_SECRETS = frozenset({"auth_token_comfy_org", "api_key_comfy_org"})
"""Credentials for another service that clients send along with their other data: never stored."""


class Refused(Exception):
    """The workflow has problems and nothing of it can run; `reply` is the body of the answer."""

    def __init__(self, reply: Mapping[str, JsonValue]) -> None:
        super().__init__("the workflow has problems")
        self.reply = reply


@dataclass(frozen=True, slots=True)
class Checked:
    """A document that was read, and what is wrong with it."""

    document: Document
    validation: Validation


async def submit(
    parts: ServerParts,
    body: JsonValue,
    client_id: str | None,
    user: User,
    *,
    webhook: Webhook | None = None,
    priority: int = 0,
) -> dict[str, JsonValue]:
    """Accept a workflow; when this returns, the job is stored. Gives the body of the answer.

    body: a `PromptRequest`, or a bare workflow of either form. client_id: used when the body names none. user: whose
    job it will be. webhook: whom to tell of its end. priority: see `NewJob`.
    Raises `ApiError` when the request makes no sense, `Refused` when no output of the workflow can run.
    """
    asked = _request(body)
    schemas = await parts.schemas()
    targets = asked.partial_execution_targets
    if _is_quick(body, schemas):
        checked = _check(body, schemas, parts, targets)
    else:
        checked = await asyncio.to_thread(_check, body, schemas, parts, targets)
    checked = await _ask_validators(parts, checked, schemas)
    error, errors = legacy_errors(checked.validation, checked.document.graph, schemas)
    if error is not None:
        raise Refused({"error": error, "node_errors": errors})
    new = _new_job(asked, checked, errors, client_id, user)
    job = await _store(parts, replace(new, webhook=webhook, priority=priority))
    return {"prompt_id": job.id, "number": job.number, "node_errors": errors}


async def retry(parts: ServerParts, job: Job) -> Job:
    """Queue an ended job once more, as a new one, without checking its workflow again. Raises `StoreError`."""
    return await _store(parts, again(job))


def _request(body: JsonValue) -> PromptRequest:
    """What the body asks for beside the workflow; a bare workflow asks for nothing."""
    is_wrapped = isinstance(body, dict) and any(
        key in body and not (isinstance(node := body[key], dict) and "class_type" in node)
        for key in ("prompt", "workflow")
    )
    asked = as_model(body, PromptRequest) if is_wrapped else PromptRequest()
    if asked.prompt_id is not None and not _UUID.fullmatch(asked.prompt_id):
        raise ApiError(
            400,
            "invalid_prompt_id",
            f"prompt_id must be a UUID in its canonical form, in lower case, not {asked.prompt_id[:60]!r}; "
            "leave it out to be given one",
        )
    return asked


def _is_quick(body: JsonValue, schemas: Mapping[str, NodeSchema]) -> bool:
    """Whether a workflow is checked sooner than a thread is woken: it has few nodes, and none that names a file.

    Files are looked for on disk, which can take its time.
    """
    prompt = body.get("prompt") if isinstance(body, dict) else None
    if not isinstance(prompt, dict) or len(prompt) > _FEW_NODES:
        return False
    types = [node.get("class_type") if isinstance(node, dict) else None for node in prompt.values()]
    found = [schemas[name] for name in types if isinstance(name, str) and name in schemas]
    return len(found) == len(types) and all(spec.source is None for schema in found for spec in schema.inputs)


def _check(
    body: JsonValue, schemas: Mapping[str, NodeSchema], parts: ServerParts, targets: Sequence[str] | None
) -> Checked:
    try:
        document = read_document(body, schemas)
    except DocumentError as error:
        raise ApiError(400, "no_prompt", f"No prompt provided: {error}", details=str(error)) from error
    parts.limits.check_graph(len(document.graph.nodes))
    return Checked(
        document, validate(document.graph, schemas, parts.folders.choices, targets, parsed=document.problems)
    )


async def _ask_validators(parts: ServerParts, checked: Checked, schemas: Mapping[str, NodeSchema]) -> Checked:
    graph = checked.document.graph
    calls = validator_calls(graph, schemas, checked.validation)
    try:
        found = await parts.supervisor.validate(calls, VALIDATION_TIMEOUT_S) if calls else []
    except WorkerUnavailable as error:
        raise ApiError(503, "worker_not_ready", f"the nodes' own checks cannot be made: {error}") from error
    except TimeoutError as error:
        asked = ", ".join(graph.label(call.node_id) for call in calls[:5])
        raise ApiError(
            504,
            "validation_timeout",
            f"the nodes' own checks did not end within {VALIDATION_TIMEOUT_S:g} s; asked were {asked}",
        ) from error
    if not found:
        return checked
    return Checked(checked.document, await asyncio.to_thread(with_problems, checked.validation, graph, schemas, found))


def _new_job(
    asked: PromptRequest, checked: Checked, errors: Mapping[str, JsonValue], client_id: str | None, user: User
) -> NewJob:
    extra_data = {name: value for name, value in (asked.extra_data or {}).items() if name not in _SECRETS}
    named = asked.client_id or extra_data.pop("client_id", None)
    new = NewJob(
        prompt=checked.document.prompt,
        targets=checked.validation.outputs,
        client_id=named if isinstance(named, str) else client_id,
        submitted_by=user.name,
        workflow=checked.document.workflow,
        extra_data=extra_data,
        node_errors=errors,
        number=asked.number,
        front=asked.front or False,
    )
    return new if asked.prompt_id is None else replace(new, job_id=asked.prompt_id)


async def _store(parts: ServerParts, new: NewJob) -> Job:
    """Store a job. The hub expects it before, for its first event may come before the answer goes out."""
    duplicate = ApiError(
        409, "duplicate_prompt_id", f"a job with the prompt_id {new.job_id} was accepted before; give a new one"
    )
    if not parts.hub.follow(new.job_id, new.client_id, node_types_of(new.prompt), new.submitted_by):
        raise duplicate
    is_stored = False
    try:
        if parts.supervisor.is_draining:
            sentence = "the server is being stopped and takes no more jobs; send it again when it is back"
            raise ApiError(503, "server_stopping", sentence, headers={"retry-after": "10"})
        job = await parts.supervisor.submit(new)
        logger.info("job accepted", extra={"job": job.id, "user": new.submitted_by})
        is_stored = True
    except DuplicateJob as error:
        raise duplicate from error
    finally:
        if not is_stored:
            parts.hub.forget(new.job_id)
    return job

"""The worker process: imports node packs and runs jobs, one at a time.

Started as `python -m sd35graph.engine.workers.worker CONFIG`, where CONFIG is a `WorkerConfig` as JSON. It speaks
`protocol` over its standard input and output, which it first moves away, so that what nodes print goes to standard
error. It ends as soon as its input does: with the process that started it. The main thread runs jobs, because some
libraries want to be there; others read messages and ask validators, so that cancelling and validating work meanwhile.
"""

from __future__ import annotations

import asyncio
import ctypes
import faulthandler
import gc
import io
import json
import logging
import math
import os
import queue
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import NoReturn, cast

from pydantic import JsonValue, TypeAdapter

from sd35graph import packs
from sd35graph.engine.artifacts import ArtifactStore
from sd35graph.engine.events import FINAL, Event, JobError
from sd35graph.engine.execution.cache import OutputCache, default_cache_bytes
from sd35graph.engine.execution.execute import Executor, JobRequest
from sd35graph.engine.execution.failure import message_of
from sd35graph.engine.execution.run_context import CancelToken
from sd35graph.engine.execution.validators import run_validators
from sd35graph.engine.services import LocalServices, Resources
from sd35graph.engine.workers.outbox import Outbox
from sd35graph.engine.workers.protocol import (
    WORKER_CONFIG,
    Decoder,
    Message,
    WorkerConfig,
    answer,
    encode,
    event_message,
)
from sd35graph.graph.context import WorkerEnvironment
from sd35graph.graph.formats.api import graph_from_api
from sd35graph.graph.problems import PROBLEMS
from sd35graph.graph.prompt_length import PROMPT_LENGTH, PromptLength, PromptMeter, Unavailable
from sd35graph.graph.schema import SCHEMAS
from sd35graph.graph.validate import ValidatorCall
from sd35graph.logs import configure_logging

logger = logging.getLogger(__name__)

_CALLS = TypeAdapter(list[ValidatorCall])
_READ_BYTES = 1 << 20
_FLUSH_TIMEOUT_S = 2.0
_TRIM_EVERY_S = 2.0
_PR_SET_PDEATHSIG = 1


class Worker:
    """Runs what the messages ask for. `serve` never returns: the process ends by `stop`, or with its input."""

    def __init__(self, config: WorkerConfig, outbox: Outbox) -> None:
        registry, failures = packs.load_packs(config.packs, builtin=config.builtin)
        environment = WorkerEnvironment(
            config.device, config.precision, config.folders.models, config.vram_bytes, config.ram_bytes
        )
        artifacts = ArtifactStore(config.folders)
        self._registry = registry
        self._schemas = registry.schemas()
        self._failures = failures
        self._outbox = outbox
        self._folders = config.folders
        self._artifacts = artifacts
        self._resources = Resources(registry.resources, environment)
        self._executor = Executor(
            registry,
            OutputCache(default_cache_bytes() if config.cache_bytes is None else config.cache_bytes),
            LocalServices(config.folders, artifacts, self._resources),
            call_scope=packs.call_scope,
        )
        self._tasks: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self._tokens: dict[str, CancelToken] = {}
        self._asking = asyncio.new_event_loop()

    def serve(self) -> NoReturn:
        """Say hello and run jobs, on this thread, for ever."""
        threading.Thread(target=self._asking.run_forever, name="validators", daemon=True).start()
        threading.Thread(target=self._artifacts.remove_leftovers, name="leftovers", daemon=True).start()
        for failure in self._failures:
            logger.warning("pack left out", extra={"pack": failure.pack, "reason": failure.message})
        failures = [asdict(failure) for failure in self._failures]
        schemas = json.loads(SCHEMAS.dump_json(self._schemas))  # an infinite limit becomes null: no limit
        hello = {"kind": "hello", "schemas": schemas, "system": packs.system_info(), "failures": failures}
        self._outbox.put(encode(hello))
        self._outbox.flush(_FLUSH_TIMEOUT_S)  # so that the events of a first job that crashes are not behind it
        trimmed_s, is_untrimmed = -math.inf, False
        while True:
            try:
                task = self._tasks.get(timeout=_TRIM_EVERY_S if is_untrimmed else None)
            except queue.Empty:  # idle, with memory to give back
                task = None
            if task is not None:
                self._attempt(task)
            is_untrimmed = time.monotonic() - trimmed_s < _TRIM_EVERY_S
            if not is_untrimmed:  # not after every job: it takes milliseconds
                _return_memory()
                trimmed_s = time.monotonic()

    @staticmethod
    def _attempt(task: Callable[[], None]) -> None:
        try:
            task()
        except Exception:
            logger.exception("the worker failed at a task beside its jobs and goes on")

    def handle(self, message: Message) -> None:
        """Do what a message asks for, without making the reading thread wait."""
        match message["kind"]:
            case "run":
                # Known before the job starts, so that a cancel that follows at once finds it.
                self._tokens[message["job_id"]] = CancelToken()
                self._tasks.put(lambda: self._run(message))
            case "cancel":
                token = self._tokens.get(message["job_id"])
                if token is not None:
                    token.cancel()
            case "validate" | "info" | "measure":
                asyncio.run_coroutine_threadsafe(self._answer(message), self._asking)
            case "free":
                self._tasks.put(lambda: self._free(message))
            case "stop":
                self._outbox.flush(_FLUSH_TIMEOUT_S)
                os._exit(0)
            case unknown:
                logger.error("unknown message", extra={"kind": unknown})

    def _run(self, message: Message) -> None:
        job_id: str = message["job_id"]
        ended = False

        def emit(event: Event) -> None:
            nonlocal ended
            newest_of = (event.type, job_id, event.data.get("node")) if event.is_momentary else None
            self._outbox.put(event_message(event), newest_of)
            ended = ended or event.type in FINAL

        try:
            graph, _ = graph_from_api(message["prompt"], self._schemas)
            request = JobRequest(
                job_id=job_id,
                graph=graph,
                targets=tuple(message["targets"]),
                prompt=message["prompt"],
                extra_pnginfo=message["extra_pnginfo"],
            )
            self._executor.run(request, emit, self._tokens[job_id])
        except BaseException as error:  # the worker's edge: whatever it was, the job has an end
            logger.exception("job ended by an error outside its nodes", extra={"job": job_id})
            if not ended:
                emit(Event(type="failed", job_id=job_id, data={"error": _job_error(error), "executed": []}))
        finally:
            del self._tokens[job_id]

    async def _answer(self, message: Message) -> None:
        try:
            reply = answer(message["id"], result=await self._result(message))
        except Exception as error:
            logger.exception("a question could not be answered", extra={"kind": message["kind"]})
            reply = answer(message["id"], error=f"{type(error).__name__}: {message_of(error)}")
        self._outbox.put(reply)

    async def _result(self, message: Message) -> JsonValue:
        if message["kind"] == "info":
            return {**packs.system_info(), "loaded": [{**model} for model in self._resources.loaded_models()]}
        if message["kind"] == "measure":
            return await asyncio.to_thread(self._measure, message)  # files are read, and validators do not wait for it
        problems = await run_validators(_CALLS.validate_python(message["calls"]), self._registry)
        result: JsonValue = PROBLEMS.dump_python(problems, mode="json")
        return result

    def _measure(self, message: Message) -> JsonValue:
        if not self._resources.knows(PromptMeter):
            no_meter = Unavailable("no_meter", "no node pack that is loaded tells how long prompts are")
            length = PromptLength((), unavailable=no_meter)
        else:
            meter = cast(PromptMeter, self._resources.get(PromptMeter))  # a pack's word for what its factory makes
            length = meter.measure(message["text"], [Path(path) for path in message["files"]], self._folders.file)
        result: JsonValue = PROMPT_LENGTH.dump_python(length, mode="json")
        return result

    def _free(self, message: Message) -> None:
        if message["free_memory"]:
            self._executor.cache.clear()
        if message["unload_models"]:
            self._resources.release()
        gc.collect()
        _return_memory()


def _return_memory() -> None:
    """Have the C library give the system what is free: it keeps freed pictures for itself, in the end a third more."""
    trim = (
        getattr(ctypes.CDLL(None), "malloc_trim", None) if sys.platform == "linux" else None
    )  # musl has no such thing
    if trim is not None:
        trim(0)


def _job_error(error: BaseException) -> dict[str, JsonValue]:
    lines = tuple(traceback.format_exception(error))
    return JobError(message=message_of(error), type=type(error).__name__, traceback=lines).as_json()


def _read(pipe: int, worker: list[Worker]) -> None:
    """Hand messages to the worker; when there are no more, the process ends, whatever its other threads do."""
    decoder = Decoder()
    try:
        while received := os.read(pipe, _READ_BYTES):
            for frame in decoder.feed(received):
                if worker:
                    worker[0].handle(frame.message)
                elif frame.message["kind"] == "stop":  # all that is said before our hello
                    os._exit(0)
    except Exception:
        logger.exception("messages cannot be read any more; the worker ends")
        os._exit(1)
    os._exit(0)


def _take_pipes() -> tuple[int, int]:
    """Move standard input and output to private descriptors; nodes print to standard error and read nothing."""
    incoming, outgoing = os.dup(0), os.dup(1)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.dup2(2, 1)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(line_buffering=True)  # nothing flushes it when the process is killed
    return incoming, outgoing


def _end_with_parent() -> None:
    """On Linux, have the kernel end us with our parent, even if we hold the interpreter lock in foreign code."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def _use_threads(count: int) -> None:
    """Have the libraries that packs import compute with so many threads, unless whoever started us said how many."""
    for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ.setdefault(name, str(count))


def main() -> NoReturn:
    """Run the worker process."""
    _end_with_parent()
    incoming, outgoing = _take_pipes()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)  # they are for the server, which ends us once our job is safe
    faulthandler.enable()
    outbox = Outbox(outgoing)
    worker: list[Worker] = []
    # Reading starts before the packs are imported, which takes long: until then nothing but the end is read.
    threading.Thread(target=_read, args=(incoming, worker), name="messages", daemon=True).start()
    try:
        config = WORKER_CONFIG.validate_json(sys.argv[1])
        configure_logging(config.log_format, config.log_level)
        if config.threads is not None:
            _use_threads(config.threads)
        worker.append(Worker(config, outbox))
        worker[0].serve()
    except BaseException as error:
        outbox.put(encode({"kind": "fatal", "message": f"the worker cannot start: {type(error).__name__}: {error}"}))
        outbox.flush(_FLUSH_TIMEOUT_S)
        logger.exception("the worker ends")
        os._exit(1)


if __name__ == "__main__":
    main()

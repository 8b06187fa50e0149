"""Serving: the address, uvicorn, and how the process stops: in order when asked once, at once when asked again."""

from __future__ import annotations

import asyncio
import errno
import logging
import os
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

import uvicorn

from sd35graph.app import App
from sd35graph.engine.jobs import StoreError
from sd35graph.engine.storage.revisions import refuse_newer, revision_of
from sd35graph.server.guards.access import Access
from sd35graph.server.guards.slow_clients import http_with_timeouts, websocket_with_timeouts
from sd35graph.server.parts import ServerParts
from sd35graph.settings import Settings
from sd35graph.tokens import TokenError, TokenFile

logger = logging.getLogger(__name__)

_SHUTDOWN_TIMEOUT_S = 5
_BACKLOG = 2048
_MAX_CLIENT_MESSAGE_BYTES = 2**20
_MAX_REQUESTS = 1_000
"""Connections beside the sockets; more are answered with 503."""
_OTHER_FILES = 256
_LOCK = ".sd35graph.lock"


class ServeError(Exception):
    """The server cannot listen; the message says why and what to do."""


def serve(settings: Settings, announce: Callable[[str], object] | None = None) -> None:
    """Serve until SIGINT or SIGTERM. `announce` is given the address once it answers; None: it is printed.

    Where others can reach the server and there is no token, one is made, and told with the address, this once.
    Raises `ServeError` when the address cannot be listened on, the folders cannot be made, or another server has them.
    """
    _allow_open_files(settings.max_sockets + _MAX_REQUESTS + _OTHER_FILES)
    with listen(settings.host, settings.port) as listener, owned(settings.base):
        new_server(settings, announce or _print).run(sockets=[listener])


@contextmanager
def owned(base: Path) -> Iterator[None]:
    """Own a base folder until the block ends, or the process does; a file in it is locked meanwhile.

    Two servers would run each other's jobs, and only one of them could tell the clients. Raises `ServeError`.
    """
    handle = None
    try:
        base.mkdir(parents=True, exist_ok=True)
        handle = os.open(base / _LOCK, os.O_RDWR | os.O_CREAT, 0o600)
        _lock(handle, base)
    except OSError as error:  # what writes there says it clearer; some file systems know no locks
        logger.debug("base folder is not locked", extra={"reason": str(error)})
    try:
        yield
    finally:
        if handle is not None:
            os.close(handle)


def _lock(handle: int, base: Path) -> None:
    if sys.platform == "win32":
        return  # it has no such locks
    import fcntl

    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        owner = os.read(handle, 20).decode("ascii", "replace")
        os.close(handle)
        raise ServeError(
            f"another server, process {owner}, uses the folder {base} already; end it, or choose another folder with "
            "--base. For several devices, start one server with --devices"
        ) from error
    os.truncate(handle, 0)
    os.write(handle, str(os.getpid()).encode())


def _allow_open_files(count: int) -> None:
    """Have the system let this process open so many files and connections, as far as it may be asked to."""
    if sys.platform == "win32":
        return  # it has no such limit
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = count if hard == resource.RLIM_INFINITY else min(count, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def new_server(settings: Settings, announce: Callable[[str], object]) -> uvicorn.Server:
    """The server, ready to run on a listening socket. Raises `ServeError`."""
    try:
        if settings.store_file is not None:
            refuse_newer(revision_of(settings.store_file), str(settings.store_file))
        app = App.from_settings(settings)
        secret = first_token(app.parts.access, settings)
    except (OSError, StoreError, TokenError) as error:
        raise ServeError(f"the server cannot start: {error}") from error
    config = uvicorn.Config(
        app.asgi,
        http=http_with_timeouts(settings.request_timeout_s),
        log_config=None,
        log_level="warning",
        access_log=False,
        proxy_headers=bool(settings.trusted_proxies),
        forwarded_allow_ips=list(settings.trusted_proxies),
        server_header=False,
        lifespan="on",
        limit_concurrency=settings.max_sockets + _MAX_REQUESTS,
        ws=websocket_with_timeouts(settings.request_timeout_s),
        ws_max_size=_MAX_CLIENT_MESSAGE_BYTES,
        ws_per_message_deflate=False,  # pictures do not shrink, and the rest is not worth the time on one machine
        timeout_graceful_shutdown=_SHUTDOWN_TIMEOUT_S,
    )
    return _Server(config, settings.shutdown_limit_s, announce, secret, app.parts)


def first_token(access: Access, settings: Settings) -> str | None:
    """A new administrator's token where one is needed and there is none."""
    if access.is_open or access.has_tokens:
        return None
    return TokenFile(settings.base).add("admin", "admin")


class _Server(uvicorn.Server):
    """uvicorn's server, which says its address once it answers, and finishes what runs before it closes.

    The first SIGINT or SIGTERM drains the supervisor, for `shutdown_limit_s` at most; then sockets are closed with
    code 1012 and `run` returns. The second one skips that. secret: a token nobody knows yet, told with the address.
    """

    def __init__(
        self,
        config: uvicorn.Config,
        shutdown_limit_s: float,
        announce: Callable[[str], object],
        secret: str | None,
        parts: ServerParts,
    ) -> None:
        super().__init__(config)
        self._shutdown_limit_s = shutdown_limit_s
        self._announce = announce
        self._secret = secret
        self._parts = parts
        self._loop: asyncio.AbstractEventLoop | None = None
        self._finishing: asyncio.Task[None] | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to answer, and say where."""
        self._loop = asyncio.get_running_loop()
        await super().startup(sockets)
        if self.started and sockets:
            self._announce(
                f"sd35graph is at {address_of(sockets[0])}{'' if self._secret is None else f'/?token={self._secret}'}"
            )
            if self._secret is not None:
                self._announce(
                    "This address holds an administrator's token, told only now. "
                    "`sd35graph token add NAME` makes more, for others or when it is lost."
                )

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Close all connections."""
        self._parts.hub.is_closing = True
        await super().shutdown(sockets)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Take a signal, between any two steps of whatever runs."""
        del sig, frame  # all signals mean the same, and after a good end the process ends with 0
        if self._loop is None:
            self.should_exit = True
        else:
            self._loop.call_soon_threadsafe(self._on_signal)

    def _on_signal(self) -> None:
        if self._finishing is None:
            logger.info("stopping in order; asked once more, the server stops at once")
            self._finishing = asyncio.create_task(self._finish_and_exit())
        else:
            logger.warning("stopping at once")
            self.config.timeout_graceful_shutdown = 0
            self.should_exit = True
            self._finishing.cancel()

    async def _finish_and_exit(self) -> None:
        try:
            await self._parts.supervisor.drain(self._shutdown_limit_s)
        except Exception:
            logger.exception("what ran could not be finished in order")
        finally:
            self.should_exit = True


def listen(host: str, port: int) -> socket.socket:
    """A listening socket. Raises `ServeError` that says why not and what to do."""
    listener = None
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP
        )[0]
        # asyncio sends small packets at once only on sockets that say they are TCP; create_server() does not say it.
        listener = socket.socket(family, kind, protocol)
        if os.name == "posix":
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(_BACKLOG)
    except OSError as error:
        if listener is not None:
            listener.close()
        raise ServeError(_why_not(host, port, error)) from error
    return listener


def _why_not(host: str, port: int, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"port {port} of {host} is in use already; stop the program that has it, or choose another with --port"
    if error.errno == errno.EACCES:
        return f"port {port} of {host} is not allowed to you; choose one from 1024 on with --port"
    if isinstance(error, socket.gaierror) or error.errno == errno.EADDRNOTAVAIL:
        return f'"{host}" is no address of this machine; use 127.0.0.1, or 0.0.0.0 for all its networks, with --host'
    return f"cannot listen on port {port} of {host}: {error}"


def address_of(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    if host in ("0.0.0.0", "::"):
        host = _own_address()
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _own_address() -> str:
    """This machine's address on the network it reaches others by; nothing is sent to find it."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # an address for documents, which nobody has
        except OSError:
            return "127.0.0.1"
        return str(probe.getsockname()[0])


def _print(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()

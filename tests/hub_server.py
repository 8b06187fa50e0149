"""A small Hugging Face hub on loopback: metadata by HEAD, content by GET with ranges, redirects, gates and faults."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote, urlsplit

COMMIT = "0123456789abcdef0123456789abcdef01234567"
CHUNK_BYTES = 64 * 1024


@dataclass
class HubFile:
    """What is served under a path of a repository.

    is_large: as LFS, with the SHA-256 as ETag, and where the hub has a second host, from there. gate: the X-Error-Code,
    such as "GatedRepo", with which requests without the token are refused. etag: another than the content's.
    """

    content: bytes
    is_large: bool = True
    gate: str | None = None
    etag: str | None = None

    def declared(self) -> str:
        if self.etag is not None:
            return self.etag
        if self.is_large:
            return hashlib.sha256(self.content).hexdigest()
        return hashlib.sha1(b"blob %d\0" % len(self.content) + self.content).hexdigest()


@dataclass
class Request:
    """What came in: method, path, and the two headers that matter."""

    method: str
    path: str
    authorization: str | None
    range: str | None


@dataclass
class Hub:
    """The server. files: by (repository, path). token: the one that opens gates.

    break_after: how many bytes of each GET are sent before the connection is cut; None: all. Once `stall` is set, a GET
    that has sent `break_after` bytes waits for `go_on` instead, and `stalled` says that one does.
    """

    files: dict[tuple[str, str], HubFile] = field(default_factory=dict)
    token: str | None = None
    break_after: int | None = None
    stall: bool = False
    stalled: threading.Event = field(default_factory=threading.Event)
    go_on: threading.Event = field(default_factory=threading.Event)
    requests: list[Request] = field(default_factory=list)
    url: str = ""
    content_url: str = ""

    def add(self, repository: str, path: str, content: bytes, **options: object) -> HubFile:
        file = HubFile(content, **options)  # type: ignore[arg-type]  # the fields of HubFile
        self.files[repository, path] = file
        return file

    def gets(self) -> list[Request]:
        """The requests for content; the client library also has questions of its own."""
        return [request for request in self.requests if request.method == "GET" and "/resolve/" in request.path]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def do_HEAD(self) -> None:
        self._answer(with_content=False)

    def do_GET(self) -> None:
        self._answer(with_content=True)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""

    def _answer(self, *, with_content: bool) -> None:
        hub, path = self.server.hub, unquote(urlsplit(self.path).path)
        hub.requests.append(Request(self.command, path, self.headers["Authorization"], self.headers["Range"]))
        repository, _, name = path.strip("/").partition("/resolve/main/")
        file = hub.files.get((repository, name))
        if file is None:
            is_known = any(known == repository for known, _ in hub.files)
            self._refuse(404 if is_known else 401, "EntryNotFound" if is_known else "RepoNotFound")
        elif self.server.is_content_host:
            self._send(file, with_content=with_content)
        elif file.gate is not None and self.headers["Authorization"] != f"Bearer {hub.token}":
            self._refuse(403 if self.headers["Authorization"] else 401, file.gate)
        elif file.is_large and hub.content_url:
            self.send_response(302)
            self._describe(file)
            self.send_header("Location", hub.content_url + self.path)
            self.send_header("Content-Length", "0")
            self.end_headers()
        else:
            self._send(file, with_content=with_content)

    def _describe(self, file: HubFile) -> None:
        self.send_header("X-Repo-Commit", COMMIT)
        if file.is_large:
            self.send_header("X-Linked-Etag", f'"{file.declared()}"')
            self.send_header("X-Linked-Size", str(len(file.content)))
        self.send_header("ETag", f'"{file.declared()}"')

    def _send(self, file: HubFile, *, with_content: bool) -> None:
        start = int((self.headers["Range"] or "bytes=0-").removeprefix("bytes=").partition("-")[0])
        rest = file.content[start:]
        self.send_response(206 if self.headers["Range"] else 200)
        self._describe(file)
        if self.headers["Range"]:
            self.send_header("Content-Range", f"bytes {start}-{len(file.content) - 1}/{len(file.content)}")
        self.send_header("Content-Length", str(len(rest)))
        self.end_headers()
        if with_content:
            self._write(rest)

    def _write(self, content: bytes) -> None:
        hub = self.server.hub
        limit = len(content) if hub.break_after is None else hub.break_after
        for start in range(0, min(limit, len(content)), CHUNK_BYTES):
            self.wfile.write(content[start : min(start + CHUNK_BYTES, limit)])
        if limit >= len(content):
            return
        if hub.stall:
            self.wfile.flush()
            hub.stalled.set()
            hub.go_on.wait(60)
        self.close_connection = True

    def _refuse(self, status: int, code: str) -> None:
        self.send_response(status)
        self.send_header("X-Error-Code", code)
        self.send_header("Content-Length", "0")
        self.end_headers()


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, hub: Hub, *, is_content_host: bool) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.hub, self.is_content_host = hub, is_content_host

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that was killed is none of the server's errors."""


@contextmanager
def running_hub(*, has_content_host: bool = False) -> Iterator[Hub]:
    """A hub that runs until the end of the block; with a content host, large files are redirected there."""
    hub = Hub()
    servers = [_Server(hub, is_content_host=False)]
    hub.url = f"http://127.0.0.1:{servers[0].server_port}"
    if has_content_host:
        servers.append(_Server(hub, is_content_host=True))
        hub.content_url = f"http://localhost:{servers[1].server_port}"
    threads = [threading.Thread(target=server.serve_forever, daemon=True) for server in servers]
    for thread in threads:
        thread.start()
    try:
        yield hub
    finally:
        hub.go_on.set()
        for server, thread in zip(servers, threads, strict=True):
            server.shutdown()
            server.server_close()
            thread.join()

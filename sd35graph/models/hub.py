"""Files from the Hugging Face hub: looked up, fetched so that an interrupted download goes on, and checked.

Of the client library only the requests are used: its own downloads begin anew after a break. The library reads
HF_TOKEN, HF_ENDPOINT and HF_HUB_OFFLINE from the environment.
"""

from __future__ import annotations

import errno
import hashlib
import io
import os
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from sd35graph.models.errors import FetchError

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

OnProgress = Callable[[int], object]
"""Told how many bytes of the file are there."""

LOOK_UP_TIMEOUT_S = 10.0
_CHUNK_BYTES = 8 * 2**20
_QUERY = re.compile(r"(/[^\s?'\"]*)\?[^\s'\"]+")  # of a URL in a message; it may be a signature that lets anybody fetch
_SHA256, _SHA1 = re.compile(r"[0-9a-f]{64}"), re.compile(r"[0-9a-f]{40}")


@dataclass(frozen=True, slots=True)
class RemoteFile:
    """A file as the hub describes it.

    etag: the SHA-256 of a large file's content, and of others the SHA-1 that git gives them.
    url, headers: where and with what it is fetched; the token is among the headers only if it is for that host.
    """

    repository: str
    path: str
    size_bytes: int
    etag: str
    url: str
    headers: Mapping[str, str] = field(repr=False)

    @property
    def name(self) -> str:
        """What the file is called."""
        return self.path.rsplit("/", 1)[-1]


def look_up(repository: str, path: str, endpoint: str | None = None) -> RemoteFile:
    """Ask the hub for a file's size and hash. Raises `FetchError`, which says what to do.

    endpoint: another hub's URL; None: the one the environment says.
    """
    # On first use: it takes half a second that most commands need not spend.
    from huggingface_hub import get_hf_file_metadata, get_token, hf_hub_url

    url = hf_hub_url(repository, path, endpoint=endpoint)
    with _explained(repository, path, url):
        metadata = get_hf_file_metadata(url, timeout=LOOK_UP_TIMEOUT_S, endpoint=endpoint)
    if metadata.etag is None or metadata.size is None:
        raise FetchError(f"{url}: the answer has no ETag or no size, so it is no hub's. Check HF_ENDPOINT.")
    token = get_token()
    # Large files lie on other hosts, and what the token opens is not theirs to know.
    is_same_host = _origin(metadata.location) == _origin(url)
    headers = {"authorization": f"Bearer {token}"} if token and is_same_host else {}
    return RemoteFile(repository, path, metadata.size, metadata.etag, metadata.location, headers)


def partial_size(remote: RemoteFile, folder: Path) -> int:
    """How many bytes of the file an interrupted download left in `folder`."""
    part = _part(remote, folder)
    return part.stat().st_size if part.is_file() else 0


def download(remote: RemoteFile, target: Path, folder: Path, on_progress: OnProgress = lambda done: None) -> str:
    """Fetch a file, or the rest of it, check it, and put it to `target` whole or not at all; returns its SHA-256.

    folder: holds the unfinished file, on the target's disk; a later call goes on from there. One call at a time may
    fetch a file. Raises `FetchError`.
    """
    from huggingface_hub.file_download import http_get
    from huggingface_hub.utils import disable_progress_bars  # type: ignore[attr-defined]  # not in its __all__

    disable_progress_bars("huggingface_hub.http_get")  # `on_progress` shows it
    folder.mkdir(parents=True, exist_ok=True)
    part = _part(remote, folder)
    done = partial_size(remote, folder)
    if done > remote.size_bytes:
        part.unlink()
        done = 0
    with _explained(remote.repository, remote.path, remote.url), _Counted(part, on_progress) as file:
        on_progress(done)
        if done < remote.size_bytes:
            http_get(remote.url, file, resume_size=done, headers=dict(remote.headers), expected_size=remote.size_bytes)
        file.flush()
        os.fsync(file.fileno())
    digest = _checked(remote, part)
    target.parent.mkdir(parents=True, exist_ok=True)
    os.replace(part, target)
    return digest


def fetch_into_cache(repository: str, path: str, endpoint: str | None = None) -> None:
    """Fetch a small file into the hub's own cache, whole or not at all. Raises `FetchError`."""
    from huggingface_hub import hf_hub_download

    remote = look_up(repository, path, endpoint)  # says at once what is wrong; the library would try for a minute
    with _explained(repository, path, remote.url):
        hf_hub_download(repository, path, endpoint=endpoint)


def sha256_of(path: Path, on_progress: OnProgress = lambda done: None) -> str:
    """The SHA-256 of a file's content, in hex."""
    return _digest(path, hashlib.sha256(), on_progress)


class _Counted(io.BufferedWriter):
    """A file open for appending that tells how long it is."""

    def __init__(self, path: Path, on_progress: OnProgress) -> None:
        super().__init__(io.FileIO(path, "ab"))
        self._on_progress = on_progress

    def write(self, buffer: ReadableBuffer, /) -> int:
        written = super().write(buffer)
        self._on_progress(self.tell())
        return written


def _part(remote: RemoteFile, folder: Path) -> Path:
    """The unfinished file. Its name holds the content's, so that it never becomes the start of another content."""
    return folder / f"{remote.name}.{hashlib.sha256(remote.etag.encode()).hexdigest()[:16]}.part"


def _checked(remote: RemoteFile, part: Path) -> str:
    """The SHA-256 of a finished download; one that is not what the hub declares is removed."""
    digest = sha256_of(part)
    found = digest
    if _SHA1.fullmatch(remote.etag):
        found = _digest(part, hashlib.sha1(f"blob {part.stat().st_size}\0".encode(), usedforsecurity=False))
    elif not _SHA256.fullmatch(remote.etag):
        return digest  # a hub that declares no hash; the size has been compared
    if found != remote.etag:
        part.unlink()
        raise FetchError(
            f"{remote.path} of {remote.repository} arrived damaged: its hash is {found}, the hub declares "
            f"{remote.etag}. It was thrown away; fetch it again."
        )
    return digest


def _digest(path: Path, digest: hashlib._Hash, on_progress: OnProgress = lambda done: None) -> str:
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK_BYTES):
            digest.update(chunk)
            on_progress(file.tell())
    return digest.hexdigest()


def _origin(url: str) -> str:
    """Scheme, host and port: `https://huggingface.co`."""
    return f"{urlsplit(url).scheme}://{urlsplit(url).netloc}"


def _told(error: Exception) -> str:
    """What an error says, its URLs without their queries."""
    return _QUERY.sub(r"\1", str(error))


@contextmanager
def _explained(repository: str, path: str, url: str) -> Iterator[None]:
    """Turn what goes wrong with a request into a `FetchError` with the way out."""
    from huggingface_hub import errors, get_token

    hub = _origin(url)
    try:
        yield
    except errors.GatedRepoError as error:
        token = "The token that was sent has no access." if get_token() else "No token was sent."
        raise FetchError(
            f"{repository} is gated: its licence must be accepted once. {token} Log in on {hub}/{repository} and "
            f"accept it, make a token that may read at {hub}/settings/tokens, and give it in HF_TOKEN."
        ) from error
    except errors.RepositoryNotFoundError as error:
        raise FetchError(
            f"{hub} has no repository {repository}, or shows it only to some; for those, give a token in HF_TOKEN."
        ) from error
    except errors.EntryNotFoundError as error:
        raise FetchError(f"{repository} on {hub} has no file {path}; it may have been renamed.") from error
    except errors.OfflineModeIsEnabled as error:
        raise FetchError(
            f"{path} was not fetched, as HF_HUB_OFFLINE is set. Unset it, or get the file elsewhere."
        ) from error
    except OSError as error:
        if error.errno == errno.ENOSPC:
            raise FetchError(
                f"The disk became full while {path} was fetched. Free some space and run it again: it goes on there."
            ) from error
        raise FetchError(
            f"{path} of {repository} could not be fetched: {_told(error)}. Run it again: it goes on."
        ) from error
    except Exception as error:  # the HTTP library below, and so its errors, differ by huggingface_hub's version
        kind = type(error).__name__
        raise FetchError(
            f"{path} of {repository} could not be fetched from {hub}: {kind}: {_told(error)}. Check the network, the "
            "proxy and HF_ENDPOINT, and run it again: it goes on."
        ) from error

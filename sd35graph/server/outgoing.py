"""Requests the server makes itself, to addresses users name: only to where those users could get without it.

A name is resolved once, and the connection goes to the address that was checked, so that no second answer of a name
server leads elsewhere. Redirects are not followed.
"""

from __future__ import annotations

import asyncio
import ipaddress
import re
import socket
import ssl
from collections.abc import Mapping
from concurrent.futures import Executor
from contextlib import suppress
from functools import partial
from urllib.parse import SplitResult, urlsplit

_STATUS = re.compile(rb"HTTP/1\.[01] (\d{3})[ \r\n]")
_PLAIN = re.compile(r"[!-~]{1,2000}")
_TRANSLATED = tuple(map(ipaddress.ip_network, ("64:ff9b::/96", "64:ff9b:1::/48", "2002::/16", "2001::/32")))
"""Networks whose addresses hold an IPv4 address, which could be any."""


class NotSent(Exception):
    """A request could not be made or was not answered; says why."""


class Forbidden(NotSent):
    """The address may not be asked for."""


def check_url(url: str, *, allow_private: bool) -> SplitResult:
    """The parts of a URL to which something may be sent. Raises `Forbidden`. Names are not resolved yet."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise Forbidden(f"it is no URL: {error}") from error
    if not _PLAIN.fullmatch(url) or parts.scheme not in ("http", "https") or not parts.hostname or port == 0:
        raise Forbidden("it must be an http or https URL of at most 2000 characters, others than ASCII percent-encoded")
    if "@" in parts.netloc or parts.fragment:
        raise Forbidden("it may hold no user, password or fragment")
    with suppress(ValueError):
        _check_address(str(ipaddress.ip_address(parts.hostname)), allow_private=allow_private)
    if not allow_private and f".{parts.hostname.rstrip('.')}".endswith(".localhost"):
        raise Forbidden("it names this machine itself")
    return parts


async def post(
    url: str, headers: Mapping[str, str], body: bytes, *, allow_private: bool, timeout_s: float, names: Executor
) -> int:
    """Send a request; gives the status of the answer. Raises `NotSent`.

    names: threads in which names are resolved. A name server may take its time, so nothing else should need them.
    """
    parts = check_url(url, allow_private=allow_private)
    try:
        async with asyncio.timeout(timeout_s):
            address = await _resolve(parts, names, allow_private=allow_private)
            return await _exchange(parts, address, _head(parts, headers, len(body)) + body)
    except TimeoutError as error:
        raise NotSent(f"no answer came within {timeout_s:g} s") from error
    except (OSError, ValueError) as error:  # of the connection, of TLS, or a line too long
        raise NotSent(f"the connection failed: {error}") from error


async def _resolve(parts: SplitResult, names: Executor, *, allow_private: bool) -> str:
    """An address of the host; none of them may lead to where users cannot get themselves."""
    assert parts.hostname is not None
    resolve = partial(socket.getaddrinfo, parts.hostname, _port(parts), type=socket.SOCK_STREAM)
    found = await asyncio.get_running_loop().run_in_executor(names, resolve)
    addresses = [str(each[4][0]) for each in found]
    for address in addresses:
        _check_address(address, allow_private=allow_private)
    return addresses[0]


def _check_address(text: str, *, allow_private: bool) -> None:
    address = ipaddress.ip_address(text.partition("%")[0])
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    is_public = address.is_global and not address.is_multicast and not any(address in each for each in _TRANSLATED)
    if not is_public and not allow_private:
        raise Forbidden(
            "it leads into a private network, or to this machine; who runs the server may allow that by the setting "
            "webhooks_to_private"
        )


async def _exchange(parts: SplitResult, address: str, request: bytes) -> int:
    tls = ssl.create_default_context() if parts.scheme == "https" else None
    reader, writer = await asyncio.open_connection(
        address, _port(parts), ssl=tls, server_hostname=parts.hostname if tls else None
    )
    try:
        writer.write(request)
        await writer.drain()
        status = _STATUS.match(await reader.readline())
    finally:
        writer.transport.abort()
    if status is None:
        raise NotSent("the answer is not HTTP")
    return int(status[1])


def _head(parts: SplitResult, headers: Mapping[str, str], size: int) -> bytes:
    target = f"{parts.path or '/'}{f'?{parts.query}' if parts.query else ''}"
    given = {"host": parts.netloc, "content-length": str(size), "connection": "close", **headers}
    lines = [f"POST {target} HTTP/1.1", *(f"{name}: {value}" for name, value in given.items())]
    return "\r\n".join([*lines, "", ""]).encode("ascii")


def _port(parts: SplitResult) -> int:
    return parts.port or (443 if parts.scheme == "https" else 80)

"""Under which names the server is reached, and which pages may use it.

A page from elsewhere that a user happens to visit can make the browser send requests here. Two checks stop it: the
`Host` header must name this server (a foreign name that was made to resolve to its address is refused), and a request
that a page caused must come from a page of ours.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from urllib.parse import urlsplit

from starlette.datastructures import Headers


def is_loopback(host: str) -> bool:
    """Whether a host name, without port, always means this machine."""
    name = host.strip("[]").rstrip(".").lower()
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


@dataclass(frozen=True, slots=True)
class Hosts:
    """Under which names the server is reached, and which pages may use it.

    bound: the address it listens on. allowed: further names, without port. origins: other sites whose pages may use it.
    """

    bound: str
    allowed: tuple[str, ...] = ()
    origins: tuple[str, ...] = ()

    @property
    def is_exposed(self) -> bool:
        """Whether others than this machine can reach the server: directly, or by a proxy that passes a name on."""
        return not all(map(is_loopback, (self.bound, *self.allowed)))

    def serves(self, host_header: str) -> bool:
        """Whether a `Host` header names this server.

        A page elsewhere can have a name of its own resolve to any address, but no name is an address: on all networks
        every address is served.
        """
        name = _name_in(host_header)
        if name is None:
            return False
        names = {self.bound.strip("[]").lower(), *(allowed.lower().rstrip(".") for allowed in self.allowed)}
        return name in names or is_loopback(name) or (not is_loopback(self.bound) and _is_address(name))

    def is_from_here(self, headers: Headers) -> bool:
        """Whether no page of another site caused a request.

        Scripts send no `Origin`; browsers do whenever a page wants to read the answer or change something.
        """
        origin = headers.get("origin")
        if origin is not None:
            return origin in self.origins or _is_same_origin(origin, headers.get("host", ""))
        if headers.get("sec-fetch-site", "none") not in ("cross-site", "same-site"):
            return True
        return headers.get("sec-fetch-mode") == "navigate" and headers.get("sec-fetch-dest") == "document"


def _name_in(host_header: str) -> str | None:
    """The name in a `Host` header, in lower case without port and last dot; None when it makes no sense."""
    try:
        parts = urlsplit(f"//{host_header}")
        valid = parts.port is None or parts.port >= 0
    except ValueError:
        return None
    is_plain = valid and "@" not in host_header and parts.netloc == host_header
    return parts.hostname.rstrip(".") if is_plain and parts.hostname else None


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _is_same_origin(origin: str, host_header: str) -> bool:
    """Whether an origin is where the request goes. The scheme is left out: a proxy may have taken off the TLS."""
    try:
        parts = urlsplit(origin)
    except ValueError:
        return False
    default = {"http": ":80", "https": ":443"}.get(parts.scheme)
    if default is None or not parts.netloc:
        return False
    return parts.netloc.lower().removesuffix(default) == host_header.lower().removesuffix(default)

"""A node whose files can be told whole from torn, for the crash test."""

import time
from hashlib import sha256

from sd35graph.graph.context import Context
from sd35graph.graph.node import Pack, node

CONTENT_BYTES = 300_000


def content_of(name: str) -> bytes:
    """What the file of a job holds: its name, much of nothing, and the digest of both."""
    body = f"{name}\n".encode() + name.encode() * (CONTENT_BYTES // len(name))
    return body + sha256(body).hexdigest().encode()


def name_in(content: bytes) -> str:
    """Whose file it is. Raises `ValueError` when it is not whole."""
    name = content.partition(b"\n")[0].decode()
    if content != content_of(name):
        raise ValueError(f"the file of {name!r} is torn")
    return name


@node("Keep", category="crash", is_output=True, cacheable=False)
def keep(ctx: Context, name: str, seconds: float) -> None:
    """Takes its time, then saves a file that holds its name."""
    end = time.monotonic() + seconds
    while (left_s := end - time.monotonic()) > 0:
        ctx.progress(seconds - left_s, seconds)
        time.sleep(min(left_s, 0.02))
    saved = ctx.save("output", "crash", ".bin", lambda file: file.write(content_of(name)))
    ctx.show("files", [saved.reference()])


pack = Pack(name="crash", nodes=[keep])

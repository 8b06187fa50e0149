"""Who may come in: the tokens, and a limit to guessing."""

from __future__ import annotations

import hashlib
import hmac
import logging
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence

from sd35graph.server.guards.rates import RateLimit
from sd35graph.server.guards.roles import User
from sd35graph.tokens import Token, TokenError, TokenFile

logger = logging.getLogger(__name__)

WRONG_TOKENS_PER_MINUTE = 20
_POLL_S = 0.5
_MAX_KNOWN = 10_000


class TooManyAttempts(Exception):
    """Too many wrong tokens came from an address."""

    def __init__(self, wait_s: float) -> None:
        super().__init__(f"too many wrong tokens came from this address; try again in {wait_s:.0f} s")
        self.wait_s = wait_s


class Access:
    """Knows the tokens, those of the settings and those of the file, which may change while the server runs.

    is_exposed: whether others than this machine can reach the server: then a token is needed even when there is none.
    """

    def __init__(
        self,
        tokens: Sequence[Token],
        file: TokenFile,
        *,
        is_exposed: bool,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._given = tuple(tokens)
        self._file = file
        self._clock = clock
        self._kept = file.read()
        self._seen = self._stamp()
        self._looked_at = clock()
        self._needs_token = is_exposed
        self._wrong = RateLimit(WRONG_TOKENS_PER_MINUTE, clock)
        self._known: OrderedDict[tuple[str, str], None] = OrderedDict()

    @property
    def is_open(self) -> bool:
        """Whether nobody needs a token. Once there was one, this stays false until the server ends."""
        self._reload_if_changed()
        self._needs_token = self._needs_token or bool(self._given or self._kept)
        return not self._needs_token

    @property
    def has_tokens(self) -> bool:
        """Whether there is a token by which somebody can come in."""
        return any(token.is_valid() for token in (*self._given, *self._kept))

    def user_of(self, secret: str, address: str) -> User | None:
        """Who shows this token; None when it is wrong or has expired.

        Raises `TooManyAttempts` after too many wrong ones from an address, except for a token that was right there
        before: whoever is in stays in while somebody else behind the same address guesses.
        """
        token = self._find(secret)
        if token is not None and (address, token.sha256) in self._known:
            return User(token.name, token.role)
        wait_s = self._wrong.wait_s(address)
        if wait_s > 0:
            raise TooManyAttempts(wait_s)
        if token is None:
            self._wrong.take(address)
            logger.warning("wrong token", extra={"address": address})
            return None
        self._known[address, token.sha256] = None
        if len(self._known) > _MAX_KNOWN:
            self._known.popitem(last=False)
        return User(token.name, token.role)

    def still_lets_in(self, secret: str) -> bool:
        """Whether a token that was right still is."""
        return self._find(secret) is not None

    def _find(self, secret: str) -> Token | None:
        self._reload_if_changed()
        shown = hashlib.sha256(secret.encode()).hexdigest()
        found = None
        for token in (*self._given, *self._kept):  # all of them: the time tells nothing about which one is near
            if hmac.compare_digest(token.sha256, shown) and token.is_valid():
                found = token
        return found

    def _reload_if_changed(self) -> None:
        """Read the file again when it has changed."""
        if self._clock() - self._looked_at < _POLL_S:
            return
        self._looked_at = self._clock()
        stamp = self._stamp()
        if stamp == self._seen:
            return
        self._seen = stamp
        try:
            self._kept = self._file.read()
        except TokenError as error:
            logger.error("the tokens known before stay in force", extra={"reason": str(error)})

    def _stamp(self) -> tuple[int, int, int] | None:
        try:
            status = self._file.path.stat()
        except OSError:
            return None
        return status.st_mtime_ns, status.st_size, status.st_ino

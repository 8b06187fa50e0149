"""Tokens by which people come in from elsewhere: what one is, and the file they are kept in.

Only the SHA-256 of a token is ever stored: who reads the file cannot come in by what it says. A plain digest is enough
because generated tokens hold 192 random bits; those of a person's own choice must be long.
"""

from __future__ import annotations

import hashlib
import os
import re
import secrets
import tomllib
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal, get_args
from uuid import uuid4

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError, model_validator

Role = Literal["viewer", "artist", "admin"]
ROLES: tuple[Role, ...] = get_args(Role)
"""From the one that may do least to the one that may do all."""

_SECRET = re.compile(r"[A-Za-z0-9._~+/-]{16,200}=*")
"""What may stand in an Authorization header (RFC 6750, b64token) and in a cookie, long enough not to be guessed."""
_FILE_HEAD = "# Written by `sd35graph token`. Holds no token, only their SHA-256.\n"


class TokenError(Exception):
    """A token, or the file of tokens, cannot be used; says why and what to do."""


class Token(BaseModel):
    """Who may come in, and as what.

    name: whose history it is; several tokens of one name share it. sha256: of the token, in hexadecimal; where it is
    read from, `token` may give the token itself. expires: from then on it is refused; None: never.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")
    role: Role
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    expires: AwareDatetime | None = None

    @model_validator(mode="before")
    @classmethod
    def _digest(cls, given: object) -> object:
        if not isinstance(given, Mapping) or "token" not in given:
            return given
        return {**{key: value for key, value in given.items() if key != "token"}, "sha256": digest(given["token"])}

    @property
    def id(self) -> str:
        """A short name of this one token among those of its name."""
        return self.sha256[:8]

    def is_valid(self, now: datetime | None = None) -> bool:
        """Whether it has not expired."""
        return self.expires is None or self.expires > (now or datetime.now(UTC))


def digest(secret: object) -> str:
    """The SHA-256 of a token in hexadecimal. Raises `ValueError` for one that is too short or cannot be sent."""
    if not isinstance(secret, str) or not _SECRET.fullmatch(secret):
        raise ValueError(
            "a token has 16 to 200 letters, digits or . _ ~ + / - (`sd35graph token add` makes one that nobody guesses)"
        )
    return hashlib.sha256(secret.encode()).hexdigest()


def new_secret() -> str:
    """A new token: 192 random bits."""
    return secrets.token_urlsafe(24)


class TokenFile:
    """The tokens made by `sd35graph token`, in `tokens.toml` of the base folder, readable by its owner only."""

    def __init__(self, base: Path) -> None:
        self.path = base / "tokens.toml"

    def read(self) -> tuple[Token, ...]:
        """All tokens; none when there is no file. Raises `TokenError`."""
        try:
            entries = tomllib.loads(self.path.read_text(encoding="utf-8")).get("tokens", [])
            return tuple(Token.model_validate(entry) for entry in entries)
        except FileNotFoundError:
            return ()
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, ValidationError, TypeError) as error:
            raise TokenError(f"{self.path} cannot be read as tokens: {error}; mend or remove the file") from error

    def add(self, name: str, role: Role, expires: datetime | None = None) -> str:
        """Make a token, keep its digest, and give the token itself: it is told only once. Raises `TokenError`."""
        secret = new_secret()
        try:
            token = Token(name=name, role=role, sha256=digest(secret), expires=expires)
        except ValidationError as error:
            raise TokenError(
                f'"{name}" is no name for a token; use up to 64 letters, digits, dots and dashes'
            ) from error
        self._write((*self.read(), token))
        return secret

    def revoke(self, name_or_id: str) -> int:
        """Remove the tokens of this name, or the one with this id; gives how many. Raises `TokenError`."""
        tokens = self.read()
        kept = tuple(token for token in tokens if name_or_id not in (token.name, token.id))
        if len(kept) < len(tokens):
            self._write(kept)
        return len(tokens) - len(kept)

    def _write(self, tokens: Sequence[Token]) -> None:
        temporary = self.path.with_name(f".tokens-{uuid4().hex}.part")
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with os.fdopen(os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w") as file:
                file.write(_FILE_HEAD + "".join(map(_as_toml, tokens)))
            os.replace(temporary, self.path)
        except OSError as error:
            temporary.unlink(missing_ok=True)
            raise TokenError(f"{self.path} cannot be written: {error.strerror or error}") from error


def _as_toml(token: Token) -> str:
    lines = [f'name = "{token.name}"', f'role = "{token.role}"', f'sha256 = "{token.sha256}"']
    if token.expires is not None:
        lines.append(f"expires = {token.expires.isoformat()}")
    return "\n[[tokens]]\n" + "".join(f"{line}\n" for line in lines)

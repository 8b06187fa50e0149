"""The command `sd35graph token`: make, list and revoke the tokens by which others come in.

Exit codes: 0 good; 1 there is no such token, or the file of tokens cannot be used; 2 the settings cannot be read.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer

from sd35graph.cli_options import PROBLEMS, Base, fail, load_settings
from sd35graph.tokens import Role, TokenError, TokenFile

app = typer.Typer(help="Make and revoke tokens for people who come from elsewhere.", no_args_is_help=True)


@app.command("add")
def add(
    name: Annotated[str, typer.Argument(help="Whose it is; tokens of one name share their history.")],
    role: Annotated[
        Role, typer.Option(help="viewer: look; artist: also run, upload, delete one's own; admin: everything.")
    ] = "artist",
    days: Annotated[
        int | None, typer.Option(min=1, max=36_500, help="Refused after so many days; default: never.")
    ] = None,
    base: Base = None,
) -> None:
    """Make a token and print it, this once. A running server knows it at once."""
    expires = None if days is None else (datetime.now(UTC) + timedelta(days=days)).replace(microsecond=0)
    with _token_errors():
        typer.echo(TokenFile(load_settings(base=base).base).add(name, role, expires))


@app.command("list")
def list_(base: Base = None) -> None:
    """Say who has tokens, with the first digits of their SHA-256; the tokens themselves are not kept."""
    settings = load_settings(base=base)
    with _token_errors():
        for token in (*settings.all_tokens, *TokenFile(settings.base).read()):
            until = "" if token.expires is None else f"  until {token.expires.isoformat()}"
            typer.echo(f"{token.id}  {token.role:8}{token.name}{until}{'' if token.is_valid() else ' (expired)'}")


@app.command("revoke")
def revoke(
    which: Annotated[str, typer.Argument(metavar="NAME|ID", help="All tokens of a name, or the one of an id.")],
    base: Base = None,
) -> None:
    """Refuse tokens from now on, also at a running server."""
    file = TokenFile(load_settings(base=base).base)
    with _token_errors():
        if not file.revoke(which):
            fail(f'there is no token "{which}" in {file.path}; `sd35graph token list` names them', PROBLEMS)


@contextmanager
def _token_errors() -> Iterator[None]:
    try:
        yield
    except TokenError as error:
        fail(str(error), PROBLEMS)

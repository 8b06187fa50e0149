"""What the commands share: options, exit codes, and how they end."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, NoReturn

import typer

from sd35graph.settings import Settings, SettingsError

PROBLEMS, UNREADABLE, INTERRUPTED = 1, 2, 130
FOLDERS, COMPUTING = "Folders", "Computing"
"""Headings in the help, under which options of several commands stand."""

Base = Annotated[
    Path | None,
    typer.Option(
        rich_help_panel=FOLDERS,
        help="Folder with models/ input/ output/ temp/ and the job store; default: your data folder.",
    ),
]
Models = Annotated[
    list[Path] | None,
    typer.Option(rich_help_panel=FOLDERS, help="One more folder of models, searched first. Repeatable."),
]


def load_settings(**flags: object) -> Settings:
    """The settings with these flags; ends the program if they cannot be read."""
    try:
        return Settings.load(flags)
    except SettingsError as error:
        fail(str(error), UNREADABLE)


def fail(message: str, code: int) -> NoReturn:
    """End the program with a message."""
    typer.echo(f"sd35graph: {message}", err=True)
    raise typer.Exit(code)

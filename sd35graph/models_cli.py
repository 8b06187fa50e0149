"""The command `sd35graph models`: list, pull and verify the published model files.

Exit codes: 0 good; 1 a file cannot be had or is damaged; 2 there is no such name; 130 stopped by Ctrl+C.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sd35graph.cli_options import INTERRUPTED, PROBLEMS, UNREADABLE, Base, Models, fail, load_settings
from sd35graph.graph.known_files import KNOWN_FILES, KNOWN_SETS, KnownFile

if TYPE_CHECKING:
    from sd35graph.engine.folders import Folders

app = typer.Typer(help="List, fetch and check the published model files.", no_args_is_help=True)


@app.command("list")
def list_(base: Base = None, models: Models = None) -> None:
    """Show the names that `pull` takes, what is here and where."""
    from sd35graph.model_files import find

    folders = _folders(base, models)
    typer.echo("Sets: a model with all it needs to draw")
    for name, members in KNOWN_SETS.items():
        missing = [KNOWN_FILES[member] for member in members if find(folders, KNOWN_FILES[member]) is None]
        state = f"{_size(missing)} to fetch in {len(missing)} of {len(members)} files" if missing else "here"
        typer.echo(f"  {name:52} {state}")
    typer.echo("\nFiles")
    for known in KNOWN_FILES.values():
        path = find(folders, known)
        size = _bytes(path.stat().st_size / 1e9) if path else f"about {_size([known])}"
        gate = ", licence to be accepted" if known.gated else ""
        where = f"here: {path}" if path else f"not here ({known.repository}{gate})"
        typer.echo(f"  {known.name:52} {size:>14}  {where}")


@app.command("pull")
def pull_(
    names: Annotated[list[str], typer.Argument(help="Names of sets or files, as `sd35graph models list` shows them.")],
    base: Base = None,
    models: Models = None,
) -> None:
    """Fetch files to where the loaders look; a token in HF_TOKEN opens gated repositories.

    What is here is left alone, and a download that was interrupted goes on. Files are put into the first folder of
    models: of --models, or the base's.
    """
    from sd35graph.model_files import UnknownName, files_named, pull
    from sd35graph.models.errors import FetchError
    from sd35graph.progress import FileProgress

    folders = _folders(base, models)
    try:
        wanted = files_named(names)
        with FileProgress() as screen:
            fetched = pull(folders, wanted, screen)
    except UnknownName as error:
        fail(str(error), UNREADABLE)
    except (FetchError, OSError) as error:
        fail(str(error), PROBLEMS)
    except KeyboardInterrupt:
        fail("stopped; the same command goes on from here", INTERRUPTED)
    for path in fetched:
        typer.echo(path)
    if len(fetched) < len(wanted):
        typer.echo(f"{len(wanted) - len(fetched)} of {len(wanted)} files were here already", err=True)


@app.command("verify")
def verify_(
    names: Annotated[list[str] | None, typer.Argument(help="Names of sets or files; none: all that is here.")] = None,
    base: Base = None,
    models: Models = None,
) -> None:
    """Check that files are whole, by their headers, and those that were pulled by their hashes."""
    from sd35graph.model_files import UnknownName, files_named, installed, verify
    from sd35graph.progress import FileProgress

    folders = _folders(base, models)
    try:
        paths = [_here(folders, known) for known in files_named(names)] if names else installed(folders)
    except UnknownName as error:
        fail(str(error), UNREADABLE)
    with FileProgress() as screen:
        verdicts = [verify(path, screen) for path in paths]
    for verdict in verdicts:
        state = f"damaged: {verdict.problem}" if verdict.problem else "good"
        typer.echo(f"{verdict.path}: {state}{f' ({verdict.note})' if verdict.note else ''}")
    if any(verdict.problem for verdict in verdicts):
        raise typer.Exit(PROBLEMS)


def _folders(base: Path | None, models: list[Path] | None) -> Folders:
    from sd35graph.engine.folders import Folders

    return Folders.from_settings(load_settings(base=base, models=models))


def _here(folders: Folders, known: KnownFile) -> Path:
    from sd35graph.model_files import find

    path = find(folders, known)
    if path is None:
        fail(f"{known.name} is not here; {known.how_to_get()}", PROBLEMS)
    return path


def _size(files: list[KnownFile]) -> str:
    return _bytes(sum(known.size_gb for known in files))


def _bytes(size_gb: float) -> str:
    return f"{size_gb:.1f} GB" if size_gb >= 0.1 else f"{size_gb * 1000:.1f} MB"

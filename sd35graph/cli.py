"""The command line: serve, run, check, nodes, doctor; `models` and `token` have modules of their own.

Exit codes: 0 good; 1 the workflow has problems or failed, or the server cannot start; 2 the file or the command line
cannot be read; 130 stopped by Ctrl+C.
"""

from __future__ import annotations

import json
import signal
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Annotated

import typer

from sd35graph import models_cli, tokens_cli
from sd35graph.cli_options import (
    COMPUTING,
    FOLDERS,
    INTERRUPTED,
    PROBLEMS,
    UNREADABLE,
    Base,
    Models,
    fail,
    load_settings,
)
from sd35graph.settings import LogFormat, LogLevel, Precision

if TYPE_CHECKING:
    from sd35graph.graph.validate import Problem
    from sd35graph.local import LocalEngine

app = typer.Typer(
    name="sd35graph",
    help="A typed node-graph workflow engine for Stable Diffusion 3.5.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.add_typer(models_cli.app, name="models")
app.add_typer(tokens_cli.app, name="token")

_LISTENING, _PEOPLE, _OPERATION = "Where it listens", "Who may use it", "Operation"
_SERVE_EPILOG = (
    "Every option is also a line in BASE/sd35graph.toml, such as `port = 8200`, and a variable, such as "
    "SD35GRAPH_PORT=8200; flags go before variables, and these before the file. Several folders in one variable are "
    "separated as in PATH, several names by commas. docs/operating.md lists the settings that have no flag.\n\n"
    "Examples:\n\n"
    "sd35graph serve --base ~/pictures --models /data/models\n\n"
    "sd35graph serve --host 0.0.0.0 (prints an address with a token, for others)\n\n"
    "sd35graph serve --log-format json --shutdown-limit 120 (as a service)"
)

Packs = Annotated[
    list[Path] | None, typer.Option(rich_help_panel=FOLDERS, help="One more folder of node packs. Repeatable.")
]
NoBuiltin = Annotated[
    bool,
    typer.Option("--no-builtin-nodes", rich_help_panel=FOLDERS, help="Leave out the nodes that come with sd35graph."),
]
PrecisionOption = Annotated[
    Precision | None,
    typer.Option(rich_help_panel=COMPUTING, help="What the models compute in; auto: what file and device do well."),
]
Device = Annotated[str | None, typer.Option(rich_help_panel=COMPUTING, help="auto, cpu, cuda:0 or mps.")]
Vram = Annotated[
    str | None,
    typer.Option(
        rich_help_panel=COMPUTING, help="GPU memory that models may take, such as 10GB or 8GiB; default: what is free."
    ),
]
Ram = Annotated[
    str | None,
    typer.Option(rich_help_panel=COMPUTING, help="The machine's memory that models may take; default: a share of it."),
]
WorkflowFile = Annotated[
    Path,
    typer.Argument(
        metavar="FILE",
        help="A workflow: JSON in editor or API form, a picture made by one, or an example's name, such as sd35_tiny.",
    ),
]


@app.command(epilog=_SERVE_EPILOG)
def serve(
    host: Annotated[
        str | None,
        typer.Option(rich_help_panel=_LISTENING, help="Address to listen on; default: 127.0.0.1, this machine only."),
    ] = None,
    port: Annotated[
        int | None, typer.Option(rich_help_panel=_LISTENING, help="Port to listen on; default: 8188.")
    ] = None,
    base: Base = None,
    models: Models = None,
    input: Annotated[
        Path | None, typer.Option(rich_help_panel=FOLDERS, help="Folder of uploaded pictures, instead of the base's.")
    ] = None,
    output: Annotated[
        Path | None, typer.Option(rich_help_panel=FOLDERS, help="Folder of finished pictures, instead of the base's.")
    ] = None,
    temp: Annotated[
        Path | None, typer.Option(rich_help_panel=FOLDERS, help="Folder of previews, removed at the next start.")
    ] = None,
    packs: Packs = None,
    no_builtin_nodes: NoBuiltin = False,
    precision: PrecisionOption = None,
    device: Device = None,
    devices: Annotated[
        str | None,
        typer.Option(
            rich_help_panel=COMPUTING,
            help="Devices of several workers, which run jobs side by side: cuda:0,cuda:1,cpu.",
        ),
    ] = None,
    workers: Annotated[
        int | None,
        typer.Option(
            rich_help_panel=COMPUTING,
            help="How many workers, dealt out over the devices; default: one for each device.",
        ),
    ] = None,
    vram: Vram = None,
    ram: Ram = None,
    token: Annotated[
        str | None,
        typer.Option(
            rich_help_panel=_PEOPLE,
            help="An administrator's token, at least 16 characters; SD35GRAPH_TOKEN hides it from the list of "
            "processes. See also: sd35graph token.",
        ),
    ] = None,
    allowed_host: Annotated[
        list[str] | None,
        typer.Option(rich_help_panel=_PEOPLE, help="A name under which others reach this server. Repeatable."),
    ] = None,
    cors_origin: Annotated[
        list[str] | None,
        typer.Option(
            rich_help_panel=_PEOPLE,
            help="Another site whose pages may use this server: https://studio.example. Repeatable.",
        ),
    ] = None,
    trusted_proxy: Annotated[
        list[str] | None,
        typer.Option(rich_help_panel=_PEOPLE, help="Address of a reverse proxy in front of this server. Repeatable."),
    ] = None,
    shutdown_limit: Annotated[
        float | None,
        typer.Option(
            min=0,
            rich_help_panel=_OPERATION,
            metavar="SECONDS",
            help="How long a running job may go on after SIGTERM or Ctrl+C before it is handed back; default: 30.",
        ),
    ] = None,
    log_format: Annotated[
        LogFormat | None,
        typer.Option(rich_help_panel=_OPERATION, help="pretty: lines for people; json: one object a line."),
    ] = None,
    log_level: Annotated[
        LogLevel | None,
        typer.Option(rich_help_panel=_OPERATION, help="The least important lines to log; debug tells every request."),
    ] = None,
    front_end: Annotated[
        Path | None,
        typer.Option(
            rich_help_panel=_OPERATION,
            help="Folder of another browser front end to serve instead of the editor; its scripts are run.",
        ),
    ] = None,
) -> None:
    """Serve the editor and the API.

    On this machine only, unless --host says otherwise; then everybody who comes needs a token.
    """
    settings = load_settings(
        host=host,
        token=token,
        allowed_hosts=allowed_host,
        cors_origins=cors_origin,
        trusted_proxies=trusted_proxy,
        front_end=front_end,
        port=port,
        base=base,
        models=models,
        input=input,
        output=output,
        temp=temp,
        packs=packs,
        builtin_nodes=False if no_builtin_nodes else None,
        precision=precision,
        device=device,
        devices=devices,
        workers=workers,
        vram=vram,
        ram=ram,
        shutdown_limit_s=shutdown_limit,
        log_format=log_format,
        log_level=log_level,
    )
    from sd35graph.logs import configure_logging
    from sd35graph.serving import ServeError
    from sd35graph.serving import serve as serve_app

    configure_logging(settings.log_format, settings.log_level)

    try:
        serve_app(settings)
    except ServeError as error:
        fail(str(error), PROBLEMS)


@app.command()
def run(
    file: WorkflowFile,
    set_: Annotated[
        list[str] | None,
        typer.Option(
            "--set", metavar="NODE.INPUT=VALUE", help="Change an input; NODE is an id or a title. Repeatable."
        ),
    ] = None,
    out: Annotated[
        Path | None, typer.Option("-o", "--out", help="Folder for the pictures; default: the base's.")
    ] = None,
    base: Base = None,
    models: Models = None,
    packs: Packs = None,
    no_builtin_nodes: NoBuiltin = False,
    precision: PrecisionOption = None,
    device: Device = None,
    vram: Vram = None,
    ram: Ram = None,
) -> None:
    """Run a workflow here, without a server, and print the names of its pictures."""
    settings = load_settings(
        base=base,
        models=models,
        packs=packs,
        output=out,
        builtin_nodes=False if no_builtin_nodes else None,
        precision=precision,
        device=device,
        vram=vram,
        ram=ram,
    )
    from sd35graph.engine.execution.run_context import CancelToken
    from sd35graph.graph.errors import DocumentError
    from sd35graph.local import InvalidWorkflow, LocalEngine
    from sd35graph.overrides import OverrideError
    from sd35graph.progress import ProgressDisplay

    cancel = CancelToken()
    try:
        document = _read(file)
        engine = LocalEngine(settings)
        _warn_of_packs(engine)
        with ProgressDisplay() as display, _first_ctrl_c(cancel.cancel):
            result = engine.run(document, overrides=set_ or (), on_event=display.show, cancel=cancel)
    except (DocumentError, OverrideError) as error:
        fail(f"{file}: {error}", UNREADABLE)
    except InvalidWorkflow as error:
        _print_problems(error.problems)
        raise typer.Exit(PROBLEMS) from error
    except OSError as error:  # nodes' own are in the result
        fail(f"a folder cannot be made: {error}", PROBLEMS)
    _print_problems(result.problems)
    for warning in result.warnings:
        typer.echo(f"warning: {warning}", err=True)
    for path in result.files:
        typer.echo(path)
    if result.is_cancelled:
        fail("cancelled", INTERRUPTED)
    if result.error is not None:
        fail(result.error, PROBLEMS)
    if any(problem.is_error for problem in result.problems):
        raise typer.Exit(PROBLEMS)


@app.command()
def check(
    file: WorkflowFile,
    as_json: Annotated[bool, typer.Option("--json", help="Print the problems as JSON.")] = False,
    base: Base = None,
    models: Models = None,
    packs: Packs = None,
    no_builtin_nodes: NoBuiltin = False,
) -> None:
    """Say everything that is wrong with a workflow, without running it."""
    settings = load_settings(base=base, models=models, packs=packs, builtin_nodes=False if no_builtin_nodes else None)
    from sd35graph.graph.errors import DocumentError
    from sd35graph.local import LocalEngine

    try:
        document = _read(file)
        engine = LocalEngine(settings)
        problems = engine.check(document)
    except DocumentError as error:
        if as_json:
            typer.echo(json.dumps({"file": str(file), "ok": False, "unreadable": str(error), "problems": []}))
        fail(f"{file}: {error}", UNREADABLE)
    is_good = not any(problem.is_error for problem in problems)
    if as_json:
        report = {"file": str(file), "ok": is_good, "problems": [problem.as_json() for problem in problems]}
        typer.echo(json.dumps(report, indent=2, ensure_ascii=False))
    else:
        _warn_of_packs(engine)
        _print_problems(problems)
        if is_good:
            typer.echo(f"{file}: good")
    raise typer.Exit(0 if is_good else PROBLEMS)


@app.command()
def nodes(
    packs: Packs = None,
    no_builtin_nodes: NoBuiltin = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the full schemas as JSON.")] = False,
) -> None:
    """List all node types."""
    settings = load_settings(packs=packs, builtin_nodes=False if no_builtin_nodes else None)
    from sd35graph.graph.schema import SCHEMAS
    from sd35graph.packs import load_packs

    registry, failures = load_packs(settings.packs, builtin=settings.builtin_nodes)
    schemas = registry.schemas()
    if as_json:
        typer.echo(SCHEMAS.dump_json(schemas, indent=2))
    else:
        for schema in sorted(schemas.values(), key=lambda schema: (schema.category, schema.type)):
            first_line = schema.description.partition("\n")[0]
            typer.echo(f"{schema.category:32} {schema.type:32} {first_line}")
    for failure in failures:
        typer.echo(f"pack left out: {failure.message}", err=True)


@app.command()
def doctor(
    as_json: Annotated[bool, typer.Option("--json", help="Print the findings as JSON.")] = False,
    host: Annotated[str | None, typer.Option(help="Address the server shall listen on.")] = None,
    port: Annotated[int | None, typer.Option(help="Port the server shall listen on.")] = None,
    base: Base = None,
    models: Models = None,
    packs: Packs = None,
    no_builtin_nodes: NoBuiltin = False,
    device: Device = None,
) -> None:
    """Look whether a server would run well here, and say what to do where not.

    Takes the settings a server would take: flags, variables and the base folder's sd35graph.toml. Ends with 1 if
    something is wrong; a warning is none.
    """
    builtin = False if no_builtin_nodes else None
    settings = load_settings(
        host=host, port=port, base=base, models=models, packs=packs, builtin_nodes=builtin, device=device
    )
    from sd35graph.doctor import Finding, examine

    findings: list[Finding] = []
    for finding in examine(settings):
        findings.append(finding)
        if not as_json:
            remedy = f"\n{'':25}→ {finding.remedy}" if finding.remedy else ""
            typer.echo(f"{finding.state:5} {finding.name:18} {finding.message}{remedy}")
    is_good = not any(finding.state == "fail" for finding in findings)
    if as_json:
        report = {"ok": is_good, "findings": [finding.as_json() for finding in findings]}
        typer.echo(json.dumps(report, indent=2, ensure_ascii=False))
    raise typer.Exit(0 if is_good else PROBLEMS)


def main() -> None:
    """Entry point of the command `sd35graph`."""
    app()


@contextmanager
def _first_ctrl_c(cancel: Callable[[], object]) -> Iterator[None]:
    """Let the first Ctrl+C call `cancel`, so that the run ends in order; the second ends the process at once."""

    def handle(number: int, frame: FrameType | None) -> None:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        cancel()

    before = signal.signal(signal.SIGINT, handle)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _read(file: Path) -> object:
    """The workflow document in a file; from a picture the one it carries. Raises `DocumentError`."""
    from sd35graph.graph.errors import DocumentError
    from sd35graph.graph.formats.document import read_bytes

    try:
        content = (file if file.exists() else _example(file)).read_bytes()
    except OSError as error:
        raise DocumentError(f"cannot be opened: {error.strerror}") from error
    return read_bytes(content)


def _example(name: Path) -> Path:
    """The example that `sd35_tiny` or `workflows/sd35_tiny.json` means where there is no such file."""
    from sd35graph.engine.folders import example_workflows
    from sd35graph.graph.errors import DocumentError

    examples = example_workflows()
    is_name = name.suffix in ("", ".json") and name.parent in (Path(), Path("workflows"))
    if not is_name or name.stem not in examples:
        raise DocumentError(f"there is no such file; the examples that come along are {', '.join(examples)}")
    return examples[name.stem]


def _print_problems(problems: Iterable[Problem]) -> None:
    for problem in problems:
        typer.echo(f"{problem.severity} {problem.code}: {problem.message}", err=True)


def _warn_of_packs(engine: LocalEngine) -> None:
    for failure in engine.pack_failures:
        typer.echo(f"pack left out: {failure.message}", err=True)

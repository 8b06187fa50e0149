"""What the documents for operators say exists: flags, settings, routes and files."""

from __future__ import annotations

import re
from configparser import ConfigParser
from pathlib import Path

import pytest
import typer

from sd35graph.cli import app
from sd35graph.server.guards.roles import PUBLIC_PATHS
from sd35graph.settings import PREFIX, Settings

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
DEPLOY = DOCS / "deploy"
DOCUMENTS = [DOCS / "operating.md", DOCS / "letting_others_in.md", *sorted(DEPLOY.iterdir())]
COMMANDS = typer.main.get_command(app).commands  # type: ignore[attr-defined]  # a group, for an app of several


def flags_of(command: str) -> set[str]:
    return {"--help", *(flag for option in COMMANDS[command].params for flag in option.opts)}


def text(path: Path) -> str:
    return path.read_text(encoding="utf-8")


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_command_line_has_flags_that_exist(document: Path) -> None:
    for command, rest in re.findall(r"sd35graph (serve|doctor|run)\b([^\n`#]*)", text(document)):
        assert set(re.findall(r"--[a-z][a-z-]*", rest)) <= flags_of(command), (command, rest)


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_variable_is_a_setting(document: Path) -> None:
    for name in re.findall(rf"{PREFIX}([A-Z_]+)", text(document)):
        assert name.lower() in Settings.model_fields


def test_every_setting_is_a_flag_or_in_the_documents() -> None:
    told = text(DOCS / "operating.md") + text(DOCS / "letting_others_in.md") + text(DOCS / "nodes.md")
    flags = {flag.removeprefix("--").replace("-", "_") for flag in flags_of("serve")}
    flags |= {f"{flag}s" for flag in flags} | {f"{flag}_s" for flag in flags} | {"trusted_proxies"}
    left = set(Settings.model_fields) - flags - {"builtin_nodes", "static_dir"}
    assert {name for name in left if f"`{name}`" not in told} == set()


def test_the_unit_starts_the_server_and_gives_it_time_to_stop() -> None:
    unit = ConfigParser(interpolation=None, strict=True)
    unit.optionxform = str  # type: ignore[assignment, method-assign]  # names of a unit are case-sensitive
    unit.read_string(text(DEPLOY / "sd35graph.service"))
    service = unit["Service"]
    limit_s = re.search(r"--shutdown-limit (\d+)", service["ExecStart"])
    assert limit_s is not None
    assert int(service["TimeoutStopSec"]) > int(limit_s[1])
    assert service["User"] != "root"
    assert service["ExecStart"].split("--base ")[1].split()[0] == f"/var/lib/{service['StateDirectory']}"


def test_the_image_runs_as_a_user_keeps_its_data_and_asks_a_public_route() -> None:
    lines = text(DEPLOY / "Dockerfile").splitlines()
    final = lines[max(number for number, line in enumerate(lines) if line.startswith("FROM ")) :]
    assert "USER sd35graph" in final
    assert "VOLUME /data" in final
    assert final.index("USER sd35graph") < next(n for n, line in enumerate(final) if line.startswith("ENTRYPOINT"))
    asked = re.search(r"127\.0\.0\.1:8188(/\w+)", text(DEPLOY / "Dockerfile"))
    assert asked is not None
    assert asked[1] in PUBLIC_PATHS
    copied = [source for line in lines if line.startswith("COPY web/") for source in line.split()[1:-1]]
    assert all((ROOT / source).exists() for source in copied)


def test_the_proxy_of_the_composition_is_the_one_that_is_trusted() -> None:
    composition = text(DEPLOY / "compose.yaml")
    trusted = re.search(rf"{PREFIX}TRUSTED_PROXIES: ([\d.]+)", composition)
    address = re.search(r"ipv4_address: ([\d.]+)", composition)
    assert trusted is not None
    assert address is not None
    assert trusted[1] == address[1]
    grace_s = re.search(r"stop_grace_period: (\d+)s", composition)
    limit_s = re.search(rf'{PREFIX}SHUTDOWN_LIMIT_S: "(\d+)"', composition)
    assert grace_s is not None
    assert limit_s is not None
    assert int(grace_s[1]) > int(limit_s[1])


@pytest.mark.parametrize("document", [path for path in DOCUMENTS if path.suffix == ".md"], ids=lambda path: path.name)
def test_links_lead_to_files(document: Path) -> None:
    links = re.findall(r"\]\(([^)#:]+)\)", text(document))
    assert [link for link in links if not (document.parent / link).exists()] == []

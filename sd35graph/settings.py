"""Settings: read once from flags, environment, file and defaults, in this order of precedence.

This is the only module that reads the environment. Every setting has the flag's name; its environment variable is
`SD35GRAPH_` and the name in capitals, and a TOML file `sd35graph.toml` in the base folder may give it too. Several
paths in one variable are separated as in `PATH`, several names by commas.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from itertools import cycle, islice
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

import platformdirs
from pydantic import ByteSize, Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)
from pydantic_settings.sources.utils import parse_env_vars

from sd35graph.tokens import Token, digest

PREFIX = "SD35GRAPH_"
FILE_NAME = "sd35graph.toml"

Precision = Literal["auto", "fp32", "bf16", "fp16"]
DeviceName = Annotated[str, Field(pattern=r"^(auto|cpu|mps|cuda(:\d+)?)$")]
LogFormat = Literal["pretty", "json"]
LogLevel = Literal["debug", "info", "warning", "error"]


class SettingsError(Exception):
    """A setting has a value that cannot be used; the message names the setting and what it takes."""


class Settings(BaseSettings):
    """Everything the program can be told from outside. Frozen; paths are absolute.

    base: holds `models/ input/ output/ temp/` and the job store; created if missing. models: more folders of models,
    searched before the base's own, and that before the package's. packs: folders of node packs.
    device: `auto`, `cpu`, `cuda:0`, `mps`. devices: one for each of several workers, instead of `device`. workers: how
    many there are, dealt out over the devices; None: one for each. They share out cores and memory.
    vram, ram: how much of the GPU's and of the machine's memory models may take with their activations, such as `10GB`,
    `8GiB` or a number of bytes; None: what is found there.
    cache_bytes: limit of the output cache; None: a share of the memory.
    cancel_deadline_s: how long a cancelled node may go on before its worker is replaced; a new one loads its models
    again, so give more where steps take long and that is worse than waiting.
    keep_jobs, keep_days, keep_history: how much of the history is kept: so many jobs, of so many days, taking so many
    bytes with their events; None: all. Pictures stay.
    front_end: folder of another browser front end, with its `index.html`, to serve instead of the editor.
    shutdown_limit_s: how long running jobs may go on when the server is asked to stop; then they are handed back to the
    queue. survive_power_cut: wait for the disk before a job is accepted, so that it outlives the machine's end too;
    without, it outlives that of processes. log_format: `pretty` for people, `json` for programs. log_level: the least
    important lines to log.

    token: an administrator's token. tokens: more of them, each with a name and a role; `sd35graph token` keeps others.
    allowed_hosts: names under which the server is reached, beside its address and those of this machine.
    cors_origins: other sites whose pages may use the server, such as `https://studio.example`. trusted_proxies:
    addresses of reverse proxies, whose `X-Forwarded-For` and `X-Forwarded-Proto` are believed.
    submits_per_minute: how many workflows one token, or one address where no token is needed, may queue in a minute.
    max_waiting_jobs: more are refused until some have ended. max_pixels: largest picture taken, its frames together.
    webhooks_to_private: whether webhooks may go to this machine and into private networks, where users may not get
    themselves.
    request_timeout_s: how long a client may take to send its request's head, or leave a body or an answer lying.
    """

    model_config = SettingsConfigDict(
        frozen=True,
        extra="forbid",
        env_prefix=PREFIX,
        env_ignore_empty=True,  # as files for containers set variables they do not need
        enable_decoding=False,  # lists are read by the validators below, not as JSON
    )

    host: str = "127.0.0.1"
    port: int = Field(default=8188, ge=0, le=65535)
    base: Path = Field(default_factory=lambda: Path(platformdirs.user_data_dir("sd35graph", appauthor=False)))
    models: tuple[Path, ...] = ()
    input: Path | None = None
    output: Path | None = None
    temp: Path | None = None
    packs: tuple[Path, ...] = ()
    builtin_nodes: bool = True
    precision: Precision = "auto"
    device: DeviceName = "auto"
    devices: tuple[DeviceName, ...] = ()
    workers: int | None = Field(default=None, ge=1, le=64)
    database_url: str | None = None
    vram: ByteSize | None = None
    ram: ByteSize | None = None
    cache_bytes: int | None = Field(default=None, ge=0)
    cancel_deadline_s: float = Field(default=0.5, gt=0)
    keep_jobs: int | None = Field(default=None, ge=0)
    keep_days: float | None = Field(default=None, gt=0)
    keep_history: ByteSize | None = None
    shutdown_limit_s: float = Field(default=30.0, ge=0)
    survive_power_cut: bool = True
    log_format: LogFormat = "pretty"
    log_level: LogLevel = "info"
    max_body_bytes: int = Field(default=32 * 2**20, gt=0)
    max_upload_bytes: int = Field(default=100 * 2**20, gt=0)
    max_pixels: int = Field(default=80_000_000, gt=0)
    max_graph_nodes: int = Field(default=20_000, gt=0)
    max_waiting_jobs: int = Field(default=50_000, gt=0)
    max_sockets: int = Field(default=1_000, gt=0)
    submits_per_minute: int = Field(default=30_000, gt=0)
    request_timeout_s: float = Field(default=20.0, gt=0)
    token: SecretStr | None = None
    tokens: tuple[Token, ...] = ()
    allowed_hosts: tuple[str, ...] = ()
    cors_origins: tuple[str, ...] = ()
    trusted_proxies: tuple[str, ...] = ()
    front_end: Path | None = None
    webhooks_to_private: bool = False
    static_dir: Path = Path(__file__).parent / "server" / "static"

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Only what is given counts for `Settings(…)`; `load` puts the sources together, for one names another."""
        del settings_cls, env_settings, dotenv_settings, file_secret_settings
        return (init_settings,)

    @field_validator("models", "packs", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        return [part for part in value.split(os.pathsep) if part] if isinstance(value, str) else value

    @field_validator("vram", "ram", "keep_history")
    @classmethod
    def _positive(cls, value: ByteSize | None) -> ByteSize | None:
        if value is not None and value <= 0:
            raise ValueError("must be more than 0 bytes")
        return value

    @field_validator("devices", "allowed_hosts", "cors_origins", "trusted_proxies", mode="before")
    @classmethod
    def _split_names(cls, value: object) -> object:
        return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value

    @field_validator("cors_origins")
    @classmethod
    def _are_origins(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for origin in value:
            parts = urlsplit(origin)
            if (
                parts.scheme not in ("http", "https")
                or not parts.netloc
                or origin != f"{parts.scheme}://{parts.netloc}"
            ):
                raise ValueError(f'"{origin}" is no origin; give scheme and host only, such as https://studio.example')
        return value

    @field_validator("token")
    @classmethod
    def _can_be_a_token(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None:
            digest(value.get_secret_value())
        return value

    @field_validator("base", "input", "output", "temp", "front_end", "static_dir")
    @classmethod
    def _absolute(cls, value: Path | None) -> Path | None:
        return None if value is None else value.expanduser().absolute()

    @field_validator("models", "packs")
    @classmethod
    def _all_absolute(cls, value: tuple[Path, ...]) -> tuple[Path, ...]:
        return tuple(path.expanduser().absolute() for path in value)

    @model_validator(mode="after")
    def _has_a_worker_for_each_device(self) -> Settings:
        if self.workers is not None and self.workers < len(self.devices):
            raise ValueError(f"workers: {self.workers} cannot use {len(self.devices)} devices; give at least as many")
        return self

    @property
    def worker_devices(self) -> tuple[str, ...]:
        """The device of each worker."""
        devices = self.devices or (self.device,)
        return tuple(islice(cycle(devices), self.workers or len(devices)))

    @property
    def store_url(self) -> str:
        """SQLAlchemy URL of the job store; by default an SQLite file in the base folder."""
        return self.database_url or f"sqlite:///{self.base / 'sd35graph.sqlite'}"

    @property
    def store_file(self) -> Path | None:
        """The job store's file; None where it is no SQLite file."""
        kind, _, path = self.store_url.partition(":///")
        return Path(path) if kind == "sqlite" else None

    @property
    def all_tokens(self) -> tuple[Token, ...]:
        """`tokens`, and `token` as one more of them, of the name `admin`."""
        if self.token is None:
            return self.tokens
        return (*self.tokens, Token(name="admin", role="admin", sha256=digest(self.token.get_secret_value())))

    @classmethod
    def load(cls, flags: Mapping[str, object], environ: Mapping[str, str] | None = None) -> Settings:
        """Merge flags (None: not given), environment, file and defaults. Raises `SettingsError`."""
        given = _Environment(cls, os.environ if environ is None else environ)()
        given |= {name: value for name, value in flags.items() if value is not None}
        base = Path(str(given["base"])).expanduser() if "base" in given else cls().base
        try:
            return cls(**{**_read_file(base / FILE_NAME), **given})
        except ValidationError as error:
            raise SettingsError("; ".join(_explain(problem) for problem in error.errors())) from error


class _Environment(EnvSettingsSource):
    """The settings in an environment that is given."""

    def __init__(self, settings: type[BaseSettings], environ: Mapping[str, str]) -> None:
        self._environ = environ
        super().__init__(settings)

    def _load_env_vars(self) -> Mapping[str, str | None]:
        return parse_env_vars(self._environ, ignore_empty=self.env_ignore_empty)


def _read_file(path: Path) -> dict[str, Any]:  # Any: as pydantic-settings has it
    if path.parent.exists() and not path.parent.is_dir():
        raise SettingsError(f"{path.parent} is no folder; give one with --base")
    try:
        return TomlConfigSettingsSource(Settings, toml_file=path)()
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SettingsError(f"{path} cannot be read as settings: {error}; mend or remove the file") from error


def _explain(problem: Mapping[str, object]) -> str:
    location = problem.get("loc")
    name = ".".join(str(part) for part in location) if isinstance(location, tuple) else str(location)
    if problem.get("type") == "extra_forbidden":
        return f'there is no setting "{name}"; known: {", ".join(sorted(Settings.model_fields))}'
    is_size = str(problem.get("type")).startswith("byte_size")
    message = "expected a size such as 10GB, 8GiB or a number of bytes" if is_size else problem.get("msg")
    what = f'setting "{name}": {message}'
    return what if name.startswith("token") else f"{what}, got {problem.get('input')!r}"

"""Settings: read once from flags, environment, file and defaults, in this order of precedence.

This is the only module that reads the environment. Every setting has the flag's name; its environment variable is
`SD35GRAPH_` and the name in capitals, and a TOML file `sd35graph.toml` in the base folder may give it too. Several
paths in one variable are separated as in `PATH`.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import platformdirs
from pydantic import BaseModel, ByteSize, ConfigDict, Field, ValidationError, field_validator

PREFIX = "SD35GRAPH_"

Precision = Literal["auto", "fp32", "bf16", "fp16"]


class SettingsError(Exception):
    """A setting has a value that cannot be used; the message names the setting and what it takes."""


class Settings(BaseModel):
    """Everything the program can be told from outside. Frozen; paths are absolute.

    base: holds `models/ input/ output/ temp/` and the job store; created if missing. models: more folders of models,
    searched before the base's own, and that before the package's. packs: folders of node packs.
    device: `auto`, `cpu`, `cuda:0`, `mps`. vram, ram: how much of the GPU's and of the machine's memory models may
    take with their activations, such as `10GB`, `8GiB` or a number of bytes; None: what is found there.
    cache_bytes: limit of the output cache; None: a share of the memory.
    cancel_deadline_s: how long a cancelled node may go on before its worker is replaced.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

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
    device: str = Field(default="auto", pattern=r"^(auto|cpu|mps|cuda(:\d+)?)$")
    database_url: str | None = None
    vram: ByteSize | None = None
    ram: ByteSize | None = None
    cache_bytes: int | None = Field(default=None, ge=0)
    cancel_deadline_s: float = Field(default=10.0, gt=0)
    max_body_bytes: int = Field(default=32 * 2**20, gt=0)
    max_upload_bytes: int = Field(default=100 * 2**20, gt=0)
    static_dir: Path = Path(__file__).parent / "server" / "static"

    @field_validator("models", "packs", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        return [part for part in value.split(os.pathsep) if part] if isinstance(value, str) else value

    @field_validator("vram", "ram")
    @classmethod
    def _positive(cls, value: ByteSize | None) -> ByteSize | None:
        if value is not None and value <= 0:
            raise ValueError("must be more than 0 bytes")
        return value

    @field_validator("base", "input", "output", "temp", "static_dir")
    @classmethod
    def _absolute(cls, value: Path | None) -> Path | None:
        return None if value is None else value.expanduser().absolute()

    @field_validator("models", "packs")
    @classmethod
    def _all_absolute(cls, value: tuple[Path, ...]) -> tuple[Path, ...]:
        return tuple(path.expanduser().absolute() for path in value)

    @property
    def store_url(self) -> str:
        """SQLAlchemy URL of the job store; by default an SQLite file in the base folder."""
        return self.database_url or f"sqlite:///{self.base / 'sd35graph.sqlite'}"

    @classmethod
    def load(cls, flags: Mapping[str, object], environ: Mapping[str, str] | None = None) -> Settings:
        """Merge flags (None: not given), environment, file and defaults. Raises `SettingsError`."""
        environ = os.environ if environ is None else environ
        names = {PREFIX + name.upper(): name for name in cls.model_fields}
        given: dict[str, Any] = {names[key]: value for key, value in environ.items() if key in names}
        given |= {name: value for name, value in flags.items() if value is not None}
        base = Path(str(given["base"])).expanduser() if "base" in given else cls().base
        try:
            return cls(**{**_read_file(base / "sd35graph.toml"), **given})
        except ValidationError as error:
            raise SettingsError("; ".join(_explain(problem) for problem in error.errors())) from error


def _read_file(path: Path) -> dict[str, object]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except NotADirectoryError as error:
        raise SettingsError(f"{path.parent} is no folder; give one with --base") from error
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SettingsError(f"{path} cannot be read as settings: {error}; mend or remove the file") from error


def _explain(problem: Mapping[str, object]) -> str:
    location = problem.get("loc")
    name = ".".join(str(part) for part in location) if isinstance(location, tuple) else str(location)
    if problem.get("type") == "extra_forbidden":
        return f'there is no setting "{name}"; known: {", ".join(sorted(Settings.model_fields))}'
    is_size = str(problem.get("type")).startswith("byte_size")
    message = "expected a size such as 10GB, 8GiB or a number of bytes" if is_size else problem.get("msg")
    return f'setting "{name}": {message}, got {problem.get("input")!r}'

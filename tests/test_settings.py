"""Flags > environment > file > defaults."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from sd35graph.settings import Settings, SettingsError


def test_flags_go_before_environment_before_file_before_defaults(tmp_path: Path) -> None:
    (tmp_path / "sd35graph.toml").write_text('port = 1\nhost = "file"\nprecision = "fp32"\n')
    environ = {"SD35GRAPH_PORT": "2", "SD35GRAPH_HOST": "env"}
    settings = Settings.load({"base": tmp_path, "port": 3, "host": None}, environ)
    assert (settings.port, settings.host, settings.precision, settings.device) == (3, "env", "fp32", "auto")


def test_paths_become_absolute_and_lists_split(tmp_path: Path) -> None:
    settings = Settings.load({"base": tmp_path}, {"SD35GRAPH_PACKS": os.pathsep.join(["/a", "b"])})
    assert settings.packs == (Path("/a"), Path("b").absolute())
    assert settings.store_url == f"sqlite:///{tmp_path}/sd35graph.sqlite"


@pytest.mark.parametrize(
    ("flags", "words"),
    [({"port": 70000}, ["port", "65535", "70000"]), ({"precision": "fp12"}, ["precision", "fp12", "'bf16'"])],
)
def test_bad_value_names_setting_and_value(tmp_path: Path, flags: dict[str, object], words: list[str]) -> None:
    with pytest.raises(SettingsError) as caught:
        Settings.load({"base": tmp_path, **flags}, {})
    assert all(word in str(caught.value) for word in words)


@pytest.mark.parametrize(
    ("given", "size_bytes"), [("10GB", 10**10), ("8GiB", 2**33), ("1.5 gib", 3 * 2**29), ("12345", 12345)]
)
def test_memory_is_given_with_a_unit_or_in_bytes(tmp_path: Path, given: str, size_bytes: int) -> None:
    settings = Settings.load({"base": tmp_path, "vram": given}, {"SD35GRAPH_RAM": given})
    assert (settings.vram, settings.ram) == (size_bytes, size_bytes)
    assert Settings.load({"base": tmp_path}, {}).vram is None


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ("-3", "expected a size such as 10GB, 8GiB or a number of bytes, got '-3'"),
        ("lots", "expected a size such as 10GB, 8GiB or a number of bytes, got 'lots'"),
        ("10 parsecs", "expected a size such as 10GB, 8GiB or a number of bytes, got '10 parsecs'"),
        ("0", "must be more than 0 bytes, got '0'"),
    ],
)
def test_nonsense_for_memory_is_refused(tmp_path: Path, given: str, words: str) -> None:
    with pytest.raises(SettingsError) as caught:
        Settings.load({"base": tmp_path, "vram": given}, {})
    assert 'setting "vram"' in str(caught.value)
    assert words in str(caught.value)


def test_unknown_setting_in_file_lists_the_known_ones(tmp_path: Path) -> None:
    (tmp_path / "sd35graph.toml").write_text("prot = 1\n")
    with pytest.raises(SettingsError, match=r'no setting "prot"; known: .*port'):
        Settings.load({"base": tmp_path}, {})


def test_unreadable_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "sd35graph.toml").write_text("port = = 1\n")
    with pytest.raises(SettingsError, match=r"sd35graph\.toml cannot be read"):
        Settings.load({"base": tmp_path}, {})

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


def test_unknown_setting_in_file_lists_the_known_ones(tmp_path: Path) -> None:
    (tmp_path / "sd35graph.toml").write_text("prot = 1\n")
    with pytest.raises(SettingsError, match=r'no setting "prot"; known: .*port'):
        Settings.load({"base": tmp_path}, {})


def test_unreadable_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "sd35graph.toml").write_text("port = = 1\n")
    with pytest.raises(SettingsError, match=r"sd35graph\.toml cannot be read"):
        Settings.load({"base": tmp_path}, {})

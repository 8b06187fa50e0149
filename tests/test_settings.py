"""Flags > environment > file > defaults."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from hashlib import sha256
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


def test_an_empty_variable_counts_as_none_and_foreign_ones_are_left_alone(tmp_path: Path) -> None:
    (tmp_path / "sd35graph.toml").write_text("shutdown_limit_s = 5\n")
    environ = {"SD35GRAPH_SHUTDOWN_LIMIT_S": "", "SD35GRAPH_PROT": "1", "PORT": "2", "SD35GRAPH_SURVIVE_POWER_CUT": "0"}
    settings = Settings.load({"base": tmp_path}, environ)
    assert (settings.shutdown_limit_s, settings.port, settings.survive_power_cut) == (5, 8188, False)


def test_settings_made_in_a_program_know_no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SD35GRAPH_PORT", "2")
    assert Settings().port == 8188
    assert Settings.load({}).port == 2


def test_unknown_setting_in_file_lists_the_known_ones(tmp_path: Path) -> None:
    (tmp_path / "sd35graph.toml").write_text("prot = 1\n")
    with pytest.raises(SettingsError, match=r'no setting "prot"; known: .*port'):
        Settings.load({"base": tmp_path}, {})


def test_unreadable_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "sd35graph.toml").write_text("port = = 1\n")
    with pytest.raises(SettingsError, match=r"sd35graph\.toml cannot be read"):
        Settings.load({"base": tmp_path}, {})


SECRET = "swordfish-swordfish"


def test_tokens_of_the_file_are_kept_as_digests_with_role_and_expiry(tmp_path: Path) -> None:
    (tmp_path / "sd35graph.toml").write_text(
        f'[[tokens]]\nname = "anna"\nrole = "artist"\ntoken = "{SECRET}"\nexpires = 2030-01-01T00:00:00Z\n'
        f'[[tokens]]\nname = "bob"\nrole = "viewer"\nsha256 = "{"0" * 64}"\n'
    )
    settings = Settings.load({"base": tmp_path}, {"SD35GRAPH_TOKEN": SECRET})
    anna, bob, admin = settings.all_tokens
    assert (anna.name, anna.role, anna.sha256) == ("anna", "artist", sha256(SECRET.encode()).hexdigest())
    assert anna.expires == datetime(2030, 1, 1, tzinfo=UTC)
    assert (bob.sha256, bob.expires) == ("0" * 64, None)
    assert (admin.name, admin.role, admin.sha256) == ("admin", "admin", anna.sha256)
    assert SECRET not in repr(settings)


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        ('name = "anna"\nrole = "boss"', "'viewer', 'artist' or 'admin'"),
        ('name = "a b"\nrole = "artist"', "tokens.0.name"),
        ('name = "anna"\nrole = "artist"\nexpires = 2030-01-01T00:00:00', "timezone"),
        ('name = "anna"\nrole = "artist"\nrank = 1', "tokens.0.rank"),
    ],
)
def test_a_token_that_cannot_be_used_is_explained_without_telling_it(tmp_path: Path, entry: str, words: str) -> None:
    (tmp_path / "sd35graph.toml").write_text(f'[[tokens]]\n{entry}\ntoken = "{SECRET}"\n')
    with pytest.raises(SettingsError) as caught:
        Settings.load({"base": tmp_path}, {})
    assert words in str(caught.value)
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize("secret", ["short-but-secret"[:15], "has a space in it, has it", "ümlaut-ümlaut-ümlaut"])
def test_a_token_too_weak_or_not_to_be_sent_is_refused_without_telling_it(tmp_path: Path, secret: str) -> None:
    with pytest.raises(SettingsError, match="16 to 200 letters") as caught:
        Settings.load({"base": tmp_path, "token": secret}, {})
    assert secret not in str(caught.value)


def test_names_come_from_the_environment_separated_by_commas(tmp_path: Path) -> None:
    environ = {"SD35GRAPH_ALLOWED_HOSTS": "a.example, b.example", "SD35GRAPH_CORS_ORIGINS": "https://c.example:8443"}
    settings = Settings.load({"base": tmp_path}, environ)
    assert settings.allowed_hosts == ("a.example", "b.example")
    assert settings.cors_origins == ("https://c.example:8443",)


@pytest.mark.parametrize("origin", ["c.example", "https://c.example/", "*", "null", "ftp://c.example"])
def test_what_is_no_origin_is_refused(tmp_path: Path, origin: str) -> None:
    with pytest.raises(SettingsError, match="no origin; give scheme and host only"):
        Settings.load({"base": tmp_path, "cors_origins": [origin]}, {})


def test_workers_are_dealt_out_over_the_devices(tmp_path: Path) -> None:
    def devices(**flags: object) -> tuple[str, ...]:
        return Settings.load({"base": tmp_path, **flags}, {}).worker_devices

    assert devices() == ("auto",)
    assert devices(device="cpu", workers=2) == ("cpu", "cpu")
    assert devices(devices="cuda:0, cuda:1,cpu") == ("cuda:0", "cuda:1", "cpu")
    assert devices(devices=["cuda:0", "cuda:1"], workers=3) == ("cuda:0", "cuda:1", "cuda:0")
    assert Settings.load({"base": tmp_path}, {"SD35GRAPH_DEVICES": "cpu,cpu"}).worker_devices == ("cpu", "cpu")


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        ({"devices": "cuda:0,tpu"}, ["devices", "tpu"]),
        ({"devices": "cuda:0,cuda:1", "workers": 1}, ["workers", "1 cannot use 2 devices", "at least as many"]),
        ({"workers": 0}, ["workers", "0"]),
        ({"keep_jobs": -1}, ["keep_jobs", "-1"]),
        ({"keep_history": "0"}, ["keep_history", "more than 0"]),
    ],
)
def test_workers_and_limits_that_make_no_sense_are_refused(
    tmp_path: Path, flags: dict[str, object], words: list[str]
) -> None:
    with pytest.raises(SettingsError) as caught:
        Settings.load({"base": tmp_path, **flags}, {})
    assert all(word in str(caught.value) for word in words)

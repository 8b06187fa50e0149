"""Ports: which values they take, which links fit, and what clashes."""

from __future__ import annotations

import pytest

from sd35graph.graph.errors import RegistrationError
from sd35graph.graph.ports import Port, Ports, compatible


class Picture:
    pass


class Sound:
    size_bytes = 12


@pytest.mark.parametrize(
    ("given", "wanted", "fits"),
    [
        ("IMAGE", "IMAGE", True),
        ("IMAGE", "LATENT", False),
        ("INT", "FLOAT", False),
        ("IMAGE", "IMAGE,MASK", True),
        ("MASK,IMAGE", "LATENT, IMAGE", True),
        ("MASK,IMAGE", "LATENT,AUDIO", False),
        ("*", "IMAGE", True),
        ("IMAGE", "*", True),
        ("IMAGE,*", "LATENT", True),
        ("COMBO", "STRING", True),
        ("STRING", "COMBO", True),
        ("COMBO", "INT", False),
    ],
)
def test_links_fit_when_types_share_a_member(given: str, wanted: str, fits: bool) -> None:
    assert compatible(given, wanted) is fits


@pytest.mark.parametrize(
    ("port", "value", "accepted"),
    [
        ("INT", 5, True),
        ("INT", True, False),
        ("INT", 5.0, False),
        ("FLOAT", 5.0, True),
        ("FLOAT", 5, True),
        ("FLOAT", True, False),
        ("FLOAT", "5", False),
        ("BOOLEAN", True, True),
        ("BOOLEAN", 1, False),
        ("STRING", "x", True),
        ("COMBO", "x", True),
        ("*", None, True),
    ],
)
def test_a_bool_is_no_number_and_an_int_is_a_float(port: str, value: object, accepted: bool) -> None:
    found = Ports().named(port)
    assert found is not None
    assert found.accepts(value) is accepted


def test_a_port_is_found_by_name_and_by_type() -> None:
    port = Port("PICTURE", Picture)
    ports = Ports([port])
    assert ports.named("PICTURE") is port
    assert ports.of_type(Picture) is port
    assert ports.of_type("Picture") is None
    assert ports.named("SOUND") is None
    assert "PICTURE" in ports.names()


def test_the_same_port_may_be_added_twice() -> None:
    port = Port("PICTURE", Picture)
    ports = Ports([port, port])
    assert ports.named("PICTURE") is port


@pytest.mark.parametrize(
    ("second", "message"),
    [
        (Port("PICTURE", Sound), r"port PICTURE \(Sound\) clashes with port PICTURE \(Picture\); give it another name"),
        (Port("SOUND", Picture), r"port SOUND \(Picture\) clashes with port PICTURE \(Picture\)"),
        (Port("NUMBER", int), r"port NUMBER \(int\) clashes with port INT \(int\)"),
    ],
)
def test_clashing_ports_are_both_named(second: Port, message: str) -> None:
    ports = Ports([Port("PICTURE", Picture)])
    with pytest.raises(RegistrationError, match=message):
        ports.add(second)


def test_size_is_the_values_own_or_the_shallow_one() -> None:
    port = Port("SOUND", Sound)
    assert port.size_bytes(Sound()) == 12
    assert port.size_bytes("x" * 1000) > 1000

"""Finding and loading node packs."""

from __future__ import annotations

from pathlib import Path

from sd35graph.packs import load_packs

TOY = """
from sd35graph import node

@node("ToyAdd", category="toy")
def add(a: int, b: int = 1) -> int:
    '''a + b.'''
    return a + b
"""


def test_file_in_a_folder_is_a_pack_of_all_its_nodes(tmp_path: Path) -> None:
    (tmp_path / "toy.py").write_text(TOY)
    registry, failures = load_packs([tmp_path], builtin=False)
    assert failures == []
    assert list(registry.types) == ["ToyAdd"]
    assert registry.types["ToyAdd"].schema.pack == "toy"


def test_package_with_a_hyphen_uses_relative_imports(tmp_path: Path) -> None:
    package = tmp_path / "my-pack"
    package.mkdir()
    (package / "tools.py").write_text("def plus(a, b):\n    return a + b\n")
    (package / "__init__.py").write_text(
        "from sd35graph import Pack, node\nfrom .tools import plus\n"
        "@node('Plus', category='toy')\ndef add(a: int) -> int:\n    return plus(a, 1)\n"
        "pack = Pack(name='mine', nodes=[add])\n"
    )
    registry, failures = load_packs([tmp_path], builtin=False)
    assert failures == []
    assert registry.types["Plus"].function(a=2) == 3
    assert registry.types["Plus"].schema.pack == "mine"


def test_failing_pack_is_named_and_the_others_load(tmp_path: Path) -> None:
    (tmp_path / "broken.py").write_text("import no_such_module_anywhere\n")
    (tmp_path / "good.py").write_text(TOY)
    registry, failures = load_packs([tmp_path], builtin=False)
    assert list(registry.types) == ["ToyAdd"]
    assert [failure.pack for failure in failures] == ["broken"]
    assert "no_such_module_anywhere" in failures[0].message
    assert "Traceback" in failures[0].traceback


def test_pack_that_exits_does_not_end_the_process(tmp_path: Path) -> None:
    (tmp_path / "exits.py").write_text("raise SystemExit(3)\n")
    _, failures = load_packs([tmp_path], builtin=False)
    assert "SystemExit" in failures[0].message


def test_file_without_nodes_says_what_to_write(tmp_path: Path) -> None:
    (tmp_path / "empty.py").write_text("x = 1\n")
    _, failures = load_packs([tmp_path], builtin=False)
    assert '@node("Name", category="…")' in failures[0].message


def test_missing_folder_is_reported(tmp_path: Path) -> None:
    _, failures = load_packs([tmp_path / "nowhere"], builtin=False)
    assert "nowhere" in failures[0].message
    assert "--packs" in failures[0].message


def test_same_node_type_twice_names_both_packs(tmp_path: Path) -> None:
    (tmp_path / "one.py").write_text(TOY)
    (tmp_path / "two.py").write_text(TOY)
    registry, failures = load_packs([tmp_path], builtin=False)
    assert registry.types["ToyAdd"].schema.pack == "one"
    assert 'already taken by pack "one"' in failures[0].message
    assert 'pack "two"' in failures[0].message

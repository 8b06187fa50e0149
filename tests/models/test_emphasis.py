"""Emphasis marks in prompts."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sd35graph.models.text.prompt import split_embeddings, weighted_segments


@pytest.mark.parametrize(
    ("text", "segments"),
    [
        ("", []),
        ("a cat", [("a cat", 1.0)]),
        ("a (red) cat", [("a ", 1.0), ("red", 1.1), (" cat", 1.0)]),
        ("(a (cat:1.5) dog:0.8)", [("a ", 0.8), ("cat", 1.5), (" dog", 0.8)]),
        ("((cat):1.5)", [("cat", 1.5 * 1.1)]),
        ("(a:b:1.5)", [("a:b", 1.5)]),
        ("(cat: 1.25 )", [("cat", 1.25)]),
        ("(:1.2)", [(":1.2", 1.1)]),
        ("(cat:abc)", [("cat:abc", 1.1)]),
        ("(cat:-1.5)", [("cat", -1.5)]),
        ("()", []),
        ("[cat]", [("[cat]", 1.0)]),
    ],
)
def test_parentheses_set_weights(text: str, segments: list[tuple[str, float]]) -> None:
    assert weighted_segments(text) == [(piece, pytest.approx(weight)) for piece, weight in segments]


@pytest.mark.parametrize("text", ["a (red cat", "a red) cat (dog", "a) (b:1.4)", "(a (b:1.2)", "a))((b:2)"])
def test_unbalanced_parentheses_are_literal(text: str) -> None:
    segments = weighted_segments(text)
    assert "".join(piece for piece, _ in segments) == text
    assert {weight for _, weight in segments} == {1.0}


def test_balance_regained_ends_the_literal_text() -> None:
    assert weighted_segments("a) ( (b:1.4)") == [("a) ( ", 1.0), ("b", 1.4)]


def test_escaped_parentheses_are_literal_and_lose_their_backslash() -> None:
    assert weighted_segments(r"a \(b\) (c\):1.3) d\e") == [("a (b) ", 1.0), ("c)", 1.3), (r" d\e", 1.0)]


def test_an_escaped_parenthesis_does_not_close_a_group() -> None:
    assert weighted_segments(r"(a\)") == [("(a)", 1.0)]


def test_weights_may_be_nan_and_infinite() -> None:
    (_, first), _, (_, second) = weighted_segments("(cat:nan) (dog:inf)")
    assert math.isnan(first)
    assert math.isinf(second)


def test_nesting_has_no_limit() -> None:
    depth = 5000  # a quadratic parser would take seconds
    ((piece, weight),) = weighted_segments("(" * depth + "cat" + ")" * depth)
    assert piece == "cat"
    assert weight == pytest.approx(1.1**depth, rel=1e-9)


@given(st.text(alphabet="ab ():.1\\", max_size=40))
def test_any_text_parses_and_keeps_its_letters(text: str) -> None:
    pieces = "".join(piece for piece, _ in weighted_segments(text))
    assert [c for c in pieces if c in "ab"] == [c for c in text if c in "ab"]


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("a cat, embedding:foo, dog", ["a cat, ", "foo", ", dog"]),
        ("embedding:foo", ["", "foo", ""]),
        ("an embedding:a embedding:b", ["an ", "a", " ", "b", ""]),
        ("notembedding:foo", ["notembedding:foo"]),
    ],
)
def test_embedding_words_count_after_a_space(text: str, pieces: list[str]) -> None:
    assert split_embeddings(text) == pieces

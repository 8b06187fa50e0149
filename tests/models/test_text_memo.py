"""The memory of encoded rows is bounded and drops what was not used for longest."""

from __future__ import annotations

import torch

from sd35graph.models.text.memo import TextMemo

ROW_BYTES = 400


def row(value: float) -> tuple[torch.Tensor, ...]:
    return (torch.full((100,), float(value)),)


def test_rows_beyond_the_limit_go_least_recently_used_first() -> None:
    memo = TextMemo(3 * ROW_BYTES)
    for number in range(3):
        memo.row(number, lambda number=number: row(number))
    memo.row(0, lambda: row(9))  # used again, not made again
    memo.row(3, lambda: row(3))
    assert memo.size_bytes == 3 * ROW_BYTES
    made = [memo.row(number, lambda: row(9))[0][0].item() for number in (0, 2, 3, 1)]
    assert made == [0, 2, 3, 9]


def test_a_row_larger_than_the_limit_is_given_but_not_kept() -> None:
    memo = TextMemo(ROW_BYTES - 1)
    assert memo.row("a", lambda: row(1))[0][0] == 1
    assert memo.size_bytes == 0

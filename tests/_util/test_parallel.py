from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from showtell._util.parallel import parallel_map


@given(items=st.lists(st.integers()), threads=st.integers(1, 4))
def test_results_come_in_the_order_of_their_items(items: list[int], threads: int) -> None:
    assert list(parallel_map(lambda item: -item, iter(items), threads)) == [(item, -item) for item in items]


def test_items_are_drawn_as_they_are_needed() -> None:
    drawn = 0

    def endless() -> Iterator[int]:
        nonlocal drawn
        while True:
            drawn += 1
            yield drawn

    results = parallel_map(lambda item: item, endless(), 3)
    assert drawn == 0
    for place in range(1, 20):
        assert next(results) == (place, place)
        assert drawn <= place + 2 * 3
    results.close()


def test_an_error_is_raised_in_its_item_s_place() -> None:
    results = parallel_map(lambda item: 1 / item, [2, 1, 0, 4], 2)
    assert [next(results), next(results)] == [(2, 0.5), (1, 1.0)]
    with pytest.raises(ZeroDivisionError):
        next(results)

from __future__ import annotations

import pytest

from showtell.training.schedule import warmup_cosine


def test_learning_rate_warms_up_and_decays() -> None:
    rates = [warmup_cosine(step, 100, 10, 2.0) for step in range(100)]
    assert rates[0] == pytest.approx(0.2)
    assert rates[9] == rates[10] == pytest.approx(2.0)
    assert rates[55] == pytest.approx(1.0)
    assert rates[99] == pytest.approx(0.0, abs=1e-3)
    assert rates[:10] == sorted(rates[:10])
    assert rates[10:] == sorted(rates[10:], reverse=True)


@pytest.mark.parametrize(("total", "warmup"), [(1, 0), (5, 0), (5, 5), (5, 50)])
def test_short_runs_have_a_rate(total: int, warmup: int) -> None:
    assert all(0 < warmup_cosine(step, total, warmup, 1.0) <= 1.0 for step in range(total))


def test_a_run_of_few_updates_warms_up_for_a_quarter_of_them() -> None:
    rates = [warmup_cosine(step, 40, 200, 2.0) for step in range(40)]
    assert rates == [warmup_cosine(step, 40, 10, 2.0) for step in range(40)]
    assert max(rates) == 2.0

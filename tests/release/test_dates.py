"""The time of a release: the start of its day, never before the commit it builds on."""

from __future__ import annotations

import pytest

from release.dates import DAY, moment

NOON = 20_000 * DAY + DAY // 2  # 2024-10-04


def test_it_is_the_start_of_today_and_never_before_the_commit() -> None:
    assert moment(7, now=NOON)[:2] == ("2024-10-04", 20_000 * DAY)
    assert moment(NOON, now=NOON)[:2] == ("2024-10-04", NOON + 1)
    assert moment(NOON + DAY, now=NOON)[:2] == ("2024-10-05", NOON + DAY + 1)


def test_a_given_date_wins_over_the_clock_and_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "99")
    assert moment(500) == ("1970-01-01", 99, "with the same SOURCE_DATE_EPOCH")
    assert moment(500, "2024-10-04")[:2] == ("2024-10-04", 20_000 * DAY)


@pytest.mark.parametrize("head", [0, 20_000 * DAY - 1, 20_000 * DAY, NOON, NOON + DAY])
def test_the_date_that_a_dry_run_names_repeats_it(head: int) -> None:
    seen = moment(head, now=NOON)
    assert seen.holds == f"until midnight UTC, or with --date {seen.date}"
    assert moment(head, seen.date)[:2] == seen[:2]

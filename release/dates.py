"""When a release is made: one date in UTC, from which the changelog's date and the times of commit and tag follow.

So the ids of a release depend on the commit it builds on, the date, and who makes it: a dry run can name them, and
`--date` repeats it on another day.
"""

from __future__ import annotations

import datetime
import os
import re
import time
from typing import NamedTuple

from release.errors import Usage

DAY = 86_400
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


class Moment(NamedTuple):
    """The time of a release.

    Attributes:
        date: YYYY-MM-DD, as the changelog shows it.
        when: seconds since the epoch that commit and tag carry.
        holds: what the ids of a dry run hold for, as the end of a sentence.
    """

    date: str
    when: int
    holds: str


def moment(head_time: int, given: str | None = None, now: int | None = None) -> Moment:
    """Return the time of a release that builds on a commit made at `head_time`.

    It is the start of the day, but never before that commit. The day is the one given, else that of
    SOURCE_DATE_EPOCH (which is then the very second), else of `now`, else of the clock.

    Raises:
        Usage: `given` is not a date, or one that has not begun anywhere.
    """
    if given is not None:
        return Moment(given, max(_start(given), head_time + 1), "as long as the branch stays where it is")
    fixed = os.environ.get("SOURCE_DATE_EPOCH", "")
    if now is None and fixed.isascii() and fixed.isdigit():
        return Moment(_day(int(fixed)), int(fixed), "with the same SOURCE_DATE_EPOCH")
    today = int(time.time()) if now is None else now
    when = max(today - today % DAY, head_time + 1)
    date = _day(when)
    return Moment(date, when, f"until midnight UTC, or with --date {date}")


def _start(date: str) -> int:
    """Return the first second of a date, in UTC."""
    example = "give it as YYYY-MM-DD"
    try:
        day = datetime.date.fromisoformat(date if _DATE.fullmatch(date) else "")
    except ValueError:
        raise Usage.because("bad-date", f"--date {date!r} is not a date", example) from None
    start = int(datetime.datetime(day.year, day.month, day.day, tzinfo=datetime.timezone.utc).timestamp())
    if not 0 <= start <= time.time() + DAY:
        raise Usage.because("bad-date", f"--date {date} is not a day that a release can be made on", example)
    return start


def _day(when: int) -> str:
    return time.strftime("%Y-%m-%d", time.gmtime(when))

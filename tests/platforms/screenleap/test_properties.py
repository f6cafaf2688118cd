"""What is parsed or computed, for any input."""

from __future__ import annotations

import csv
import io
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError  # noqa: TID253 - not at DAG parse

from airflow_provider.live_sessions.core.errors import ConfigurationError
from airflow_provider.live_sessions.core.session_rows import ExportAsk, Tally
from airflow_provider.live_sessions.core.status import Held, Seen, State
from airflow_provider.live_sessions.platforms.screenleap.attendance import presences
from airflow_provider.live_sessions.platforms.screenleap.exporting import wanted
from airflow_provider.live_sessions.platforms.screenleap.filters import EPOCH, to_millis
from airflow_provider.live_sessions.platforms.screenleap.java_dates import write
from airflow_provider.live_sessions.platforms.screenleap.judging import Gone, count, judge, judge_gone, present
from airflow_provider.live_sessions.platforms.screenleap.marks import MAX_LENGTH, marked, split
from airflow_provider.live_sessions.platforms.screenleap.models import Share
from airflow_provider.live_sessions.platforms.screenleap.reaping import overdue
from airflow_provider.live_sessions.platforms.screenleap.usage import (
    UsageRow,
    in_order,
    merge,
    participant_rows,
    to_csv,
    to_json,
    usage_row,
)
from airflow_provider.live_sessions.sandbox.screenleap.shapes import read_time

NOW = datetime(2026, 9, 1, 12, tzinfo=UTC)
BASE = to_millis(NOW)

keys = st.text("0123456789abcdef", min_size=32, max_size=32)
moments = st.datetimes(datetime(1971, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - aware by the zone
near = st.integers(BASE - 7_200_000, BASE + 600_000)
maybe = st.none() | near


@st.composite
def rows(draw: st.DrawFn) -> dict[str, Any]:
    """A share as Screenleap may show it: every field may be missing."""
    start, end = draw(maybe), draw(maybe)
    people = draw(
        st.lists(
            st.fixed_dictionaries(
                {},
                optional={
                    "participantId": st.text("0123456789", min_size=6, max_size=6),
                    "externalId": st.sampled_from(["", "v-1", "v-2", "=cmd"]),
                    "isPresenter": st.booleans(),
                    "sharingStartTime": near,
                    "sharingEndTime": near,
                    "durationInMinutes": st.integers(0, 600),
                },
            ),
            max_size=4,
        )
    )
    told = {
        "sessionId": draw(st.text("0123456789", min_size=9, max_size=9)),
        "startTime": start,
        "endTime": end,
        "isActive": draw(st.none() | st.booleans()),
        "totalViewers": draw(st.none() | st.integers(0, 5)),
        "userMinutes": draw(st.none() | st.integers(0, 500)),
        "externalId": draw(st.none() | st.text(max_size=20)),
        "title": draw(st.none() | st.text(max_size=20)),
        "participants": people,
        "shareState": draw(st.none() | st.just("NOT_STARTED")),
    }
    return {name: value for name, value in told.items() if value is not None}


shares = rows().map(Share.model_validate)
seens = st.builds(
    Seen,
    planned_start=st.just(NOW),
    planned_end=st.integers(-3600, 3600).map(lambda s: NOW + timedelta(seconds=s)),
    deadline=st.integers(-3600, 3600).map(lambda s: NOW + timedelta(seconds=s)),
    settle=st.floats(1, 3600),
    first_live=st.none() | st.just(NOW - timedelta(hours=1)),
)


@given(st.text(max_size=150), keys)
def test_a_mark_and_the_users_own_id_come_apart_again(users: str, key: str) -> None:
    made = marked(users, key)
    assert split(made) == (users, key)
    assert len(made) <= MAX_LENGTH


@given(st.text(max_size=400))
def test_an_external_id_of_others_stays_whole(text: str) -> None:
    users, key = split(text)
    assert (marked(users, key) if key and len(users) <= 150 else text) == text


@given(st.text(min_size=1, max_size=250), keys)
def test_a_unique_external_id_goes_out_as_it_is_or_not_at_all(users: str, key: str) -> None:
    if len(users) <= MAX_LENGTH:
        assert marked(users, key, unique=True) == users
    else:
        with pytest.raises(ConfigurationError):
            marked(users, key, unique=True)


@given(moments)
def test_milliseconds_lose_nothing_but_microseconds(moment: datetime) -> None:
    back = EPOCH + timedelta(milliseconds=to_millis(moment))
    assert timedelta(0) <= moment - back < timedelta(milliseconds=1)
    share = Share.model_validate({"startTime": to_millis(moment)})
    assert share.started_at is not None
    assert abs(share.started_at - back) < timedelta(milliseconds=1)


@given(moments)
def test_a_moment_written_by_a_pattern_is_read_by_it_again(moment: datetime) -> None:
    pattern = "dd/MM/yyyy 'at' HH:mm:ss.SSS Z"
    assert read_time(write(moment, pattern), pattern) == moment.replace(
        microsecond=moment.microsecond // 1000 * 1000
    )
    assert read_time(str(to_millis(moment))) == EPOCH + timedelta(milliseconds=to_millis(moment))


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        ("dd/MM/yy", "03/04/26"),
        ("yyyy-MM-dd'T'HH:mm:ssXXX", "2026-04-03T05:06:07Z"),
        ("HH 'o''clock' z", "05 o'clock UTC"),
        ("''yy", "'26"),
    ],
)
def test_patterns_are_written_as_java_writes_them(pattern: str, text: str) -> None:
    assert write(datetime(2026, 4, 3, 5, 6, 7, tzinfo=UTC), pattern) == text


@pytest.mark.parametrize("pattern", ["EEE", "MMM", "'open", "yyy"])
def test_a_pattern_that_is_not_known_is_refused(pattern: str) -> None:
    with pytest.raises(ConfigurationError, match="not supported"):
        write(NOW, pattern)


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.floats() | st.text(), st.lists, max_leaves=5))
def test_a_time_is_read_or_refused_and_nothing_else_happens(value: Any) -> None:
    try:
        share = Share.model_validate({"startTime": value})
    except ValidationError:
        return
    assert share.started_at is None or share.started_at.tzinfo is not None


@given(shares, seens, st.booleans())
def test_a_share_is_over_only_when_its_end_is_told_or_it_never_began(
    share: Share, seen: Seen, listed: bool
) -> None:
    status = judge(share, seen, NOW, listed=listed, digest="d")
    if status.state is State.ENDED:
        assert share.ended_at is not None
        assert NOW - share.ended_at >= timedelta(seconds=min(seen.settle, 300.0))
    if status.state is State.NEVER_HELD:
        assert share.started_at is None
        assert min(seen.deadline, seen.planned_end) <= NOW
    if status.state is State.LIVE:
        assert share.started_at is not None
    assert status.held is not Held.YES or bool(share.watched)
    assert (status.state is State.NEVER_HELD) == (status.absence is not None)
    assert (share.active, status) == (share.active, judge(share, seen, NOW, listed=listed, digest="d"))


@given(shares, seens)
def test_is_active_changes_no_state(share: Share, seen: Seen) -> None:
    states = {
        judge(share.model_copy(update={"active": flag}), seen, NOW, listed=True, digest="d").state
        for flag in (True, False, None)
    }
    assert len(states) == 1


@given(seens, st.integers(0, 3600), st.none() | st.integers(0, 3600), st.booleans(), st.booleans())
def test_a_share_that_vanished_is_a_no_show_only_when_nothing_can_have_been_missed(
    seen: Seen, missed: int, gap: int | None, started: bool, watched: bool
) -> None:
    since = NOW - timedelta(seconds=missed)
    known = None if gap is None else since - timedelta(seconds=gap)
    status = judge_gone(Gone(since, known, started, watched), seen, NOW, digest="d")
    if missed < 900:
        assert not status.state.over
    if status.held is Held.NO:
        assert (started, seen.first_live) == (False, None)
        assert gap is not None
        assert gap <= 300
    if status.held is Held.YES:
        assert watched
    assert (status.state is State.NEVER_HELD) == (status.absence is not None)


@given(shares)
def test_people_are_counted_once_and_never_without_a_start(share: Share) -> None:
    people = count(share)
    assert people is None or people >= len(present(share))
    assert bool(present(share)) == (share.started_at is not None)
    assert {one.platform_user_id for one in presences(share, {})} >= {
        one.external_id for one in share.viewers if one.external_id
    }


once_each = st.lists(shares, max_size=5, unique_by=lambda one: one.code and one.code.get_secret_value())


@given(once_each, once_each)
def test_merging_loses_no_code_and_doubles_none(past: list[Share], recent: list[Share]) -> None:
    merged = in_order(merge(past, recent))
    codes = [one.code for one in merged]
    assert set(codes) == {one.code for one in (*past, *recent)}
    assert len(set(codes)) == len(codes)
    starts = [to_millis(one.started_at) if one.started_at else 0 for one in merged]
    assert starts == sorted(starts)
    for one in merged:
        versions = [other for other in (*past, *recent) if other.code == one.code]
        assert one in versions


@given(st.lists(shares, max_size=5), near, st.integers(1, 7_200_000), st.integers(1, 7_200_000))
def test_windows_that_join_each_other_count_each_share_once(
    rows: list[Share], begin: int, first: int, second: int
) -> None:
    at = [EPOCH + timedelta(milliseconds=mark) for mark in (begin, begin + first, begin + first + second)]

    def ended(since: datetime, until: datetime) -> list[Share]:
        return list(wanted(rows, ExportAsk(since, until, timedelta(hours=24)), Tally()))

    one, two, whole = ended(at[0], at[1]), ended(at[1], at[2]), ended(at[0], at[2])
    assert len(one) + len(two) == len(whole)
    assert all(row in whole for row in (*one, *two))


@given(st.lists(shares, max_size=5), st.integers(0, 7200), st.sampled_from(["", "a", "case"]))
def test_the_reaper_takes_only_what_runs_and_is_too_old(rows: list[Share], limit: int, prefix: str) -> None:
    found = overdue(rows, NOW, limit, prefix=prefix)
    for one in found:
        assert one.started_at is not None
        assert one.ended_at is None
        assert NOW - one.started_at > timedelta(seconds=limit)
        assert (one.external_id or "").startswith(prefix)
    assert [one.started_at for one in found] == sorted(one.started_at for one in found if one.started_at)


@given(st.lists(shares, max_size=6))
def test_the_tables_have_a_row_a_share_and_no_formula(rows: list[Share]) -> None:
    usage = [usage_row(one, "share-0") for one in rows]
    read = list(csv.reader(io.StringIO(to_csv(UsageRow, usage).decode(), newline="")))
    assert len(read) == len(rows) + 1
    for line in read[1:]:
        assert not any(cell.startswith(("=", "+", "@", "\t")) for cell in line[:4])
    listed = json.loads(to_json([row for one in rows for row in participant_rows(one, "share-0")]))
    assert len(listed) == sum(len(one.participants) for one in rows)
    assert len(json.loads(to_json(usage))) == len(rows)

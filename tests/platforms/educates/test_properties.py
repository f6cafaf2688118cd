"""What is computed and parsed, for whatever comes: users, windows, refs, fates."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider.live_sessions.core.errors import ConfigurationError, LiveSessionError
from airflow_provider.live_sessions.core.keys import LaunchKey
from airflow_provider.live_sessions.core.models import Participant, Plan, SessionRef
from airflow_provider.live_sessions.core.status import Held, Seen, State
from airflow_provider.live_sessions.core.times import parse_time
from airflow_provider.live_sessions.platforms.educates.judging import BLIND, Fate, Sighting, judge
from airflow_provider.live_sessions.platforms.educates.models import Phase, Schedule, SessionRow
from airflow_provider.live_sessions.platforms.educates.options import EducatesOptions
from airflow_provider.live_sessions.platforms.educates.seats import Launch, Seat, make_ref, seats_of
from airflow_provider.live_sessions.platforms.educates.users import LONGEST, SLUG, user_of_launch, user_of_learner

T0 = datetime(2026, 9, 1, 8, tzinfo=UTC)
KEYS = st.builds(
    lambda uid: LaunchKey.for_occurrence(conn_id="c", timetable="t", uid=uid, start=T0), st.text(min_size=1)
)
PHASES = st.sampled_from([Phase.STARTING, Phase.WAITING, Phase.RUNNING, Phase.STOPPING])
MOMENTS = st.datetimes(datetime(1900, 1, 1), datetime(2999, 12, 31), timezones=st.just(UTC))  # noqa: DTZ001 - the zone is beside it
TEXTS = st.text(min_size=1, max_size=40)


@given(KEYS, st.text(), KEYS, st.text())
def test_a_launch_s_users_are_slugs_and_as_distinct_as_launch_and_learner(
    key: LaunchKey, learner: str, other_key: LaunchKey, other: str
) -> None:
    user, second = user_of_launch(key, learner), user_of_launch(other_key, other)
    assert SLUG.fullmatch(user)
    assert len(user) <= LONGEST
    assert (user == second) == ((key.digest, learner) == (other_key.digest, other))


@given(st.text(), st.text())
def test_a_learner_s_user_is_a_slug_and_theirs_alone(learner: str, other: str) -> None:
    user = user_of_learner(learner)
    assert SLUG.fullmatch(user)
    assert len(user) <= LONGEST
    assert (user == user_of_learner(other)) == (learner == other)


@given(st.from_regex(SLUG, fullmatch=True).filter(lambda one: len(one) <= LONGEST and not one.startswith("als1-")))
def test_an_id_that_is_a_slug_stays_as_it_is(learner: str) -> None:
    assert user_of_learner(learner) == learner


@given(st.integers(-100_000, 100_000), st.floats(60, 86_400))
def test_whoever_launches_when_a_learner_has_the_whole_time_to_come(ahead: int, within: float) -> None:
    plan = Plan("X", T0, T0 + timedelta(days=9))
    options = EducatesOptions(workshop="w", activate_within=within)
    now = T0 - timedelta(seconds=ahead)
    window = options.window(plan, now)
    assert window >= within - 0.001
    assert now + timedelta(seconds=window) >= T0 + timedelta(seconds=within) - timedelta(milliseconds=1)
    assert window <= max(ahead, 0) + within + 1


SEATS = st.builds(
    Seat,
    learner=TEXTS,
    user=TEXTS,
    session=TEXTS,
    environment=TEXTS,
    started=st.none() | MOMENTS,
    expires=st.none() | MOMENTS,
)


@given(st.lists(SEATS, max_size=5, unique_by=lambda one: one.learner), st.booleans())
def test_a_ref_gives_back_the_seats_that_went_in(seats: list[Seat], shared: bool) -> None:
    plan = Plan("X", T0, T0 + timedelta(hours=1))
    key = LaunchKey.for_occurrence(conn_id="c", timetable="t", uid="u", start=T0)
    ref = make_ref(plan, key, Launch("uid", "w", T0, T0 + timedelta(hours=2), shared), seats, conn_id="c")
    again = SessionRef.from_json(ref.to_json())
    assert seats_of(again) == tuple(seats)
    assert bool(again.detail("shared")) is shared
    assert parse_time(again.detail("window_end")) == T0 + timedelta(hours=2)
    if seats:
        assert seats_of(again, [seats[0].learner]) == (seats[0],)


@given(st.text())
def test_whatever_stands_in_a_ref_s_seats_is_read_or_refused(text: str) -> None:
    ref = SessionRef("educates", "c", "s", "k", (("seats", text),))
    try:
        assert isinstance(seats_of(ref), tuple)
    except ConfigurationError as error:
        assert "reference of a workshop class" in error.what  # noqa: PT017 - either is right


def look(sighting: Sighting, phase: Phase | None, now: datetime, started: datetime) -> None:
    if phase is None:
        sighting.lose(now)
    else:
        sighting.observe(Schedule(status=phase, started=started, expires=started + timedelta(seconds=900)), now)


@given(st.lists(st.tuples(PHASES, st.integers(1, 2000)), max_size=12), st.integers(1, 5000))
def test_a_no_show_is_only_called_one_when_nobody_was_ever_seen_and_the_gap_was_short(
    looks: list[tuple[Phase, int]], last: int
) -> None:
    seat = Seat("a", "u", "s", "e", T0, T0 + timedelta(seconds=900))
    sighting, now = Sighting.of(seat, T0), T0
    for phase, seconds in looks:
        now += timedelta(seconds=seconds)
        look(sighting, phase, now, T0)
        assert not sighting.fate.gone
    pending = sighting.pending_at
    now += timedelta(seconds=last)
    look(sighting, None, now, T0)
    fate = sighting.fate
    ran = any(phase is Phase.RUNNING for phase, _ in looks)
    assert fate.gone
    assert (fate is Fate.FINISHED) == ran
    if fate is Fate.LAPSED:
        assert now - pending <= BLIND
    seen = Seen(T0, T0 + timedelta(hours=1), T0 + timedelta(days=1))
    status = judge([seat], [sighting], seen, now)
    assert status.state.over
    assert (status.held is Held.YES) == ran
    assert (status.people is None) == (fate is Fate.UNKNOWN)
    if status.state is State.NEVER_HELD:
        assert not ran


@given(st.lists(st.sampled_from(list(Phase)), min_size=1, max_size=6), st.integers(0, 3))
def test_a_class_is_over_only_when_every_seat_is_gone(phases: list[Phase], gone: int) -> None:
    seats, sightings = [], []
    for number, phase in enumerate(phases):
        seat = Seat(str(number), f"u{number}", f"s{number}", "e", T0, T0 + timedelta(seconds=900))
        sighting = Sighting.of(seat, T0)
        row = SessionRow(name=seat.session, state=phase, user=seat.user, started=T0, expires=seat.expires)
        sighting.observe(row, T0 + timedelta(seconds=10))
        if number < gone:
            sighting.lose(T0 + timedelta(seconds=20))
        seats.append(seat)
        sightings.append(sighting)
    seen = Seen(T0, T0 + timedelta(hours=1), T0 + timedelta(days=1))
    status = judge(seats, sightings, seen, T0 + timedelta(seconds=20))
    assert status.state.over == (gone >= len(phases))
    assert len(status.session_ids) == len(seats)
    assert status.present == {one.user for one, seen_ in zip(seats, sightings, strict=True) if seen_.came}


def test_a_class_without_seats_is_over_and_nobody_knows_how() -> None:
    seen = Seen(T0, T0 + timedelta(hours=1), T0 + timedelta(days=1))
    status = judge([], [], seen, T0)
    assert (status.state, status.held, status.why) == (State.ENDED, Held.UNKNOWN, "It has no sessions.")


@given(st.dictionaries(TEXTS, st.none() | st.booleans() | st.integers() | TEXTS | st.lists(TEXTS), max_size=6))
def test_whatever_the_options_are_they_are_read_or_refused_in_our_own_words(options: dict[str, object]) -> None:
    plan = Plan("X", T0, T0 + timedelta(hours=1), (Participant("a", "A"),), {"workshop": "w", **options})
    if set(options) - set(EducatesOptions.model_fields):
        with pytest.raises(LiveSessionError):
            EducatesOptions.of(plan)

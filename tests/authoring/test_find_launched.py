"""Finding what another run launched, on any platform: which one, whether it is believed, and how it stands."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException

from airflow_provider.live_sessions.core.record import SessionRecord
from airflow_provider.live_sessions.hooks.storage import open_storage
from airflow_provider.live_sessions.operators.find_launched import FindLaunchedOperator
from airflow_provider.live_sessions.operators.hand_over_ledger import XCOM, Ledger
from airflow_provider.live_sessions.operators.lessonspace import LessonspaceCancelSessionOperator
from airflow_provider.live_sessions.operators.screenleap_hand_over import ScreenleapHandOverLinksOperator
from airflow_provider.live_sessions.schedules.claims import Ticket
from tests.airflow_side.stage import School, context
from tests.airflow_side.test_letting_go import Office
from tests.airflow_side_coviu.practice import Practice
from tests.airflow_side_educates.lab import Lab
from tests.airflow_side_screenleap.stage import Studio
from tests.authoring.elsewhere import Launched, launched_there

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


def find_written(written: Any, *indexes: int, **arguments: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return what the operator finds of what stands in XCom, and how it says that it stands."""
    ti = Launched(task_id="find")
    ti.elsewhere["class_now", "run-7", "class.launch"] = written
    ti.states["run-7"] = {f"class.launch_{one}": "success" for one in indexes} or {"class.launch": "success"}
    given: dict[str, Any] = {"dag_id": "class_now", "run_id": "run-7", **arguments}
    record = FindLaunchedOperator(task_id="find", **given).execute(context(ti))
    return record, ti.xcoms["find", -1, "now"]


def find(launched: Any, **arguments: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the same of one launch, or of a mapped one's; without the proof, which is each launch's own."""
    if not isinstance(launched, list):
        written = launched_there(launched) if launched and "title" in launched else launched
        found, now = find_written(written, **arguments)
    else:
        mapped = {index: launched_there(one, index) for index, one in enumerate(launched) if one is not None}
        found, now = find_written(list(mapped.values()), *range(len(launched)), **arguments)
    return {**found, "proof": ""}, now


def bare(record: Mapping[str, Any]) -> dict[str, Any]:
    return {**record, "proof": ""}


def test_the_one_session_of_a_run_is_found_and_looked_at(school: School) -> None:
    record = school.launch(hand_over_before=60)
    found, now = find(record)
    assert found == bare(record)
    assert now.pop("why")
    assert re.fullmatch(r"\w+day \d\d \w+ \d{4}, \d\d:\d\d to .*\d\d:\d\d \(UTC\)", now.pop("when"))
    assert re.fullmatch(r"\w+day \d\d \w+ \d{4}, \d\d:\d\d \(UTC\)", now.pop("links_until"))
    assert now == {
        "platform": "Lessonspace",
        "state": "scheduled",
        "people": 0,
        "handed_over": False,
        "sent": 0,
        "ends_live": False,
        "empty": False,
    }
    school.go_to(record["start"])
    school.join(record, "t-1", "s-1")
    found, now = find([record])
    assert (found, now["state"], now["people"]) == (bare(record), "live", 2)


def test_a_class_that_cannot_be_ended_is_refused_before_anybody_is_asked(school: School) -> None:
    record = school.launch()
    assert find(record, cannot_end_live="The teacher can.")[0] == bare(record)
    school.go_to(record["start"])
    school.join(record, "t-1", "s-1")
    with pytest.raises(
        AirflowFailException, match=r"cannot be cancelled: people are in it \(2 seen\)\. The teacher"
    ):
        find(record, cannot_end_live="The teacher can.")
    assert find(record)[1]["state"] == "live"  # for all but a cancel


def test_a_room_that_everybody_left_was_said_to_have_people_in_it(school: School) -> None:
    record = school.launch()
    school.hold(record, seconds=180)
    school.wait(60)
    said = (
        r"'Algebra 1' cannot be cancelled any more\. Everybody left at [\d:]{8} on \w+ [^.]*\(UTC\); it counts as "
        r"over at [\d:]{8} on \w+ [^.]*\(UTC\) unless somebody comes back\. "
        r"Nothing has to be done: it ends by itself\."
    )
    with pytest.raises(AirflowFailException, match=said):
        find(record, cannot_end_live="The teacher can.")
    now = find(record)[1]
    assert (now["state"], now["empty"], now["people"]) == ("live", True, 2)  # for all but a cancel


def test_times_of_the_question_were_in_utc_whatever_the_school_s_zone(school: School) -> None:
    record = school.launch(
        school.lesson() | {"start": "2099-07-01T21:30:00+00:00", "end": "2099-07-01T22:30:00+00:00"}
    )
    now = find(record, timezone="Europe/Berlin")[1]
    assert now["when"] == "Wednesday 01 July 2099, 23:30 to Thursday 02 July 2099, 00:30 (Europe/Berlin)"
    assert now["links_until"].endswith("(Europe/Berlin)")
    with pytest.raises(AirflowFailException, match="There is no time zone 'Europe/Bärlin'"):
        find(record, timezone="Europe/Bärlin")


def test_a_class_that_is_cancelled_already_is_asked_about_no_second_time(school: School) -> None:
    record = school.launch()
    LessonspaceCancelSessionOperator(task_id="cancel", session=record).execute(context())
    with pytest.raises(
        AirflowFailException, match=r"is cancelled already: there is nothing to cancel\. Nothing was changed\."
    ):
        find(record, cannot_end_live="The teacher can.")


def test_one_of_several_is_found_by_its_title_or_by_start_and_title(school: School) -> None:
    records = [
        school.launch(school.lesson(title, ahead=ahead)) for title, ahead in (("A", 100), ("B", 100), ("A", 900))
    ]
    assert find([None, *records], title=" B ")[0] == bare(records[1])
    assert find(records, title=f"{records[2]['start']} A")[0] == bare(records[2])
    assert find(records, title="b")[0] == bare(records[1])


def test_starts_that_tell_sessions_apart_were_in_utc_whatever_the_zone_of_the_form(school: School) -> None:
    at = [f"2099-07-01T21:{minute}:00+00:00" for minute in (10, 30)]
    ends = {"end": "2099-07-01T23:30:00+00:00"}
    records = [school.launch(school.lesson("A") | {"uid": one, "start": one} | ends) for one in at]
    berlin = {"timezone": "Europe/Berlin"}
    said = r"the title \(times of Europe/Berlin\): 2099-07-01 23:10 A; 2099-07-01 23:30 A$"
    with pytest.raises(AirflowFailException, match=said):
        find(records, **berlin)
    assert find(records, title="2099-07-01 23:30 A", **berlin)[0] == bare(records[1])


def test_starts_within_one_minute_are_told_apart_to_the_second(school: School) -> None:
    at = [f"2099-07-01T21:10:{second}+00:00" for second in ("05", "45")]
    ends = {"end": "2099-07-01T23:30:00+00:00"}
    records = [school.launch(school.lesson("A") | {"uid": one, "start": one} | ends) for one in at]
    with pytest.raises(AirflowFailException, match=rf": {re.escape(at[0])} A; {re.escape(at[1])} A$"):
        find(records, title="A")
    assert find(records, title=f"{at[1]} A")[0] == bare(records[1])


def test_a_class_that_is_over_was_said_to_need_another_connection(school: School) -> None:
    record = school.launch()
    LessonspaceCancelSessionOperator(task_id="cancel", session=record).execute(context())
    with pytest.raises(AirflowFailException) as caught:
        find(record, cannot_end_live="The teacher can.")
    said = "TooLate: 'Algebra 1' is cancelled already: there is nothing to cancel. Nothing was changed."
    assert str(caught.value) == said


@pytest.mark.parametrize(
    ("launched", "arguments", "said"),
    [
        (None, {}, "launched nothing"),
        ([], {}, "launched nothing"),
        ([None], {}, "launched nothing"),
        ("two", {}, r"launched 2 sessions\. Give one of these as the title: A; B$"),
        ("two", {"title": "Z"}, r"launched no session called 'Z'\. Give one of these as the title: A; B$"),
        ("one", {"title": "Z"}, r"launched no session called 'Z'\. Leave the title empty: it launched A alone\."),
        (
            "same",
            {"title": "A", "timezone": "Asia/Tokyo"},
            r"launched 2 sessions, 2 of them called 'A'\. .* \(times of Asia/Tokyo\): \S+ [\d:]{5} A; \S+ \S+ A$",
        ),
        ({"ref": {}}, {}, "not the record of a launched session"),
        (None, {}, "Look what became of its task class.launch"),
        ("two", {"run_id": "another"}, "There is no run 'another' of 'class_now'. Copy the id"),
        ("two", {"run_id": " "}, "The run id is empty. Copy the id"),
        ("two", {"run_id": None}, "The run id is empty. Copy the id"),
    ],
)
def test_what_cannot_be_told_which_is_refused_with_what_there_is(
    school: School, launched: Any, arguments: Mapping[str, Any], said: str
) -> None:
    titles = {"one": "A", "two": "AB", "same": "AA"}
    if isinstance(launched, str):
        starts = enumerate(titles[launched])
        launched = [school.launch(school.lesson(title, ahead=900 + 60 * at)) for at, title in starts]
    with pytest.raises(AirflowFailException, match=said):
        find(launched, **arguments)


# ---- whether it is believed


def test_a_record_that_its_launch_did_not_write_was_cancelled_and_brought_home(school: School) -> None:
    mine, other = school.launch(school.lesson("Mine")), school.launch(school.lesson("Other"))
    written = launched_there(mine)
    assert find_written(written)[0] == written
    forged = [
        {**written, "proof": ""},
        {**written, "ref": other["ref"]},
        {**written, "claim": {"of": "another run"}},
        launched_there(mine, run_id="run-6"),
        launched_there(mine, task_id="launch"),
        launched_there(mine, dag_id="class_day"),
        launched_there(mine, map_index=3),
    ]
    asked = len(school.log())
    for one in forged:
        with pytest.raises(AirflowFailException, match=r"not as its launch wrote it.*Clear the launch task"):
            find_written(one)
    assert len(school.log()) == asked  # nobody's platform was asked


def test_a_mapped_launch_is_believed_at_its_own_place_in_the_run_alone(school: School) -> None:
    record = school.launch()
    assert find_written([launched_there(record, 4)], 2, 4)[0]["ref"] == record["ref"]
    with pytest.raises(AirflowFailException, match="not as its launch wrote it"):
        find_written([launched_there(record, 4)], 2, 3)


# ---- for a cancel: what the platform can do


CANNOT = {"lessonspace": "The teacher can.", "coviu": "Who is inside can leave."}


def find_to_cancel(record: dict[str, Any], *, end_live: str = "False") -> dict[str, Any]:
    return find(record, cannot_end_live=CANNOT, end_live=end_live)[1]


def test_a_platform_that_cannot_end_it_says_so_whatever_the_form_allows(
    school: School, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = school.launch()
    school.go_to(record["start"])
    school.join(record, "t-1", "s-1")
    with pytest.raises(AirflowFailException, match=r"people are in it \(2 seen\)\. The teacher can\."):
        find_to_cancel(record, end_live="True")
    with Practice.open(monkeypatch) as practice:
        appointment = practice.launch()
        assert find_to_cancel(appointment) | {"why": "", "when": "", "links_until": ""} == {
            "platform": "Coviu",
            "state": "scheduled",
            "people": None,
            "handed_over": True,
            "sent": 0,
            "ends_live": False,
            "empty": False,
            "why": "",
            "when": "",
            "links_until": "",
        }
        practice.go_to(appointment["start"])
        with pytest.raises(
            AirflowFailException, match=r"it is live\. It is open until .* not told\. Who is inside can leave\."
        ):
            find_to_cancel(appointment, end_live="True")
        assert find(appointment)[1]["state"] == "live"  # for all but a cancel


def test_a_platform_that_can_end_it_does_so_only_where_the_form_allows_it(monkeypatch: pytest.MonkeyPatch) -> None:
    with Studio.open(monkeypatch) as studio:
        share = studio.launch()
        assert find_to_cancel(share)["platform"] == "Screenleap"
        studio.present(share, "Bo")
        with pytest.raises(AirflowFailException, match=r"cannot be cancelled: .*\. Allow that it is ended"):
            find_to_cancel(share)
        assert find_to_cancel(share, end_live="True")["ends_live"]
        studio.end(share)
        studio.wait(3600)
        with pytest.raises(AirflowFailException, match="is over: there is nothing to cancel"):
            find_to_cancel(share, end_live="True")
    with Lab.open(monkeypatch) as lab:
        workshop = lab.launch()
        assert find_to_cancel(workshop)["state"] == "scheduled"
        lab.activate(workshop, "ada")
        with pytest.raises(AirflowFailException, match=r"\(1 seen\)\. Allow that it is ended"):
            find_to_cancel(workshop)
        assert find_to_cancel(workshop, end_live="True")["ends_live"]


def test_a_class_that_another_run_has_by_now_is_refused_with_that_run_s_name(
    school: School, tmp_path: Path
) -> None:
    office = Office(school, tmp_path)
    (lesson,) = office.choose("nine")["launch"]
    first = office.launch(lesson)
    assert find_to_cancel(first)["state"] == "scheduled"
    (changed,) = office.choose("ten", title="Algebra in another room")["launch"]
    with pytest.raises(AirflowFailException, match=r"no longer this run's: run 'ten' has it now\. Name that run"):
        find_to_cancel(first)
    assert find(first)[1]["state"] == "scheduled"  # for all but a cancel
    second = office.launch(changed)
    (off,) = office.choose("eleven", status="cancelled")["cancel"]
    with pytest.raises(AirflowFailException, match="run 'eleven' cancelled it"):
        find_to_cancel(second)
    assert off


def test_who_approves_was_told_that_no_link_had_left_though_another_lane_of_the_class_had_handed_them_over(
    school: School, tmp_path: Path
) -> None:
    office = Office(school, tmp_path)
    (lesson,) = office.choose("nine")["launch"]
    assert office.hand_over(office.launch(lesson))  # below the lane's own destination, not the default
    (changed,) = office.choose("ten", title="Algebra in another room")["launch"]
    record = school.launch(changed, timetable="week", hand_over_before=60)
    assert find_to_cancel(record)["handed_over"]
    outcome = LessonspaceCancelSessionOperator(task_id="cancel", session=record).execute(context())
    assert outcome["links_valid_until"] == record["links"][0]["not_after"]
    assert not outcome["confirmed"]


def test_who_approves_was_told_that_a_cancel_in_a_lasting_room_is_complete(school: School) -> None:
    record = school.launch(school.lesson(space="room-7"), hand_over_before=60)
    with pytest.raises(AirflowFailException, match="is in a lasting room, where a cancel changes nothing"):
        find(record, cannot_end_live="The teacher can.")
    assert find(record)[1]["state"] == "scheduled"  # for all but a cancel


def test_who_approves_was_told_that_links_may_be_out_though_the_list_says_who_was_sent_theirs(
    school: School, tmp_path: Path
) -> None:
    office = Office(school, tmp_path)
    (lesson,) = office.choose("nine")["launch"]
    written = office.launch(lesson)
    assert find_to_cancel(written)["sent"] == 0
    office.hand_over(written)
    assert find_to_cancel(written)["sent"] == 0, "what stays in XCom was sent to nobody"
    record = SessionRecord.from_json(written)
    first, *_ = record.links or ()
    ledger = Ledger(open_storage(Ticket.from_json(record.claim).destination), record.ref.key)
    ledger.begin(first)
    assert find_to_cancel(written)["sent"] == 0, "it may be on its way"
    ledger.record(first, "mail")
    assert find_to_cancel(written)["sent"] == 1


def test_who_approves_a_stop_was_told_that_nobody_is_known_to_have_been_sent_a_share_s_link(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("AIRFLOW__LIVE_SESSIONS__DESTINATION", str(tmp_path))
    with Studio.open(monkeypatch) as studio:
        written = studio.launch()
        record = SessionRecord.from_json(written)
        hand_over = ScreenleapHandOverLinksOperator(task_id="hand_over", session=written)
        ledger = Ledger(open_storage(), hand_over.ledger_key(record))
        for link, by in zip(record.links or (), ("page", "mail", XCOM), strict=True):
            ledger.record(link, by)
        assert find(written)[1]["sent"] == 2


@pytest.mark.parametrize("run_id", ["run-7 ", " run-7", "run-7\n"])
def test_an_id_copied_with_a_space_named_no_run(school: School, run_id: str) -> None:
    assert find(school.launch(), run_id=run_id)[1]["state"] == "scheduled"


@pytest.mark.parametrize("state", [None, "deferred", "queued", "up_for_retry"])
def test_who_cancels_before_the_launch_was_sent_to_look_what_became_of_it(state: str | None) -> None:
    ti = Launched(task_id="find")
    finder = FindLaunchedOperator(task_id="find", dag_id="workshop_day", run_id="run-9", launch_task="provision")
    ti.states["run-9"] = {"provision": state, "provision_report": "success"}  # type: ignore[dict-item]
    with pytest.raises(
        AirflowFailException, match=r"launched nothing yet.*provision is still to do.*mark that run"
    ):
        finder.execute(context(ti))
    ti.states["run-9"] = {"provision": "failed", "provision_2x": "queued", "check_room": "queued"}
    with pytest.raises(AirflowFailException, match=r"launched nothing\. Look what became of its task provision"):
        finder.execute(context(ti))


# ---- which task launches


def test_the_launching_task_is_told_for_each_dag(school: School) -> None:
    record = school.launch()
    tasks = {"class_day": "launch", "class_now": "class.launch"}
    assert find(record, launch_task=tasks)[0] == bare(record)
    with pytest.raises(AirflowFailException, match=r"Which task of 'class_now' .* is not told.*of a, b"):
        find(record, launch_task={"a": "launch", "b": "launch"})

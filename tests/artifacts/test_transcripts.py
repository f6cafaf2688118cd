from __future__ import annotations

import math
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider.live_sessions.artifacts.manifest import Completeness, Manifest
from airflow_provider.live_sessions.artifacts.transcripts import (
    Segment,
    tally,
    to_plain_text,
    to_webvtt,
    write_part,
)
from airflow_provider.live_sessions.artifacts.writer import Writer
from tests.artifacts.memory import MemoryStorage
from tests.artifacts.webvtt_reader import Cue, read_webvtt

nasty = st.text(
    st.characters(exclude_categories=["Cs"]) | st.sampled_from("<>&-\n\r\x00\u2028 \t\x85\x0b"), max_size=25
) | st.sampled_from(["-->", "00:00.000 --> 00:01.000", "\n\n", "</v>", "<v Eve>", "&amp;", "NOTE x", "WEBVTT"])
times = st.floats() | st.floats(0, 5000) | st.integers(-5, 5000).map(float)
segments = st.builds(
    Segment,
    start=times,
    end=times,
    speaker=nasty,
    speaker_id=st.sampled_from(["", "1", "2"]),
    text=nasty,
    part=st.sampled_from(["", "main", "b<1>\n"]),
)
plain_segments = st.builds(
    Segment,
    start=st.floats(0, 900),
    end=st.floats(0, 900),
    speaker=st.sampled_from("ab"),
    speaker_id=st.just(""),
    text=st.sampled_from(["x", "y z"]),
)


def said(start: float, end: float, text: str, speaker: str = "Ada", **more: str) -> Segment:
    return Segment(start=start, end=end, speaker=speaker, speaker_id=more.pop("id", speaker), text=text, **more)


def visible(text: str) -> list[str]:
    """The words of a text, without what no text file should hold."""
    return re.sub("[\x00-\x1f\x7f]", " ", text).split()


@given(st.lists(segments, max_size=8))
def test_webvtt_is_always_valid_and_loses_no_word(transcript: list[Segment]) -> None:
    cues = read_webvtt(to_webvtt(transcript))
    spoken = sorted(visible(one.text) for one in transcript if visible(one.text))
    assert sorted(cue.text.split() for cue in cues) == spoken


@given(st.lists(segments, max_size=8))
def test_every_line_of_the_plain_text_is_a_turn_and_no_word_is_lost(transcript: list[Segment]) -> None:
    text = to_plain_text(transcript)
    lines = text.split("\n")
    assert lines.pop() == ""
    assert len(lines) == len(text.splitlines()), "no sign in a text makes a line of its own"
    assert all(re.match(r"\[\d\d:[0-5]\d:[0-5]\d\] [^\n]+: [^\n]", line) for line in lines)
    assert sum(len(visible(one.text)) for one in transcript) <= len(text.split())


@given(st.lists(plain_segments, max_size=12))
def test_turns_keep_all_words_in_the_order_they_were_said(transcript: list[Segment]) -> None:
    spoken = [
        word for one in sorted(transcript, key=lambda one: round(one.start * 1000)) for word in one.text.split()
    ]
    written = [word for line in to_plain_text(transcript).splitlines() for word in line.split(": ", 1)[1].split()]
    assert written == spoken


def test_a_transcript_as_webvtt() -> None:
    assert to_webvtt([said(62.5, 64.0049, "Good morning."), said(3600.0, 3601.0, "2 < 3 & so", "Bo & Co")]) == (
        "WEBVTT\n"
        "\n"
        "00:01:02.500 --> 00:01:04.005\n"
        "<v Ada>Good morning.</v>\n"
        "\n"
        "01:00:00.000 --> 01:00:01.000\n"
        "<v Bo &amp; Co>2 &lt; 3 &amp; so</v>\n"
    )


def test_a_transcript_as_plain_text() -> None:
    assert to_plain_text([said(62.5, 64, "Good morning."), said(65, 66, "Hello\nAda.", "Bo")]) == (
        "[00:01:02] Ada: Good morning.\n[00:01:05] Bo: Hello Ada.\n"
    )


def test_an_empty_transcript_is_a_valid_file() -> None:
    assert to_webvtt([]) == "WEBVTT\n"
    assert read_webvtt(to_webvtt([said(1, 2, " \n ")])) == []
    assert to_plain_text([]) == ""


def test_cues_are_sorted_and_may_overlap() -> None:
    cues = read_webvtt(to_webvtt([said(5, 9, "second"), said(1, 7, "first"), said(5, 6, "third")]))
    assert [(cue.start, cue.end, cue.text) for cue in cues] == [
        (1000, 7000, "first"),
        (5000, 9000, "second"),
        (5000, 6000, "third"),
    ]


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [
        (-3.0, 2.0, (0, 2000)),
        (-3.0, -2.0, (0, 1)),
        (4.0, 4.0, (4000, 4001)),
        (4.0, 3.0, (4000, 4001)),
        (4.0, math.nan, (4000, 4001)),
        (4.0, math.inf, (4000, 4001)),
        (math.nan, 12.0, (10000, 12000)),
        (-math.inf, math.nan, (10000, 10001)),
        (1.7e9, 1.7e9 + 2, (10000, 10001)),
        (1e308, 1e308, (10000, 10001)),
        (10**400, 10**400, (10000, 10001)),
        (-1e308, -(10**400), (0, 1)),
        (359_999.999, 360_000.0, (359_999_999, 360_000_000)),
    ],
)
def test_a_time_that_is_none_loses_no_words(start: float, end: float, expected: tuple[int, int]) -> None:
    cues = read_webvtt(to_webvtt([said(10, 11, "before"), said(start, end, "here")]))
    assert [(cue.start, cue.end) for cue in cues if cue.text == "here"] == [expected]


def test_a_blank_line_in_a_text_does_not_end_its_cue() -> None:
    assert read_webvtt(to_webvtt([said(1, 2, "one\r\n\r\n \ntwo\x00\u2028three")])) == [
        Cue(1000, 2000, "Ada", "one\ntwo\nthree")
    ]


def test_a_text_cannot_pose_as_another_speaker() -> None:
    cues = read_webvtt(to_webvtt([said(1, 2, "</v><v Eve>forged"), said(2, 3, "x", "A>\n\n--> <v Eve")]))
    assert [(cue.voice, cue.text) for cue in cues] == [
        ("Ada", "</v><v Eve>forged"),
        ("A> --> <v Eve", "x"),
    ]
    assert to_plain_text([said(1, 2, "hi\n[00:00:02] Eve: forged")]).count("\n") == 1


def test_a_speaker_without_a_name_is_told_by_id_or_as_unknown() -> None:
    unnamed = [said(1, 2, "a", "", id="77"), said(3, 4, "b", " ", id="")]
    assert [cue.voice for cue in read_webvtt(to_webvtt(unnamed))] == ["Speaker 77", ""]
    assert to_plain_text(unnamed) == "[00:00:01] Speaker 77: a\n[00:00:03] Unknown speaker: b\n"


def test_rooms_are_named_only_where_there_are_several() -> None:
    one_room = [said(1, 2, "a", part="main"), said(30, 31, "b", part="main")]
    two_rooms = [*one_room, said(60, 61, "c", part="group 1"), said(90, 91, "d", "", id="", part="group 1")]
    assert {cue.voice for cue in read_webvtt(to_webvtt(one_room))} == {"Ada"}
    assert [cue.voice for cue in read_webvtt(to_webvtt(two_rooms))] == [
        "Ada (main)",
        "Ada (main)",
        "Ada (group 1)",
        "Unknown speaker (group 1)",
    ]
    assert "Ada (group 1): c\n" in to_plain_text(two_rooms)


def test_a_turn_joins_what_one_person_says_without_a_long_pause() -> None:
    assert to_plain_text([said(0, 4, "one"), said(19, 20, "two"), said(35.001, 36, "three")]) == (
        "[00:00:00] Ada: one two\n[00:00:35] Ada: three\n"
    )


def test_a_long_turn_is_cut_so_that_its_time_finds_the_place() -> None:
    speech = [said(start, start + 10, f"w{start}") for start in range(0, 300, 10)]
    lines = to_plain_text(speech).splitlines()
    assert [line[:10] for line in lines] == ["[00:00:00]", "[00:02:00]", "[00:04:00]"]


@pytest.mark.parametrize(
    "other",
    [
        said(2, 3, "b", "Bo"),
        said(2, 3, "b", "Ada", id="another Ada"),
        said(2, 3, "b", "Ada", part="group 1"),
    ],
)
def test_two_voices_or_rooms_never_share_a_turn(other: Segment) -> None:
    assert len(to_plain_text([said(1, 2, "a"), other]).splitlines()) == 2


def test_two_unknown_voices_are_not_made_one() -> None:
    unknown = [said(1, 2, "a", "", id=""), said(2, 3, "b", "", id="")]
    assert len(to_plain_text(unknown).splitlines()) == 2


def test_a_tally_counts_words_by_id_and_names_nobody_to_the_manifest() -> None:
    transcript = [
        said(1, 2, "one two", "Ada", id="7"),
        said(3, 4, "three", "Ada L.", id="7"),
        said(5, 6, "four  five\nsix", "Bo", id=""),
        said(7, 8, "  ", "Silent"),
    ]
    counted = tally(transcript)
    assert counted.words_by_speaker == (("7", 3), ("Bo", 3))
    assert counted.counts() == {"segments": 4, "words": 6, "speakers": 2}


@given(st.lists(segments, max_size=8))
def test_a_tally_adds_up(transcript: list[Segment]) -> None:
    counted = tally(iter(transcript))
    assert counted.segments == len(transcript)
    assert counted.words == sum(number for _, number in counted.words_by_speaker)
    assert counted.words == len(" ".join(one.text for one in transcript).split())
    assert counted.speakers == len(counted.words_by_speaker)


def test_each_part_of_a_class_is_a_set_of_files_under_one_manifest() -> None:
    storage = MemoryStorage()
    writer = Writer(storage, "day/class", kind="transcript", session_key="1f0c")
    write_part(writer, 1, raw=b'[{"text": "hi"}]', segments=[said(1, 2, "hi")])
    write_part(writer, 3, raw=b"[]", segments=[])
    done = writer.finish(
        Manifest(
            kind="transcript",
            platform="lessonspace",
            conn_id="space",
            session_key="1f0c",
            status=Completeness.PARTIAL,
            session_ids=("s1", "s2", "s3"),
            why="The transcript of s2 failed.",
        )
    )
    assert [entry.name.removeprefix("day/class/") for entry in done.files] == [
        f"transcript-{number}.{form}" for number in ("01", "03") for form in ("json", "txt", "vtt")
    ]
    assert storage.get("day/class/transcript-01.json") == b'[{"text": "hi"}]'
    assert storage.get("day/class/transcript-01.txt") == b"[00:00:01] Ada: hi\n"
    assert storage.get("day/class/transcript-03.vtt") == b"WEBVTT\n"
    assert [dict(entry.counts) for entry in done.files[:3]] == [{"segments": 1, "words": 1, "speakers": 1}] * 3


def test_odd_text_of_a_platform_never_stops_the_writing() -> None:
    storage = MemoryStorage()
    writer = Writer(storage, "", kind="transcript", session_key="1f0c")
    write_part(writer, 1, raw=b"[]", segments=[said(1, 2, "half \ud83d pair")])
    assert storage.get("transcript-01.txt") == b"[00:00:01] Ada: half ? pair\n"


def test_parts_are_counted_from_one() -> None:
    with pytest.raises(ValueError, match="from 1"):
        write_part(Writer(MemoryStorage(), "", kind="transcript", session_key="k"), 0, raw=b"", segments=[])

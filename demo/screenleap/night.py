"""The account's night: the day before exported, row by row as the sandbox has it, what was left open stopped."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from airflow_provider.live_sessions.artifacts.manifest import Manifest
from demo.screenleap.bring_home import rows_of
from demo.table import clock, columns

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from airflow_provider.live_sessions.artifacts.local import LocalStorage
    from demo.airflow_stack import AirflowStack
    from demo.screenleap.office import Yesterday

DAG_ID = "screen_share_night"
DRY, WET = "night-dry", "night"

COLUMNS = ("external_id", "started_at", "ended_at", "viewers", "user_minutes", "cost_in_cents")


@dataclass
class Night:
    """What two nights in a row made of the account.

    Args:
        day: What was planned.
        problems: What is not as planned.
        files: The files of the first night's export, by name.
        rows: The rows of the export.
        actions: What each night's reaper said of a share, by its external id.
    """

    day: Yesterday
    problems: list[str] = field(default_factory=list)
    files: dict[str, bytes] = field(default_factory=dict)
    rows: list[dict[str, Any]] = field(default_factory=list)
    actions: dict[str, dict[str, str]] = field(default_factory=dict)

    def after_dry_run(
        self, stack: AirflowStack, shares: Sequence[Mapping[str, Any]], storage: LocalStorage
    ) -> None:
        """Look after the first night: everything is exported and nothing was stopped."""
        self.files = self._export(stack, DRY, storage)
        self._read_reaper(stack, DRY)
        stopped = [one["title"] for one in shares if one["external_id"] in self.day.overdue and one["ended_at"]]
        if stopped:
            self.problems.append(f"the dry run stopped {', '.join(stopped)}")
        self._compare_rows(shares)

    def after_second(
        self, stack: AirflowStack, shares: Sequence[Mapping[str, Any]], storage: LocalStorage
    ) -> None:
        """Look after the second night: the same bytes again, and what was left open is stopped."""
        if self._export(stack, WET, storage) != self.files:
            self.problems.append("the second export of the day has other bytes than the first")
        self._read_reaper(stack, WET)
        for run_id, wanted in (
            (DRY, dict.fromkeys(self.day.overdue, "would_stop")),
            (WET, dict(self.day.overdue)),
        ):
            if self.actions.get(run_id) != wanted:
                self.problems.append(
                    f"the reaper of {run_id!r} did {self.actions.get(run_id)}, should be {wanted}"
                )
        open_now = {one["external_id"] for one in shares if one["started_at"] and not one["ended_at"]}
        wanted_open = {
            one.external_id
            for one in self.day.shares
            if one.ended is None and self.day.overdue.get(one.external_id) != "stopped"
        }
        if open_now & {one.external_id for one in self.day.shares if one.external_id} != wanted_open:
            self.problems.append(f"still open are {sorted(open_now)}, should be {sorted(wanted_open)}")
        for run_id in (DRY, WET):
            if (state := stack.run_state(DAG_ID, run_id)) != "success":
                self.problems.append(f"run {run_id} is {state}")

    def table(self) -> str:
        """Return the table for people."""
        head = ("share", "started", "ended", "viewers", "user minutes", "cents", "exported", "dry run", "night")
        known = {row["title"]: row for row in self.rows}
        lines: list[tuple[str, ...]] = [head]
        for one in self.day.shares:
            row = known.get(one.title, {})
            lines.append(
                (
                    one.title,
                    one.started.isoformat()[5:16].replace("T", " "),
                    clock(one.ended.isoformat() if one.ended else None),
                    *(f"{row[name]:g}" if row else "-" for name in ("viewers", "user_minutes", "cost_in_cents")),
                    "yes" if row else "-",
                    *(self.actions.get(run_id, {}).get(one.external_id, "-") for run_id in (DRY, WET)),
                )
            )
        return columns(lines)

    def _export(self, stack: AirflowStack, run_id: str, storage: LocalStorage) -> dict[str, bytes]:
        told = stack.xcom(DAG_ID, run_id, "export_usage", -1)
        if told is None:
            self.problems.append(f"run {run_id!r} exported nothing")
            return {}
        manifest = Manifest.from_json(told)
        self.problems += manifest.verify(storage)
        if manifest.status.value != "complete":
            self.problems.append(f"the usage is {manifest.status}: {manifest.why}")
        return {name: storage.get(name) for name in (manifest.name, *(one.name for one in manifest.files))}

    def _read_reaper(self, stack: AirflowStack, run_id: str) -> None:
        told = stack.xcom(DAG_ID, run_id, "reap", -1) or {"shares": []}
        self.actions[run_id] = {one["external_id"]: one["action"] for one in told["shares"]}

    def _compare_rows(self, shares: Sequence[Mapping[str, Any]]) -> None:
        """Hold the export against the sandbox's own records, row by row."""
        content = next((one for name, one in self.files.items() if name.endswith("usage.json")), b"[]")
        self.rows = rows_of(content)
        titles = [row["title"] for row in self.rows]
        if sorted(titles) != sorted(self.day.exported):
            self.problems.append(f"exported are {sorted(titles)}, should be {sorted(self.day.exported)}")
        records = {one["title"]: one for one in shares}
        for row in self.rows:
            record = {**records.get(row["title"], {})}
            record["viewers"] = record.get("total_viewers")
            for name in COLUMNS:
                if _plain(row[name]) != _plain(record.get(name)):
                    told = f"{row[name]} in the export, {record.get(name)} on the platform"
                    self.problems.append(f"{row['title']}: {name} is {told}")


def _plain(value: Any) -> Any:
    """Return a moment as such, however it is written, and any other value as it is."""
    if not isinstance(value, str):
        return value
    try:
        return datetime.fromisoformat(value)
    except ValueError:
        return value

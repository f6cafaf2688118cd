"""Every measurement of ``make bench``, in the order in which they run."""

from __future__ import annotations

from benchmarks import (
    artifacts,
    budget,
    downloads,
    export_speed,
    exports,
    faults,
    launches,
    platforms,
    pods,
    reaction,
    resumption,
    waits,
)
from benchmarks.report import Section

SECTIONS: tuple[Section, ...] = (
    Section("waits", "100, 1,000 and 10,000 waits, beside the released providers", waits.run),
    Section("platforms", "1,000 waits on each of the other platforms", platforms.run, quick=False),
    Section("faults", "1,000 waits while something goes wrong", faults.run),
    Section("budget", "one key used by 1, 4 and 8 processes", budget.run, quick=False),
    Section("artifacts", "waits for transcripts that do not come", artifacts.run, quick=False),
    Section("reaction", "from the end of a session to the event", reaction.run, quick=False),
    Section("resumption", "from the end of a session to its running task", resumption.run, quick=False),
    Section(
        "export_speed", "an export near and 50 ms away, beside sequential peers", export_speed.run, quick=False
    ),
    Section("download", "a file of 2 GiB, beside curl", downloads.run, quick=False),
    Section("launches", "1,000 join links launched and handed over", launches.run, quick=False),
    Section("pods", "the memory of a pod that runs one task", pods.run, quick=False),
    Section("exports", "200,000 sessions exported twice while requests fail", exports.run, quick=False),
)

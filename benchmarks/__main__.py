"""``make bench``: measure everything, write the figures, end in one line; exit 0 only when every bar was met."""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from pathlib import Path

from benchmarks.report import Report, teller
from benchmarks.results import RESULTS, record
from benchmarks.subject import FERNET_KEY


def main() -> int:
    """Run the measurements and return the exit code."""
    with tempfile.TemporaryDirectory(prefix="live-sessions-bench-") as home:
        _settle_airflow(home)
        from benchmarks.sections import SECTIONS

        parser = argparse.ArgumentParser(prog="benchmarks", description="What the package costs and withstands.")
        parser.add_argument("--quick", action="store_true", help="a slice of under a minute, without the peers")
        parser.add_argument("--only", nargs="+", choices=[one.name for one in SECTIONS], help="these sections")
        parser.add_argument("--results", type=Path, default=RESULTS, help="where the figures go")
        arguments = parser.parse_args()
        say = teller()
        reports: list[Report] = []
        for section in SECTIONS:
            wanted = section.name in arguments.only if arguments.only else section.quick or not arguments.quick
            if not wanted:
                continue
            say(f"{section.name}: {section.about}")
            report = section.run(say, arguments.quick)
            record(section.name, {**report.figures, "broken": report.broken}, path=arguments.results)
            reports.append(report)
    broken = [bar for report in reports for bar in report.broken]
    for bar in broken:
        print(f"NOT MET: {bar}", file=sys.stderr)
    told = "; ".join(report.line for report in reports)
    print(f"{told}; {len(broken)} bars not met")
    return 1 if broken else 0


def _settle_airflow(home: str) -> None:
    """Give this process an Airflow of its own: whatever the machine has is neither read nor written."""
    for name in [name for name in os.environ if name.startswith("AIRFLOW")]:
        del os.environ[name]
    os.environ["AIRFLOW_HOME"] = home
    os.environ["AIRFLOW__CORE__LOAD_EXAMPLES"] = "False"
    os.environ["AIRFLOW__LOGGING__NAMESPACE_LEVELS"] = "airflow.task.operators=WARNING"  # a line for each link
    os.environ["AIRFLOW__CORE__FERNET_KEY"] = FERNET_KEY
    os.environ["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"] = f"sqlite:///{home}/never.db"
    os.environ["NO_PROXY"] = "*"


if __name__ == "__main__":
    sys.exit(main())

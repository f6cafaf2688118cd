"""The crash matrix: tasks of a real Airflow task runner, killed wherever it matters, judged by the sandbox.

``make crash`` runs all of it. What it proves, and what no test can, is in ``docs/reliability.md``.
"""

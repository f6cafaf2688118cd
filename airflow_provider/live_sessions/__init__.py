"""Live sessions for Apache Airflow: launch, wait, cancel, and bring home what a session leaves."""

__version__ = "0.1.0"

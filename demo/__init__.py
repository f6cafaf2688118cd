"""The demo: a day of classes, end to end, on a real Airflow against the sandbox."""

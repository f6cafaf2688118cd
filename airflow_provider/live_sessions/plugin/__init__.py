"""The Airflow plugin: the reveal macro."""

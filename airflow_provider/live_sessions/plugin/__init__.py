"""The Airflow plugin: the reveal macro and the page "Live sessions"."""

"""A person with a browser, on a real Airflow with the sandbox behind it: ``make browser``."""

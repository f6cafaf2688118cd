"""The one place that asks which Airflow this is."""

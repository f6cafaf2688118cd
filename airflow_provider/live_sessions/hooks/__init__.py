"""An Airflow connection turned into a platform client; one file a platform."""

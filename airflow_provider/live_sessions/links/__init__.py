"""What a task instance in the Airflow UI links to."""

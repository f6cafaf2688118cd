"""``make e2e``: what people, deploys and accidents do to waiting tasks, on a real Airflow."""

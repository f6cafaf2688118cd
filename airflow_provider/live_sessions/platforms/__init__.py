"""One folder a platform: HTTP client, models and vocabulary. Nothing here imports Airflow."""

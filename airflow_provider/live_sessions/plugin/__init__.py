"""The Airflow plugin: the reveal macro, and the receiver of webhooks."""

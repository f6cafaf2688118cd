"""The Airflow plugin: the reveal macro, the page "Live sessions", and the receiver of webhooks."""

"""Sessions as Airflow assets: their addresses, what sensors say of them, and watchers."""

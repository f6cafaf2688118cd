"""The page "Live sessions" in Airflow's navigation, and the links that open a session's room or recording."""

"""What each platform's connection form shows in the Airflow UI; one file a platform. Read without any hook."""

"""Vocabulary and mechanisms that every platform shares. Nothing here imports Airflow."""

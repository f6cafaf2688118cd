"""Receiving what platforms send: addresses, the receiver, the confirmation, and what becomes of it in Airflow."""

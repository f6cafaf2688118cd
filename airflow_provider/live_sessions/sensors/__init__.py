"""Sensors: wait for a session's start, end and transcript; one file a platform."""

"""Timetables in, planned sessions out."""

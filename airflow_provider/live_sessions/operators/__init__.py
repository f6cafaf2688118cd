"""Operators: launch, hand over, cancel, update and bring home; one file a platform."""

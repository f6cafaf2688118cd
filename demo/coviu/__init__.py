"""Coviu in the demo: a morning of telehealth appointments."""

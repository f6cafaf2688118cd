"""Educates in the demo: four workshop classes at a time on one portal."""

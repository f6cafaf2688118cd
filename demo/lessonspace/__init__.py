"""Lessonspace in the demo: a day of fourteen classes."""

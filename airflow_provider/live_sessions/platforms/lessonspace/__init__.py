"""Lessonspace: online classes in persistent spaces."""

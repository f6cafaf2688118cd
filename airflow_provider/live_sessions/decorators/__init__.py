"""Task decorators: a session described by a function."""

"""Lessonspace as a stateful local server, from its API reference and what is known of its behaviour."""

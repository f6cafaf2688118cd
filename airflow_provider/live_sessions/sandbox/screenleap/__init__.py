"""Screenleap as a stateful local server."""

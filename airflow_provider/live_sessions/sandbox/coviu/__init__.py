"""Coviu as a stateful local server."""

"""Screenleap: screen shares that a presenter starts in a browser."""

"""Screenleap's part of the demo: support sessions by a form, and the night of the account."""

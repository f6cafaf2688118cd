"""The port of a connection, which no platform needs.

Its field is shown all the same. Airflow 3.3.2's button *Test connection* sends an empty port as 0, which is then
taken for another server than the connection's own, and refused as "Bad Request". With a number in it the button
works.
"""

from __future__ import annotations

PORT_LABEL = "Port (usually 443; Test connection needs one)"
PORT = "443"
"""As it stands in the empty field."""

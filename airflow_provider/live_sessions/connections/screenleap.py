"""Screenleap's connection form."""

from __future__ import annotations

from typing import Any

from airflow_provider.live_sessions.connections.port import PORT, PORT_LABEL

FORM: dict[str, Any] = {
    "connection-type": "screenleap",
    "hook-class-name": "airflow_provider.live_sessions.hooks.screenleap.ScreenleapHook",
    "hook-name": "Screenleap",
    "ui-field-behaviour": {
        "hidden-fields": ["schema"],
        "relabeling": {
            "login": "Account id",
            "password": "Auth token",
            "host": "Base URL (only for the sandbox or a proxy)",
            "port": PORT_LABEL,
        },
        "placeholders": {
            "login": "As chosen at sign-up",
            "password": "Developer account settings",
            "host": "https://api.screenleap.com/v2",
            "port": PORT,
        },
    },
    "conn-fields": {
        "requests_per_second": {
            "label": "Requests a second",
            "schema": {"type": ["number", "null"], "minimum": 0.1, "maximum": 1000, "default": 2},
        },
        "rate_share": {
            "label": "This host's part of them, where several hosts use the account",
            "schema": {"type": ["number", "null"], "exclusiveMinimum": 0, "maximum": 1, "default": 1},
        },
        "settle": {
            "label": "Seconds that an end must stand before it is final",
            "schema": {"type": ["number", "null"], "minimum": 1, "default": 300},
        },
        "timeout": {
            "label": "Seconds to wait for an answer",
            "schema": {"type": ["number", "null"], "minimum": 1, "maximum": 600, "default": 30},
        },
        "verify_tls": {"label": "Check the certificate", "schema": {"type": "boolean", "default": True}},
    },
}

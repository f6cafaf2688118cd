"""Coviu's connection form."""

from __future__ import annotations

from typing import Any

from airflow_provider.live_sessions.connections.port import PORT, PORT_LABEL

FORM: dict[str, Any] = {
    "connection-type": "coviu",
    "hook-class-name": "airflow_provider.live_sessions.hooks.coviu.CoviuHook",
    "hook-name": "Coviu",
    "ui-field-behaviour": {
        "hidden-fields": ["schema"],
        "relabeling": {
            "login": "API key",
            "password": "Key secret",
            "host": "Base URL (only for the sandbox or a proxy)",
            "port": PORT_LABEL,
        },
        "placeholders": {
            "login": "For Developers, API Keys",
            "password": "Shown once, when the key is made",
            "host": "https://api.coviu.com/v1",
            "port": PORT,
        },
    },
    "conn-fields": {
        "requests_per_second": {
            "label": "Requests a second",
            "schema": {"type": ["number", "null"], "minimum": 0.1, "maximum": 1000, "default": 5},
        },
        "rate_share": {
            "label": "This host's part of them, where several hosts use the account",
            "schema": {"type": ["number", "null"], "exclusiveMinimum": 0, "maximum": 1, "default": 1},
        },
        "settle": {
            "label": "Seconds for which a recorded end before the planned one must stand",
            "schema": {"type": ["number", "null"], "minimum": 1, "default": 300},
        },
        "timeout": {
            "label": "Seconds to wait for an answer",
            "schema": {"type": ["number", "null"], "minimum": 1, "maximum": 600, "default": 30},
        },
        "verify_tls": {"label": "Check the certificate", "schema": {"type": "boolean", "default": True}},
    },
}

"""Lessonspace's connection form."""

from __future__ import annotations

from typing import Any

from airflow_provider.live_sessions.connections.port import PORT, PORT_LABEL

FORM: dict[str, Any] = {
    "connection-type": "lessonspace",
    "hook-class-name": "airflow_provider.live_sessions.hooks.lessonspace.LessonspaceHook",
    "hook-name": "Lessonspace",
    "ui-field-behaviour": {
        "hidden-fields": ["login", "schema"],
        "relabeling": {
            "password": "API key",
            "host": "Base URL (only for the sandbox or a proxy)",
            "port": PORT_LABEL,
        },
        "placeholders": {
            "password": "Dashboard, Settings, Developer",
            "host": "https://api.thelessonspace.com/v2",
            "port": PORT,
        },
    },
    "conn-fields": {
        "organisation": {
            "label": "Organisation id (empty: asked from Lessonspace)",
            "schema": {"type": ["integer", "null"], "minimum": 1},
        },
        "requests_per_second": {
            "label": "Requests a second on limited calls",
            "schema": {"type": ["number", "null"], "minimum": 0.1, "maximum": 1000, "default": 4.75},
        },
        "rate_share": {
            "label": "This host's part of them, where several hosts use the account",
            "schema": {"type": ["number", "null"], "exclusiveMinimum": 0, "maximum": 1, "default": 1},
        },
        "settle": {
            "label": "Seconds with nobody inside that end a class early",
            "schema": {"type": ["number", "null"], "minimum": 1, "default": 600},
        },
        "timeout": {
            "label": "Seconds to wait for an answer",
            "schema": {"type": ["number", "null"], "minimum": 1, "maximum": 600, "default": 30},
        },
        "verify_tls": {"label": "Check the certificate", "schema": {"type": "boolean", "default": True}},
    },
}

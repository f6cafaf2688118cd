"""Educates's connection form."""

from __future__ import annotations

from typing import Any

from airflow_provider.live_sessions.connections.port import PORT, PORT_LABEL

FORM: dict[str, Any] = {
    "connection-type": "educates",
    "hook-class-name": "airflow_provider.live_sessions.hooks.educates.EducatesHook",
    "hook-name": "Educates",
    "ui-field-behaviour": {
        "hidden-fields": ["schema"],
        "relabeling": {
            "host": "Portal URL",
            "login": "Robot account",
            "password": "Robot account's password",
            "port": PORT_LABEL,
        },
        "placeholders": {
            "host": "https://my-portal-ui.example.com",
            "login": "robot@educates",
            "password": "status.educates.credentials.robot.password of the TrainingPortal",
            "port": PORT,
        },
    },
    "conn-fields": {
        "client_id": {
            "label": "Client id (status.educates.clients.robot.id)",
            "schema": {"type": ["string", "null"]},
        },
        "client_secret": {
            "label": "Client secret (status.educates.clients.robot.secret)",
            "schema": {"type": ["string", "null"], "format": "password"},
        },
        "index_url": {
            "label": "Where browsers go after a workshop",
            "schema": {"type": ["string", "null"]},
        },
        "requests_per_second": {
            "label": "Requests a second",
            "schema": {"type": ["number", "null"], "minimum": 0.1, "maximum": 1000, "default": 10},
        },
        "rate_share": {
            "label": "This host's part of them, where several hosts use the account",
            "schema": {"type": ["number", "null"], "exclusiveMinimum": 0, "maximum": 1, "default": 1},
        },
        "timeout": {
            "label": "Seconds to wait for an answer",
            "schema": {"type": ["number", "null"], "minimum": 1, "maximum": 600, "default": 60},
        },
        "verify_tls": {"label": "Check the certificate", "schema": {"type": "boolean", "default": True}},
    },
}

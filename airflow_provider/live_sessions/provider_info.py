"""What Airflow reads to know this provider: no import of any of it happens here."""

from __future__ import annotations

from typing import Any

from airflow_provider.live_sessions import __version__

_PACKAGE = "airflow_provider.live_sessions"


def get_provider_info() -> dict[str, Any]:
    """Return the provider's description, as ``airflow/provider_info.schema.json`` asks for it."""
    return {
        "package-name": "airflow-provider-live-sessions",
        "name": "Live sessions",
        "description": "Launch, wait for and cancel live sessions (Lessonspace, Screenleap), and bring home what "
        "they leave.",
        "versions": [__version__],
        "integrations": [
            {
                "integration-name": "Lessonspace",
                "external-doc-url": "https://www.thelessonspace.com/docs",
                "tags": ["service"],
            },
            {
                "integration-name": "Screenleap",
                "external-doc-url": "https://web1.screenleap.com/api/native/doc/http-calls",
                "tags": ["service"],
            },
        ],
        "operators": [
            {"integration-name": "Lessonspace", "python-modules": [f"{_PACKAGE}.operators.lessonspace"]},
            {
                "integration-name": "Screenleap",
                "python-modules": [f"{_PACKAGE}.operators.screenleap", f"{_PACKAGE}.operators.screenleap_account"],
            },
        ],
        "sensors": [
            {"integration-name": "Lessonspace", "python-modules": [f"{_PACKAGE}.sensors.lessonspace"]},
            {"integration-name": "Screenleap", "python-modules": [f"{_PACKAGE}.sensors.screenleap"]},
        ],
        "hooks": [
            {"integration-name": "Lessonspace", "python-modules": [f"{_PACKAGE}.hooks.lessonspace"]},
            {"integration-name": "Screenleap", "python-modules": [f"{_PACKAGE}.hooks.screenleap"]},
        ],
        "triggers": [
            {
                "integration-name": "Lessonspace",
                "python-modules": [f"{_PACKAGE}.triggers.session", f"{_PACKAGE}.triggers.artifact"],
            }
        ],
        "connection-types": [_lessonspace_connection(), _screenleap_connection()],
        "extra-links": [f"{_PACKAGE}.links.lessonspace.LessonspaceRoomLink"],
        "plugins": [
            {"name": "live_sessions", "plugin-class": f"{_PACKAGE}.plugin.live_sessions.LiveSessionsPlugin"}
        ],
        "config": {
            "live_sessions": {
                "description": "Settings of the live-sessions provider.",
                "options": {
                    "destination": {
                        "description": "Where transcripts, attendance and manifests go when an operator does not "
                        "say: a folder, or any URL of Airflow's object storage. Empty is the folder live_sessions "
                        "in AIRFLOW_HOME, which only one machine sees.",
                        "version_added": "0.1.0",
                        "type": "string",
                        "example": "s3://my_aws_connection@my-bucket/classes",
                        "default": "",
                    }
                },
            }
        },
    }


def _lessonspace_connection() -> dict[str, Any]:
    return {
        "connection-type": "lessonspace",
        "hook-class-name": f"{_PACKAGE}.hooks.lessonspace.LessonspaceHook",
        "hook-name": "Lessonspace",
        "ui-field-behaviour": {
            "hidden-fields": ["login", "schema", "port"],
            "relabeling": {"password": "API key", "host": "Base URL (only for the sandbox or a proxy)"},
            "placeholders": {
                "password": "Dashboard, Settings, Developer",
                "host": "https://api.thelessonspace.com/v2",
            },
        },
        "conn-fields": {
            "organisation": {
                "label": "Organisation id (empty: asked from Lessonspace)",
                "schema": {"type": ["integer", "null"], "minimum": 1},
            },
            "requests_per_second": {
                "label": "Requests a second on limited calls",
                "schema": {"type": ["number", "null"], "minimum": 0.1, "maximum": 1000, "default": 5},
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


def _screenleap_connection() -> dict[str, Any]:
    return {
        "connection-type": "screenleap",
        "hook-class-name": f"{_PACKAGE}.hooks.screenleap.ScreenleapHook",
        "hook-name": "Screenleap",
        "ui-field-behaviour": {
            "hidden-fields": ["schema", "port"],
            "relabeling": {
                "login": "Account id",
                "password": "Auth token",
                "host": "Base URL (only for the sandbox or a proxy)",
            },
            "placeholders": {
                "login": "As chosen at sign-up",
                "password": "Developer account settings",
                "host": "https://api.screenleap.com/v2",
            },
        },
        "conn-fields": {
            "requests_per_second": {
                "label": "Requests a second",
                "schema": {"type": ["number", "null"], "minimum": 0.1, "maximum": 1000, "default": 2},
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

"""The platforms as stateful local servers, to develop, demonstrate and test against. Uses nothing of the rest."""

from airflow_provider.live_sessions.sandbox.client import SandboxControl, SandboxError
from airflow_provider.live_sessions.sandbox.coviu.options import Options as CoviuOptions
from airflow_provider.live_sessions.sandbox.educates.options import Options as EducatesOptions
from airflow_provider.live_sessions.sandbox.lessonspace.options import Options as LessonspaceOptions
from airflow_provider.live_sessions.sandbox.screenleap.options import Options as ScreenleapOptions
from airflow_provider.live_sessions.sandbox.server import Sandbox
from airflow_provider.live_sessions.sandbox.world import ControlError

__all__ = [
    "ControlError",
    "CoviuOptions",
    "EducatesOptions",
    "LessonspaceOptions",
    "Sandbox",
    "SandboxControl",
    "SandboxError",
    "ScreenleapOptions",
]

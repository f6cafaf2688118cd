"""Notifiers: what somebody should be told of a session, sent by mail or through any other notifier."""

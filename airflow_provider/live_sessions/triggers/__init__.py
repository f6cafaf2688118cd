"""The shared poll behind every deferred wait, and the waits made of it; nothing platform-specific."""

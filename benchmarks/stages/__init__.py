"""Where waits wait: each platform in the sandbox, with sessions launched by the provider itself."""

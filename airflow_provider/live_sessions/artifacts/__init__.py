"""What a session leaves, as files: formats, atomic writes, manifests."""

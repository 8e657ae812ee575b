"""The receiver: the HTTP server that takes webhooks and puts them into their spools."""

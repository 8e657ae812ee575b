"""The spool of a webhook: what was received, durable before it is acknowledged, until its hours are closed."""

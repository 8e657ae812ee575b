"""Webhooks: what providers tell of mails, received here and kept as hourly feeds."""

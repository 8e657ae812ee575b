"""Mailboxes: their messages as hourly feeds."""

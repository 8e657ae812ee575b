"""Mailboxes: Microsoft 365 and IMAP as hourly feeds, each mail with its raw message."""

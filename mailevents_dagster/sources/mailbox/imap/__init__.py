"""Mailboxes by IMAP."""

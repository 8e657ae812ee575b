"""Mails that are tried again: greylisting, throttling, and what waits."""

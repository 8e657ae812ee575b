"""Mails that this program sends itself: what they say, how they look, how they are handed over."""

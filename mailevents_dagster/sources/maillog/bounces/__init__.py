"""Bounces: which class a failure has, which of the operator's patterns matches it, what is published of it."""

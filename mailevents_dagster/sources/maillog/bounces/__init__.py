"""Bounces in logs: which of the operator's patterns matches a failure, and what is published of it."""

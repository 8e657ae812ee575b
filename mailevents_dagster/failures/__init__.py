"""Failures to deliver: their classes, and the rules that assign them. Knows no format of logs or messages."""

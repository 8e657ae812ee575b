"""Bounce messages, complaints, auto-replies and receipts: what each tells of each recipient."""

"""Whether mail arrives, and what others report of it."""

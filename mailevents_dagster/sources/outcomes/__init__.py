"""What became of each mail for each recipient, told by all other sources."""

"""Who complains of a domain's mail, and how often."""

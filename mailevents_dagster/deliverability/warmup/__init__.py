"""How fast a domain's mail grows, against a plan."""

"""The section `deliverability` of the settings: a domain's own keys, and those of each of its answers."""

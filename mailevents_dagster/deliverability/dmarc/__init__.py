"""Who sends in the name of a domain, by what receivers report."""

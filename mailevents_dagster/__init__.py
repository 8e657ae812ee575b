"""Mail events of hosted domains as Dagster assets, one partition an hour."""

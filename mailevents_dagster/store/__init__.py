"""What is kept: snapshots, logs, manifests and journals of hours. Nothing outside knows where files lie.

Nothing in here imports Dagster or knows a source: rows get their types from the `RowFormat` a source hands over.
"""

"""What is kept: snapshots, logs, manifests and journals of hours. Nothing in here imports Dagster or knows a source."""

"""Where events come from: one folder a source. Nothing in here imports Dagster."""

"""Moving over from the cron script that people used before: its INI file, its positions, its log files.

`ini`, `positions`, `sections`, `general` and `texts` say what becomes of what; `writing`, `old_logs` and `adopting`
do it. Nothing here ever changes a file of the old tool. Loads no Dagster.
"""

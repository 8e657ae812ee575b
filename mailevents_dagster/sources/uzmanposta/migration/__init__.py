"""Moving over from the cron script that people used before: its INI file, its positions, its log files.

`old_tool` and `old_logs` read, `sections` and `settings_text` decide, `migrating` and `adopting` write, `report` tells.
Nothing here ever changes a file of the old tool. Loads no Dagster.
"""

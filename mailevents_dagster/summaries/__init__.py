"""What a day of mail came to: counts made from the stored hours, their charts, their assets and a report.

Counting is pure (`volume`, `deliverability`, `quarantine`, `sign_ins`: Arrow tables in, small tables out); `making`
reads the hours, `charts` draws, and `assets` alone knows Dagster.
"""

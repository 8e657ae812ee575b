"""What a day of mail came to: counts made from the stored hours, their charts and a report.

Counting is pure (`volume`, `deliverability`, `quarantine`, `sign_ins`: Arrow tables in, small tables out) and takes the
words of records from `outcomes`; `making` reads the hours, and `charts` draws.
"""

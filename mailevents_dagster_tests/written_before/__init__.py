"""Files of an earlier version: a project with settings, a store and a Dagster home, as 0.1 left it on 2026-11-30.

Two domains, five feeds: 15 hours of 2026-11-28, 09:00 to 12:00 in Istanbul; the hour after them of `a.example
mail/incominglog`, killed while its details were fetched; an hour of `quarantine/hold` that the API answered with 500;
and 2026-11-20 00:00 of the mail feeds, destroyed by retention. The simulator made the mails, with seed 1 and 40 an
hour. Nothing in here is made anew when the code changes; that is its use.
"""

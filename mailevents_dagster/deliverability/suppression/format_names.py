"""The forms in which the list can be written. Loads nothing, so that help is quick."""

from typing import Final

FOR_READING: Final = ("csv", "json", "parquet")
FOR_PROVIDERS: Final = ("ses", "ses-json", "sendgrid", "mailgun", "mailgun-complaints", "mailgun-unsubscribes")

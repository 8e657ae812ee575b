"""Who complains of a domain's mail, and how often."""

from mailevents_dagster.deliverability.complaints.part import COMPLAINTS

__all__ = ["COMPLAINTS"]

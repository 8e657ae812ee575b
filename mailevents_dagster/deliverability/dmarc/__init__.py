"""Who sends in the name of a domain, by what receivers report."""

from mailevents_dagster.deliverability.dmarc.part import DMARC

__all__ = ["DMARC"]

"""A simulator of the logs of mail servers: deterministic traffic of an Exim or a Postfix, and its rotated files."""

from mailevents_dagster.sources.maillog.simulator.folder import write_until
from mailevents_dagster.sources.maillog.simulator.log_lines import lines

__all__ = ["lines", "write_until"]

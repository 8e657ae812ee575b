from __future__ import annotations

from mailevents_dagster_tests.deliveries.conftest import credentials, gateway, moto

__all__ = ["credentials", "gateway", "moto"]

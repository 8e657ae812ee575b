"""Links from an asset to where it comes from: Dagster shows them as *Source code*, and they open an editor."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import dagster as dg

from mailevents_dagster.model.feed import readable_domain


def with_code_links(assets: Sequence[dg.AssetsDefinition], settings: Path | None) -> list[dg.AssetsDefinition]:
    """Return the assets with links to their functions and, if the settings lie in a file, to their owners there."""
    if settings is not None:
        lines = _lines_of_owners(settings)
        assets = [_linked(asset, settings, lines) for asset in assets]
    return [asset for asset in dg.with_source_code_references(assets) if isinstance(asset, dg.AssetsDefinition)]


def _linked(asset: dg.AssetsDefinition, settings: Path, lines: Mapping[str, int]) -> dg.AssetsDefinition:
    [owner] = {spec.tags["domain"] for spec in asset.specs}
    line = lines.get(owner) or lines.get(readable_domain(owner))
    link = dg.LocalFileCodeReference(file_path=str(settings), line_number=line, label=settings.name)
    links = dg.CodeReferencesMetadataValue(code_references=[link])
    return asset.map_asset_specs(lambda spec: spec.merge_attributes(metadata={"dagster/code_references": links}))


def _lines_of_owners(settings: Path) -> dict[str, int]:
    """Return the line of each domain and server, as it is written; those in an unusual way are left out."""
    text = settings.read_text(encoding="utf-8-sig")
    found = re.finditer(r"""^[^#\n]*\b(?:domain|name):\s*["']?([^\s"',}]+)""", text, flags=re.MULTILINE)
    return {one[1].lower(): text.count("\n", 0, one.start(1)) + 1 for one in found}

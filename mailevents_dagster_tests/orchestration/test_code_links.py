"""Links of assets to the code and the settings that they come from."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import dagster as dg
import pytest

from mailevents_dagster.build import build_defs
from mailevents_dagster.sources.catalog import load_project, load_settings
from mailevents_dagster.sources.uzmanposta.feeds import feed_of
from mailevents_dagster_tests.projects import KEY

SETTINGS = """
start: 2026-11-01T00:00
accounts:
  - domain: Example.com
    api_key: ${KEY}
    feeds: [authentication]
  - {domain: "köy.example", api_key: "${KEY}", feeds: [authentication]}
# - domain: example.com
"""


def links_of(defs: dg.Definitions, *key: str) -> dict[str, str]:
    """What stands at each link, by its label or the name of its file."""
    asset = defs.resolve_assets_def(dg.AssetKey(key))
    value = asset.metadata_by_key[dg.AssetKey(key)]["dagster/code_references"]
    assert isinstance(value, dg.CodeReferencesMetadataValue)
    found = {}
    for link in value.code_references:
        assert isinstance(link, dg.LocalFileCodeReference)
        lines = Path(link.file_path).read_text(encoding="utf-8").splitlines()
        found[link.label or Path(link.file_path).name] = "\n".join(lines[(link.line_number or 1) - 1 :])
    return found


@pytest.fixture
def defs(tmp_path: Path) -> dg.Definitions:
    file = tmp_path / "mailevents.yaml"
    file.write_text(SETTINGS, encoding="utf-8")
    environ: Mapping[str, str] = {"KEY": KEY}
    return build_defs(load_settings(file, environ=environ))


@pytest.mark.parametrize(("domain", "written"), [("example.com", "Example.com"), ("xn--ky-fka.example", "köy.example")])
def test_a_feed_leads_to_its_function_and_to_its_domain_in_the_settings(
    defs: dg.Definitions, domain: str, written: str
) -> None:
    links = links_of(defs, *feed_of(domain, "authentication").asset_key)

    assert set(links) == {"mailevents.yaml", "assets.py"}
    line = links["mailevents.yaml"].splitlines()[0]
    assert "domain:" in line
    assert written in line
    assert not line.startswith("#")
    assert "def collect(" in links["assets.py"][:600]


def test_a_summary_leads_to_its_function_and_that_of_all_domains_to_the_top_of_the_settings(
    defs: dg.Definitions,
) -> None:
    assert "def summary(" in links_of(defs, "summaries", "example.com", "sign_ins")["summary_assets.py"][:100]
    assert links_of(defs, "summaries", "all", "sign_ins")["mailevents.yaml"] == "\n".join(SETTINGS.splitlines())


def test_without_a_settings_file_there_is_a_link_to_the_code_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MAILEVENTS_CONFIG", raising=False)
    defs = build_defs(load_project())
    [first, *_] = [key for asset in defs.assets or () if isinstance(asset, dg.AssetsDefinition) for key in asset.keys]

    assert set(links_of(defs, *first.path)) == {"assets.py"}

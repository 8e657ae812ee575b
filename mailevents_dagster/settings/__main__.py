"""`python -m mailevents_dagster.settings` writes the JSON Schema that editors complete and check the YAML with."""

from mailevents_dagster.settings.schema import SCHEMA_FILE, json_schema

if __name__ == "__main__":
    SCHEMA_FILE.write_text(json_schema(), encoding="utf-8", newline="\n")

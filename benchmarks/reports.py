"""A DMARC report of many records, printed by the command: seconds and memory, beside what parses its XML alone."""

from __future__ import annotations

import argparse
import gzip
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Final

RECORD: Final = """
  <record>
    <row>
      <source_ip>10.{0}.{1}.{2}</source_ip>
      <count>{2}</count>
      <policy_evaluated><disposition>none</disposition><dkim>pass</dkim><spf>fail</spf></policy_evaluated>
    </row>
    <identifiers>
      <envelope_to>example.net</envelope_to>
      <envelope_from>bounces.example.com</envelope_from>
      <header_from>example.com</header_from>
    </identifiers>
    <auth_results>
      <dkim><domain>example.com</domain><selector>s{1}</selector><result>pass</result></dkim>
      <spf><domain>bounces.example.com</domain><scope>mfrom</scope><result>pass</result></spf>
    </auth_results>
  </record>"""
HEAD: Final = """<?xml version="1.0"?>
<feedback>
  <report_metadata>
    <org_name>Receiver</org_name><email>dmarc@receiver.example</email><report_id>1</report_id>
    <date_range><begin>1795132800</begin><end>1795219199</end></date_range>
  </report_metadata>
  <policy_published><domain>example.com</domain><p>reject</p></policy_published>"""
PARSES_ALONE: Final = """
import gzip, sys
from xml.etree.ElementTree import iterparse
for _, element in iterparse(gzip.open(sys.argv[1])):
    if element.tag == "record":
        element.clear()
"""


def measured(name: str, *command: str) -> None:
    began, before = time.monotonic(), _processor_seconds()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    seconds, own = time.monotonic() - began, _processor_seconds() - before
    most = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    print(f"| {name} | {seconds:.1f} s | {own:.1f} s | {most:.0f} MB |")


def _processor_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--records", type=int, default=100_000)
    records = options.parse_args().records
    with tempfile.TemporaryDirectory(prefix="mailevents-benchmark-") as folder:
        file = Path(folder, "report.xml.gz")
        with gzip.open(file, "wt", encoding="utf-8") as out:
            out.write(HEAD)
            for number in range(records):
                out.write(RECORD.format(number // 65_025 % 255, number // 255 % 255, number % 255))
            out.write("\n</feedback>\n")
        print(f"{records:,} records, {file.stat().st_size / 2**20:.1f} MB packed\n")
        print("| | time | of a processor | most memory so far |\n| --- | ---: | ---: | ---: |")
        measured("its XML alone, by iterparse", sys.executable, "-c", PARSES_ALONE, str(file))
        measured("mailevents reports", str(Path(sys.executable).with_name("mailevents")), "reports", str(file))


if __name__ == "__main__":
    main()

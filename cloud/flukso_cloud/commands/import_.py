"""`flukso-cloud import phpfina | csv | rrd`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Protocol
from zoneinfo import ZoneInfo

import click

from flukso_cloud.importing.complaints import Complaints, SourceError
from flukso_cloud.importing.csv_file import CsvFile
from flukso_cloud.importing.destination import DestinationError, Wanted, append_all, sensor_for
from flukso_cloud.importing.phpfina import PhpFina
from flukso_cloud.importing.quantities import QUANTITIES, Quantity
from flukso_cloud.importing.rrd_xml import RrdXml
from flukso_cloud.meter import Sample
from flukso_cloud.passwords import LONGEST_NAME
from flukso_cloud.store import Account, Appended, Sensor, Store
from flukso_cloud.vault import Vault

from .command import Parsers, UsageError, account_of, add_command, home_of, with_store

TYPES = ("electricity", "water", "gas")
CLASSES = ("analog", "pulse", "uart")


class Source(Protocol):
    """A history to import: its size and how much of it has been read, in bytes."""

    size: int
    position: int

    def samples(self) -> Iterator[Sample]:
        """Yield what it holds."""


Reader = Callable[[argparse.Namespace, Account, Sensor, Complaints], Source]


def add_to(parsers: Parsers) -> None:
    """Describe it to the command line."""
    kinds = parsers.add_parser("import", help="Import a history.").add_subparsers(required=True, metavar="COMMAND")
    added = _add(kinds, "phpfina", _phpfina, "Import a feed of emoncms. The server may run.", "DIR_OF_FEEDS")
    added.add_argument("--feed", type=int, metavar="NUMBER", help="number of the feed; needed where there are several")
    _add_unit(added)
    added = _add(kinds, "csv", _csv, "Import a CSV file with the columns time and value. The server may run.", "FILE")
    _add_unit(added)
    _add(kinds, "rrd", _rrd, "Import what rrdtool dump made of an original archive. The server may run.", "FILE")


def _add(parsers: Parsers, name: str, reader: Reader, text: str, source: str) -> argparse.ArgumentParser:
    added = add_command(parsers, name, run, text)
    added.add_argument("source", type=Path, metavar=source)
    added.add_argument("--account", required=True, metavar="NAME", help="whose it is")
    added.add_argument("--sensor", required=True, metavar="SENSOR", help="name or id; made if there is none")
    added.add_argument("--type", choices=TYPES, default=TYPES[0], help="of a sensor that is made (electricity)")
    added.add_argument(
        "--class", choices=CLASSES, dest="class_", help="of a sensor that is made; uart for one that nets export"
    )
    added.set_defaults(reader=reader, unit=None)
    return added


def _add_unit(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--unit", required=True, choices=list(QUANTITIES), help="what its numbers are")


def run(arguments: argparse.Namespace) -> None:
    """Import a history."""
    home = home_of(arguments)
    account = account_of(home, arguments.account)
    name = arguments.sensor
    if not name or len(name) > LONGEST_NAME or not name.isprintable():
        raise UsageError(f"a sensor's name is 1 to {LONGEST_NAME} printable characters")
    if arguments.unit is not None and arguments.type not in QUANTITIES[arguments.unit].types:
        raise UsageError(f"{arguments.unit} is no unit of {arguments.type}; correct --unit or --type")
    wanted = Wanted(name, arguments.type, arguments.class_ or ("analog" if arguments.type == TYPES[0] else "pulse"))
    complaints = Complaints()
    vault = Vault.open(home)

    async def bring(store: Store) -> tuple[Sensor, Appended]:
        sensor = await sensor_for(store, vault, account, wanted)
        source = arguments.reader(arguments, account, sensor, complaints)
        size = max(source.size, 1)
        with click.progressbar(length=size, label=str(arguments.source), file=sys.stderr) as bar:
            appended = await append_all(store, sensor, source.samples(), lambda: bar.update(source.position - bar.pos))
            bar.update(size - bar.pos)
        return sensor, appended

    try:
        sensor, appended = with_store(home, bring)
    except (SourceError, DestinationError) as error:
        raise UsageError(str(error)) from error
    for line in complaints.lines():
        print(f"left out: {line}", file=sys.stderr)
    print(
        f"sensor {sensor.id} ({sensor.function}): {appended.stored} samples stored, {appended.known} known already, "
        f"{complaints.count} values left out"
    )
    if complaints.count and not appended.stored + appended.known:
        raise UsageError(f"{arguments.source} holds nothing that could be imported")


def _quantity(arguments: argparse.Namespace) -> Quantity:
    return QUANTITIES[arguments.unit]


def _phpfina(arguments: argparse.Namespace, _: Account, sensor: Sensor, complaints: Complaints) -> Source:
    return PhpFina(arguments.source, arguments.feed, _quantity(arguments), sensor.meter, complaints)


def _csv(arguments: argparse.Namespace, account: Account, sensor: Sensor, complaints: Complaints) -> Source:
    return CsvFile(arguments.source, _quantity(arguments), sensor.meter, ZoneInfo(account.time_zone), complaints)


def _rrd(arguments: argparse.Namespace, _: Account, sensor: Sensor, complaints: Complaints) -> Source:
    return RrdXml(arguments.source, sensor.meter, complaints)

"""`flukso-cloud openapi`."""

from __future__ import annotations

import argparse
from pathlib import Path

import msgspec

from flukso_cloud import __version__
from flukso_cloud.api.openapi import v1_document, v2_document
from flukso_cloud.app import create_app
from flukso_cloud.home import Home

from .command import Parsers

_DOCUMENTS = {"v1": v1_document, "v2": v2_document}


def add_to(parsers: Parsers) -> None:
    """Describe it to the command line. It needs no cloud."""
    text = "Print the OpenAPI document of an API."
    added = parsers.add_parser("openapi", help=text, description=text)
    added.add_argument("api", choices=sorted(_DOCUMENTS))
    added.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> None:
    """Print the document as JSON."""
    routes = create_app(Home(Path())).routes  # opened by nobody, so its folder does not matter
    document = _DOCUMENTS[arguments.api](__version__, routes)
    print(msgspec.json.format(msgspec.json.encode(document), indent=2).decode())

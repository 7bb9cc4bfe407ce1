"""The cloud as it is installed with and without its extras: what it cannot do then, it says."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2

from tests.cloud.fluksometer import Fluksometer
from tests.cloud.process import Server
from tests.cloud.served import ServedOwner
from tests.distribution import install

T = 1_790_035_200
SPAN = {"start": T, "end": T + 86400}


@contextmanager
def installed(wheel: Path, folder_made: Path, folder: Path, extras: str) -> Iterator[tuple[ServedOwner, Fluksometer]]:
    """The wheel installed apart with these extras, serving; and a device that measured twice."""
    command = install(wheel, folder / "installed", extras=extras) / "flukso-cloud"
    home = Path(shutil.copytree(folder_made, folder / "home"))
    with Server(home, command=command) as server, ServedOwner(server) as owner:
        device = owner.device()
        owner.upload(device, [[T, 0], [T + 60, 10]])
        yield owner, device


def addresses(device: Fluksometer) -> dict[str, list[str]]:
    """What needs each extra."""
    sensor = f"/api/v2/sensors/{device.sensor}"
    return {
        "parquet": [f"{sensor}/samples.parquet"],
        "profiles": ["/api/v2/profiles/series?profile=h25", f"{sensor}/benchmark?profile=h25"],
    }


def ask(owner: ServedOwner, address: str) -> httpx2.Response:
    """GET, of the span."""
    url = httpx2.URL(address).copy_merge_params(SPAN)
    return owner.http.get(url)


def test_without_any_it_says_what_to_install(wheel: Path, folder_made: Path, tmp_path: Path) -> None:
    with installed(wheel, folder_made, tmp_path, "") as (owner, device):
        for extra, needing in addresses(device).items():
            for address in needing:
                answer = ask(owner, address)
                assert answer.status_code == 501, answer.text
                assert answer.headers["Content-Type"] == "application/problem+json"
                assert f"flukso-cloud[{extra}]" in answer.json()["detail"]
        csv = owner.http.get(f"/api/v2/sensors/{device.sensor}/samples.csv", params=SPAN)
        assert csv.text == f"time,Wh\r\n{T},0\r\n{T + 60},10\r\n"
        assert owner.http.get("/api/v2/profiles").status_code == 200


def test_with_all_it_does_it(wheel: Path, folder_made: Path, tmp_path: Path) -> None:
    with installed(wheel, folder_made, tmp_path, "parquet,profiles") as (owner, device):
        for needing in addresses(device).values():
            for address in needing:
                answer = ask(owner, address)
                assert answer.status_code == 200, answer.text

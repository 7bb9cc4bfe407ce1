"""An account's owner: token, session and claims against the application in this process."""

from __future__ import annotations

from typing import Any

from starlette.testclient import TestClient

from flukso_cloud.claim import claim_code
from flukso_cloud.cloud import Cloud
from flukso_cloud.vault import digest_of, new_token
from tests.cloud.fluksometer import Fluksometer

PASSWORD = "correct horse battery"


class Owner:
    """Somebody with an account."""

    def __init__(self, client: TestClient, name: str) -> None:
        self.client = client
        self.name = name
        self.token = new_token()
        account = self.store(self.cloud.store.account, name)
        assert account is not None
        self.account: int = account.number
        self.store(self.cloud.store.replace_token, digest_of(self.token), self.account, None, 1)

    @property
    def cloud(self) -> Cloud:
        """The cloud behind the client."""
        app: Any = self.client.app
        cloud: Cloud = app.state.cloud
        return cloud

    def store(self, work: Any, *arguments: Any) -> Any:
        """Call the store in the application's event loop."""
        assert self.client.portal is not None
        return self.client.portal.call(work, *arguments)

    def claim(self, device: Fluksometer) -> None:
        """Claim a device."""
        code = claim_code(device.key.encode(), device.id)
        outcome = self.store(self.cloud.accounts.claim, code, self.account, "192.0.2.1")
        assert outcome.outcome == "ok"

    def series(self, sensor: str, **query: Any) -> Any:
        """GET /sensor with the token; return the answer."""
        query = {"version": "1.0", "token": self.token, "unit": "watt"} | query
        return self.client.get(
            f"/sensor/{sensor}", params={name: value for name, value in query.items() if value is not None}
        )

    def log_in(self, password: str = PASSWORD) -> Any:
        """Log in with the form; the client keeps the cookie."""
        return self.client.post("/login", data={"name": self.name, "password": password, "next": "/"})

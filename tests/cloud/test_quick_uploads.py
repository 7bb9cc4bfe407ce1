"""The short way of uploads answers as the long one does."""

from __future__ import annotations

import time
from typing import Any

import pytest
from starlette.testclient import TestClient

from tests.cloud.fluksometer import Fluksometer, compact

CONFIG = {"type": "electricity", "class": "analog", "function": "main", "voltage": 230, "current": 50, "enable": 1}


@pytest.mark.parametrize("content", [{"measurements": [[int(time.time()), 1]]}, {"config": CONFIG}])
def test_it_answers_as_the_long_way_does(client: TestClient, device: Fluksometer, content: dict[str, Any]) -> None:
    """The first upload of a sensor goes the long way. What only a browser heeds is left out of the short one."""

    def uploaded(sent: dict[str, Any]) -> tuple[int, bytes, dict[str, str]]:
        body = compact(sent)
        answer = client.post(f"/sensor/{device.sensor}", content=body, headers=device.headers(body))
        return answer.status_code, answer.content, dict(answer.headers)

    status, body, headers = uploaded(content)
    assert headers.pop("strict-transport-security") == "max-age=31536000"
    uploaded({"gauges": [[int(time.time()), 5]]})
    assert uploaded(content) == (status, body, headers)

"""The pages as the real server sends them, without a browser."""

import html
import re
from datetime import datetime
from itertools import pairwise

import httpx2
import pytest

from tests.cloud.web_cloud import PASSWORD, Household

pytest_plugins = ["tests.cloud.web_fixtures"]


def words(answer: httpx2.Response) -> str:
    """Return the text of a page."""
    text = re.sub(r"<script.*?</script>|<[^>]+>", " ", answer.text, flags=re.DOTALL)
    return " ".join(html.unescape(text).split())


def cells(answer: httpx2.Response, sensor: str) -> list[str]:
    """Return the statistics of a sensor."""
    row = re.search(rf'<tr [^>]*data-sensor="{sensor}".*?</tr>', answer.text, re.DOTALL)
    assert row
    return re.findall(r'data-statistic="\w+">([^<]*)<', row[0])


def test_who_is_not_logged_in_is_asked_to_and_comes_back(pages):
    answer = pages.http.get("/?scale=day&unit=kwhperyear")
    assert answer.status_code == 303
    assert answer.headers["location"] == "/login?next=%2F%3Fscale%3Dday%26unit%3Dkwhperyear"
    form = pages.http.get(answer.headers["location"])
    assert 'name="next" value="/?scale=day&amp;unit=kwhperyear"' in form.text
    done = pages.http.post("/login", data={"name": "ada", "password": PASSWORD, "next": "/?scale=day&unit=kwhperyear"})
    assert done.headers["location"] == "/?scale=day&unit=kwhperyear"


@pytest.mark.parametrize(
    "target", ["https://evil.example/", "//evil.example", "/\\evil.example", "javascript:alert(1)"]
)
def test_the_form_leads_nowhere_else(pages, target):
    assert 'name="next" value="/"' in pages.http.get("/login", params={"next": target}).text


def test_a_failed_log_in_keeps_the_name_and_says_why(pages):
    back = pages.http.post("/login", data={"name": 'a"><b>', "password": "wrong", "next": "/"})
    page = pages.http.get(back.headers["location"])
    assert "Name or password is wrong." in words(page)
    assert 'value="a&#34;&gt;&lt;b&gt;"' in page.text


def test_who_is_logged_in_does_not_see_the_form(pages, ada):
    answer = pages.get("/login?next=/?scale=week", ada)
    assert (answer.status_code, answer.headers["location"]) == (303, "/?scale=week")


def test_without_a_device_the_page_tells_how_to_connect_one(bob, pages):
    page = pages.get("/", bob)
    assert "Connect your Fluksometer" in words(page)
    assert f'url = "{pages.url}"' in words(page)
    assert 'action="/claim"' in page.text


@pytest.mark.parametrize(
    ("problem", "text"),
    [("unknown", "No device is waiting"), ("taken", "another account"), ("limited", "Too many attempts"), ("x", "")],
)
def test_problems_of_a_claim_are_told_in_words(pages, bob, problem, text):
    page = pages.get(f"/?claim_error={problem}", bob)
    assert text in words(page)
    assert ('role="alert"' in page.text) == bool(text)


def test_pages_are_private_and_allow_nothing_foreign(pages, ada, house):
    for answer in (pages.get("/", ada), pages.get("/?scale=day", ada), pages.get("/login")):
        assert answer.headers["cache-control"] == "no-store"
        policy = answer.headers["content-security-policy"]
        assert "'unsafe" not in policy
        assert "http:" not in policy
    page = pages.get("/", ada).text
    assert not re.search(r"\sstyle=|\son\w+=|<style", page)
    assert re.findall(r"<script(?![^>]*(?: src=\"/static/| type=\"application/json\"))", page) == []


def test_each_scale_has_its_buckets_as_a_table(pages, ada, house):
    for scale, least in (("live", 5), ("hour", 55), ("day", 80), ("week", 22), ("month", 1), ("year", 1)):
        page = pages.get(f"/?scale={scale}", ada)
        assert f'data-scale="{scale}" aria-current="true"' in page.text
        rows = re.findall(r"<tr><th scope=\"row\"><time .*?</tr>", page.text, re.DOTALL)
        assert len(rows) >= least, scale
        if scale in ("live", "hour"):
            assert all("<td>600</td><td>300</td>" in row or "<td>6</td>" in row for row in rows), rows[:3]
        assert "Europe/Brussels" in words(page)


def test_statistics_are_those_of_the_scale_in_the_unit(pages, ada, house):
    page = pages.get("/?scale=hour", ada)
    assert cells(page, house.sensors["Main"]) == ["600"] * 4
    assert cells(page, house.sensors["Gas"]) == ["6"] * 4
    assert cells(page, house.sensors["Water"]) == ["\N{EN DASH}"] * 4
    page = pages.get("/?scale=hour&unit=kwhperyear&flow=m3peryear", ada)
    assert cells(page, house.sensors["Main"]) == ["5,256"] * 4
    assert cells(page, house.sensors["Gas"]) == ["3,154"] * 4


def test_a_gap_has_no_rows(pages, ada, house):
    power = pages.get("/?scale=day", ada).text.split('data-quantity="flow"')[0]
    starts = [datetime.fromisoformat(start).timestamp() for start in re.findall(r'<time datetime="([^"]+)"', power)]
    steps = [later - earlier for later, earlier in pairwise(starts)]
    assert min(steps) == 900
    assert [step for step in steps if step > 900] in ([7200], [8100]), "two hours of silence, and nothing else"
    # the bucket that the silence begins in counts what was measured, and is still one of 15 minutes
    values = re.findall(r"<td>([^<]*)</td><td>([^<]*)</td></tr>", power)
    assert len(values) == len(starts)
    assert sum(value != ("600", "300") for value in values) <= 2


def test_the_data_block_cannot_end_its_script(pages):
    device = Household(pages, {"</script><b>": ("electricity", "analog")})
    cleo = pages.log_in("cleo")
    pages.claim(device.claim_code, cleo)
    page = pages.get("/", cleo).text
    assert "</script><b>" not in page
    assert "&lt;/script&gt;&lt;b&gt;" in page


def test_nobody_sees_the_device_of_another(pages, bob, house):
    page = pages.get(f"/?device={house.id}&claimed={house.id}", bob)
    assert house.name not in page.text
    assert house.sensors["Main"] not in page.text


def test_an_account_with_several_devices_switches_between_them(pages):
    dora = pages.log_in("dora")
    devices = [Household(pages, {f"Meter {number}": ("electricity", "analog")}) for number in (0, 1)]
    for device in devices:
        pages.claim(device.claim_code, dora)
    assert "Meter 0" in words(pages.get("/", dora))
    page = pages.get(f"/?device={devices[1].id}&scale=day", dora)
    assert "Meter 1" in words(page)
    assert "Meter 0" not in words(page)
    assert f'href="/?device={devices[1].id}&amp;scale=week"' in page.text
    assert "Meter 0" in words(pages.get(f"/?device={'0' * 32}", dora))
    assert "is yours now" in words(pages.get(f"/?claimed={devices[1].id}", dora))


def test_built_files_may_be_kept_for_ever_and_others_an_hour(pages, ada, house):
    page = pages.get("/", ada).text
    assets = re.findall(r'(?:href|src)="(/static/build/[^"]+)"', page)
    assert len(assets) == 3
    for asset in assets:
        answer = pages.get(asset, ada)
        assert answer.status_code == 200
        assert "immutable" in answer.headers["cache-control"]
    assert pages.get("/static/icon.svg", ada).headers["cache-control"] == "public, max-age=3600"
    assert pages.get("/static/build/main-00000000.js", ada).status_code == 404
    assert pages.get("/static/../pages.py", ada).status_code == 404
    assert pages.get("/static/%2e%2e/pages.py", ada).status_code == 404

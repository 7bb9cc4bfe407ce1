"""Forms of the pages: log in, log out, claim a device."""

from __future__ import annotations

from urllib.parse import parse_qsl, urlencode, urlsplit

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from flukso_cloud.accounts import SESSION_SECONDS, LoginLimitedError

from .access import COOKIE, AccountUser
from .request import address_of, bad_request, cloud_of, read_body, unix_now

MOST_BYTES = 16 * 1024


async def _form(request: Request) -> dict[str, str]:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/x-www-form-urlencoded":
        raise bad_request("send a form as application/x-www-form-urlencoded")
    body = await read_body(request, MOST_BYTES)
    try:
        return dict(parse_qsl(body.decode("utf-8"), keep_blank_values=True, max_num_fields=20))
    except ValueError:
        raise bad_request("the form cannot be read") from None


def same_origin_path(target: str) -> str:
    """Return `target` if it is a path of this site, else "/"."""
    if not target.startswith("/") or target.startswith("//") or "\\" in target or not target.isprintable():
        return "/"
    parts = urlsplit(target)
    return target if not parts.scheme and not parts.netloc else "/"


def _see(target: str) -> Response:
    return RedirectResponse(target, 303)


async def log_in(request: Request) -> Response:
    """Check name and password; go to `next` with a session, or back to the form."""
    form = await _form(request)
    name, target = form.get("name", ""), same_origin_path(form.get("next", "/"))
    error, session = "1", None
    try:
        session = await cloud_of(request).accounts.log_in(
            name, form.get("password", ""), unix_now(), address_of(request)
        )
    except LoginLimitedError:
        error = "limited"
    if session is None:
        back = {"error": error, "name": name[:100]} | ({"next": target} if target != "/" else {})
        return _see("/login?" + urlencode(back))
    answer = _see(target)
    answer.set_cookie(COOKIE, session, max_age=SESSION_SECONDS, path="/", secure=True, httponly=True, samesite="lax")
    return answer


async def log_out(request: Request) -> Response:
    """End the session with its live streams, and go to the form."""
    session = request.cookies.get(COOKIE)
    if session:
        await cloud_of(request).accounts.log_out(session)
    if isinstance(request.user, AccountUser):
        cloud_of(request).live.look_again(request.user.account.number)
    answer = _see("/login")
    answer.delete_cookie(COOKIE, path="/", secure=True, httponly=True, samesite="lax")
    return answer


async def claim(request: Request) -> Response:
    """Claim a device by its code, and go back to the page with the outcome."""
    if not isinstance(request.user, AccountUser):
        return _see("/login")
    form = await _form(request)
    account = request.user.account.number
    outcome, device = await cloud_of(request).accounts.claim(form.get("code", ""), account, address_of(request))
    return _see("/?" + urlencode({"claimed": device} if device is not None else {"claim_error": outcome}))


routes: list[BaseRoute] = [
    Route("/login", log_in, methods=["POST"]),
    Route("/logout", log_out, methods=["POST"]),
    Route("/claim", claim, methods=["POST"]),
]

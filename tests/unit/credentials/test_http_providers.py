"""Every state of the providers that speak HTTP."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from multiflexi.credentials.contract import Given, Result
from multiflexi.credentials.microsoft import GUID
from tests.unit.credentials.samples import MARK, given
from tests.unit.credentials.standin import Reply, Request, Route, StandIn, running

pytestmark = pytest.mark.usefixtures("loopback")


@pytest.fixture
def checked(aimed):
    """Check a sample against these routes, with other values where given; the stand-in is kept in `checked.standin`."""

    def check(code: str, routes: dict[str, Route], otherwise: Route | None = None, **values: str) -> Result:
        with running(StandIn(routes, otherwise)) as standin:
            check.standin = standin
            of = given(code, standin.port)
            changed = {name: text.replace("{url}", standin.url) for name, text in values.items()}
            return aimed(code, standin.port).check(replace(of, values={**of.values, **changed}))

    return check


def with_password(password: str, reply: Reply) -> Route:
    def route(request: Request) -> Reply:
        sent = base64.b64decode(request.headers.get("authorization", "").removeprefix("Basic ")).decode()
        return reply if sent.partition(":")[2] == password else Reply(401)

    return route


def with_bearer(token: str, reply: Reply) -> Route:
    return lambda request: reply if request.headers.get("authorization") == f"Bearer {token}" else Reply(401)


class TestAbraFlexi:
    ROUTES = {
        "HEAD /c/": with_password(f"{MARK}-abra", Reply()),
        "GET /c/acme.json": with_password(f"{MARK}-abra", Reply(200, {"companies": {}})),
    }

    def test_available(self, checked):
        assert checked("AbraFlexi", self.ROUTES).state == "available"

    def test_a_wrong_password(self, checked):
        assert checked("AbraFlexi", self.ROUTES, ABRAFLEXI_PASSWORD="other").state == "misconfigured"

    def test_an_unknown_company(self, checked):
        result = checked("AbraFlexi", self.ROUTES, ABRAFLEXI_COMPANY="../globex")
        assert (result.state, "ABRAFLEXI_COMPANY" in result.message) == ("misconfigured", True)
        assert checked.standin.requests[-1].path == "/c/..%2Fglobex.json"

    def test_a_busy_server(self, checked):
        result = checked("AbraFlexi", {"/c/": Reply(503, headers={"Retry-After": "240"})})
        assert (result.state, result.ttl) == ("unavailable", 240)

    def test_missing_values_are_named(self, checked):
        result = checked("AbraFlexi", {}, ABRAFLEXI_PASSWORD="", ABRAFLEXI_LOGIN=" ")
        assert (result.state, result.message) == ("misconfigured", "Not set: ABRAFLEXI_LOGIN, ABRAFLEXI_PASSWORD.")
        assert checked.standin.requests == []

    def test_plain_http_is_refused(self, checked):
        result = checked("AbraFlexi", {}, ABRAFLEXI_URL="http://127.0.0.1:1")
        assert (result.state, "https" in result.message) == ("misconfigured", True)


def status(**parts: str) -> Reply:
    elements = "".join(f"<{name}>{text}</{name}>" for name, text in parts.items())
    return Reply(200, f'<?xml version="1.0" encoding="Windows-1250"?><mServer>{elements}</mServer>'.encode("cp1250"))


class TestMServer:
    def test_ready(self, checked):
        result = checked("MServer", {"/status": status(name="Účto", status="idle", processing="0", server="P1")})
        assert (result.state, result.ttl) == ("available", 120)
        assert result.details == {"company": "Účto", "status": "idle", "processing": "0", "server": "P1"}
        sent = checked.standin.requests[0].headers["stw-authorization"]
        assert base64.b64decode(sent.removeprefix("Basic ")).decode() == f"api:{MARK}-pohoda"

    @pytest.mark.parametrize("parts", [{"processing": "2"}, {"status": "busy", "processing": "0"}])
    def test_busy(self, parts, checked):
        result = checked("MServer", {"/status": status(**parts)})
        assert (result.state, result.ttl) == ("degraded", 120)

    def test_a_wrong_password(self, checked):
        assert checked("MServer", {"/status": Reply(401)}).state == "misconfigured"

    @pytest.mark.parametrize(
        "reply",
        [
            Reply(403),
            Reply(404),
            Reply(500),
            Reply(200),
            Reply(200, b"<html/>"),
            Reply(200, b"<mServer>"),
            Reply(302, headers={"Location": "/"}),
        ],
    )
    def test_any_other_answer_passes(self, reply, checked):
        result = checked("MServer", {"/status": reply})
        assert (result.state, result.ttl) == ("unavailable", 60)

    def test_entities_are_not_expanded(self, checked):
        bomb = b'<!DOCTYPE m [<!ENTITY a SYSTEM "file:///etc/passwd">]><mServer><name>&a;</name></mServer>'
        result = checked("MServer", {"/status": Reply(200, bomb)})
        assert (result.state, result.details) == ("unavailable", {})

    def test_a_repeated_password_is_masked_also_where_the_text_is_cut(self, checked):
        long = "x" * 195 + f"{MARK}-pohoda"
        result = checked("MServer", {"/status": status(status="idle", message=long)})
        assert MARK[:3] not in result.details["message"]
        assert len(result.details["message"]) == 200

    def test_plain_http_is_what_pohoda_speaks(self, aimed):
        with running(StandIn({"/status": status(status="idle")}), encrypted=False) as standin:
            of = given("MServer", standin.port)
            plain = replace(of, values={**of.values, "POHODA_URL": standin.url}, options={})
            assert aimed("MServer", standin.port).check(plain).state == "available"


class TestFioBank:
    @pytest.mark.parametrize("status", [200, 302, 404, 500])
    def test_any_answer_will_do_and_the_token_is_not_used(self, status, checked):
        result = checked("FioBank", {"HEAD /": Reply(status, headers={"Location": "https://other.example.org"})})
        assert (result.state, result.ttl) == ("available", 300)
        (request,) = checked.standin.requests
        assert (request.method, request.path) == ("HEAD", "/")
        assert MARK not in repr(request)

    @pytest.mark.parametrize("token", ["", "short", "x" * 63 + "-"])
    def test_a_token_of_another_form(self, token, checked):
        assert checked("FioBank", {}, FIO_TOKEN=token).state == "misconfigured"
        assert checked.standin.requests == []


def jwt(**claims: object) -> str:
    part = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
    return f"header.{part}.signature"


TOKEN = jwt(exp=1790000000, roles=["Mail.Send", "Calendars.Read"])
SIGN_IN = "POST /acme.onmicrosoft.com/oauth2/v2.0/token"
ACCEPTED = {SIGN_IN: Reply(200, {"access_token": TOKEN})}


class TestOffice365:
    SITE = "GET /v1.0/sites/acme.sharepoint.com:/sites/Invoices"

    def test_the_application_is_accepted(self, checked):
        result = checked("Office365", ACCEPTED)
        assert (result.state, result.details["flow"]) == ("available", "client")
        assert result.details["roles"] == ["Calendars.Read", "Mail.Send"]
        assert result.details["token_expires"].startswith("2026-09-21")
        assert b"grant_type=client_credentials" in checked.standin.requests[0].body
        assert b"graph.microsoft.com%2F.default" in checked.standin.requests[0].body

    def test_the_site_can_be_read(self, checked):
        routes = {**ACCEPTED, self.SITE: with_bearer(TOKEN, Reply(200, {"id": "1"}))}
        assert checked("Office365", routes, OFFICE365_SITE="Invoices").state == "available"

    @pytest.mark.parametrize(
        ("status", "state"), [(404, "misconfigured"), (403, "misconfigured"), (503, "unavailable")]
    )
    def test_the_site_cannot_be_read(self, status, state, checked):
        routes = {**ACCEPTED, self.SITE: Reply(status)}
        assert checked("Office365", routes, OFFICE365_SITE="Invoices").state == state

    MAIL, CALENDAR = "GET /v1.0/users/u@acme.cz/mailFolders/inbox", "GET /v1.0/users/u@acme.cz/calendar"
    OWN = "GET /v1.0/applications(appId='00000000-0000-0000-0000-000000000000')"

    @staticmethod
    def signed_in(**claims: object) -> tuple[dict[str, Route], str]:
        token = jwt(exp=1790000000, **claims)
        return {SIGN_IN: Reply(200, {"access_token": token})}, token

    def test_mail_and_calendar_of_the_user_can_be_looked_at(self, checked):
        routes, token = self.signed_in(roles=["Mail.ReadWrite", "Calendars.Read"])
        routes |= {one: with_bearer(token, Reply(200, {"id": "1"})) for one in (self.MAIL, self.CALENDAR)}
        result = checked("Office365", routes, OFFICE365_USER_ID="u@acme.cz")
        assert (result.state, result.details["mail"], result.details["calendar"]) == (
            "available",
            "readable",
            "readable",
        )
        # Nothing but an id is asked for, so nothing is marked as read.
        assert {request.path.partition("?")[2] for request in checked.standin.requests[1:]} == {"$select=id"}
        assert {request.method for request in checked.standin.requests[1:]} == {"GET"}

    def test_only_what_the_application_may_see_is_looked_at(self, checked):
        routes, token = self.signed_in(roles=["Mail.Send", "Calendars.Read"])
        routes[self.CALENDAR] = with_bearer(token, Reply(200, {"id": "1"}))
        result = checked("Office365", routes, OFFICE365_USER_ID="u@acme.cz")
        assert (result.state, "mail" in result.details, "calendar" in result.details) == ("available", False, True)
        assert checked("Office365", routes).state == "available"
        assert len(checked.standin.requests) == 1

    @pytest.mark.parametrize(
        ("status", "state"),
        [(404, "misconfigured"), (403, "misconfigured"), (429, "unavailable"), (503, "unavailable")],
    )
    @pytest.mark.parametrize("thing", ["mail", "calendar"])
    def test_a_mailbox_that_cannot_be_looked_at(self, status, state, thing, checked):
        routes, _token = self.signed_in(roles=["Mail.Read", "Calendars.Read"])
        routes |= {self.MAIL: Reply(200, {"id": "1"}), self.CALENDAR: Reply(200, {"id": "1"})}
        routes[{"mail": self.MAIL, "calendar": self.CALENDAR}[thing]] = Reply(status, {"error": {"code": "x"}})
        result = checked("Office365", routes, OFFICE365_USER_ID="u@acme.cz")
        assert result.state == state
        assert ("OFFICE365_USER_ID" in result.message and thing in result.message) is (state == "misconfigured")

    def test_a_user_leads_to_no_other_place(self, checked):
        routes, _token = self.signed_in(roles=["Mail.Read"])
        checked("Office365", routes, OFFICE365_USER_ID="../groups/x?y")
        assert checked.standin.requests[-1].path.startswith("/v1.0/users/..%2Fgroups%2Fx%3Fy/mailFolders")

    def test_what_a_user_lends_to_the_application(self, checked):
        routes, token = self.signed_in(scp="openid Mail.Read")
        routes[self.MAIL] = with_bearer(token, Reply(200, {"id": "1"}))
        user = {"OFFICE365_USERNAME": "u@acme.cz", "OFFICE365_PASSWORD": f"{MARK}-p", "OFFICE365_CLSECRET": ""}
        assert checked("Office365", routes, **user).details["mail"] == "readable"
        assert checked("Office365", routes | {self.MAIL: Reply(404)}, **user).state == "misconfigured"

    @pytest.mark.parametrize(("days", "state"), [(13, "degraded"), (15, "available"), (-1, "degraded")])
    def test_the_end_of_the_secret_is_told(self, days, state, checked):
        end = (datetime.now(UTC) + timedelta(days=days)).replace(microsecond=0)
        others = [
            {"hint": "xyz", "endDateTime": (end + timedelta(days=900)).isoformat()},
            {"hint": MARK[:3], "endDateTime": (end - timedelta(days=900)).isoformat()},
            {"hint": MARK[:3], "endDateTime": "soon"},
            "nonsense",
        ]
        routes, token = self.signed_in(roles=["Application.Read.All"])
        found = {"passwordCredentials": [*others, {"hint": MARK[:3], "endDateTime": end.isoformat()}]}
        routes[self.OWN] = with_bearer(token, Reply(200, found))
        result = checked("Office365", routes)
        assert (result.state, result.expires) == (state, {"OFFICE365_CLSECRET": end})
        assert result.details["secret_expires"] == end.isoformat()
        assert end.date().isoformat() in result.message

    @pytest.mark.parametrize("reply", [Reply(403), Reply(503), Reply(200, b"<html>"), Reply(200, {"value": []})])
    def test_a_secret_whose_end_nobody_tells_is_no_trouble(self, reply, checked):
        routes, _token = self.signed_in(roles=["Application.Read.All"])
        result = checked("Office365", {**routes, self.OWN: reply})
        assert (result.state, dict(result.expires)) == ("available", {})

    def test_a_secret_that_has_expired(self, checked):
        refusal = {"error": "invalid_client", "error_description": "AADSTS7000222: The provided keys are expired."}
        result = checked("Office365", {SIGN_IN: Reply(401, refusal)})
        assert (result.state, "has expired" in result.message) == ("misconfigured", True)

    def test_a_wrong_secret_is_told_by_its_code(self, checked):
        refusal = {"error": "invalid_client", "error_description": f"AADSTS7000215: Invalid secret {MARK}"}
        result = checked("Office365", {SIGN_IN: Reply(401, refusal)})
        assert (result.state, "AADSTS7000215" in result.message) == ("misconfigured", True)

    def test_too_many_requests(self, checked):
        result = checked("Office365", {SIGN_IN: Reply(429, headers={"Retry-After": "90"})})
        assert (result.state, result.ttl) == ("unavailable", 90)

    def test_the_id_of_a_secret_is_recognised(self, checked):
        result = checked("Office365", {}, OFFICE365_CLSECRET="12345678-1234-1234-1234-123456789abc")
        assert (result.state, "ID" in result.message) == ("misconfigured", True)
        assert checked.standin.requests == []

    def test_the_other_name_of_the_secret(self, checked):
        result = checked("Office365", ACCEPTED, OFFICE365_CLSECRET="", OFFICE365_SECRET=f"{MARK}-other")
        assert result.state == "available"
        assert f"{MARK}-other".encode() in checked.standin.requests[0].body

    @pytest.mark.parametrize(
        ("tenant", "used"),
        [("acme.cz", "acme.cz"), ("12345678-1234-1234-1234-123456789abc", "12345678-1234-1234-1234-123456789abc")],
    )
    def test_full_tenants_stay(self, tenant, used, checked):
        checked("Office365", {}, OFFICE365_TENANT=tenant)
        assert checked.standin.requests[0].path == f"/{used}/oauth2/v2.0/token"

    def test_a_tenant_leads_to_no_other_place(self, checked):
        assert checked("Office365", {}, OFFICE365_TENANT="../x").state == "misconfigured"
        assert checked.standin.requests == []

    def test_nothing_to_sign_in_with(self, checked):
        result = checked("Office365", {}, OFFICE365_CLIENTID="")
        assert (result.state, "OFFICE365_USERNAME" in result.message) == ("misconfigured", True)

    def test_a_user_is_accepted_but_discouraged(self, checked):
        user = {"OFFICE365_USERNAME": "u@acme.cz", "OFFICE365_PASSWORD": f"{MARK}<&>", "OFFICE365_CLSECRET": ""}
        result = checked("Office365", self.signed_in(scp="openid")[0], **user)
        assert (result.state, result.details["discouraged"]) == ("available", True)
        assert b"grant_type=password" in checked.standin.requests[0].body

    def test_a_user_without_application(self, checked):
        user = {"OFFICE365_USERNAME": "u@acme.cz", "OFFICE365_PASSWORD": f"{MARK}<&>", "OFFICE365_CLIENTID": ""}
        routes = {"POST /extSTS.srf": Reply(200, b"<wsse:BinarySecurityToken>t</wsse:BinarySecurityToken>")}
        assert checked("Office365", routes, **user).state == "available"
        assert f"{MARK}&lt;&amp;&gt;".encode() in checked.standin.requests[0].body
        refused = {"POST /extSTS.srf": Reply(200, b"<psf:error/>")}
        assert checked("Office365", refused, **user).state == "misconfigured"
        assert checked("Office365", {"POST /extSTS.srf": Reply(503)}, **user).state == "unavailable"

    def test_the_secret_has_two_names(self, aimed):
        made = aimed("Office365", 1).resolve(given("Office365", 1))
        assert {name: (value.text, value.secret) for name, value in made.items()} == {
            "OFFICE365_SECRET": (f"{MARK}-office", True)
        }


class TestAzure:
    def test_available(self, checked):
        routes = {**ACCEPTED, "GET /subscriptions/one/resourceGroups/mf": with_bearer(TOKEN, Reply(200, {}))}
        assert checked("Azure", routes, AZURE_RESOURCE_GROUP="mf").state == "available"

    @pytest.mark.parametrize(
        ("status", "state"), [(403, "misconfigured"), (404, "misconfigured"), (500, "unavailable")]
    )
    def test_the_subscription_is_refused(self, status, state, checked):
        assert checked("Azure", {**ACCEPTED, "/subscriptions/one": Reply(status)}).state == state

    def test_a_wrong_secret(self, checked):
        assert checked("Azure", {SIGN_IN: Reply(400, {})}).state == "misconfigured"


class TestZabbix:
    @staticmethod
    def api(token: str = f"{MARK}-zabbix", version: object = "7.0.4") -> dict[str, Route]:
        def answer(request: Request) -> Reply:
            method = json.loads(request.body)["method"]
            sent = request.headers.get("authorization")
            if method == "apiinfo.version":
                assert sent is None
                return Reply(200, {"result": version})
            return Reply(
                200, {"result": [{"userid": "1"}]} if sent == f"Bearer {token}" else {"error": {"code": -32602}}
            )

        return {"POST /api_jsonrpc.php": answer}

    def test_available(self, checked):
        result = checked("Zabbix", self.api())
        assert (result.state, result.details) == ("available", {"version": "7.0.4"})

    def test_a_wrong_token(self, checked):
        assert checked("Zabbix", self.api("other"), ZABBIX_SERVER="").state == "misconfigured"

    def test_a_page_that_is_not_zabbix(self, checked):
        assert checked("Zabbix", {}, Reply(200, b"<html/>")).state == "misconfigured"
        assert checked("Zabbix", self.api(version="<b>1.2</b>")).state == "misconfigured"

    def test_the_address_of_the_entry_itself(self, checked):
        assert checked("Zabbix", self.api(), ZABBIX_URL="{url}/api_jsonrpc.php").state == "available"

    def test_only_the_server(self, checked):
        assert checked("Zabbix", {}, ZABBIX_URL="").state == "available"

    @pytest.mark.parametrize(
        "values",
        [
            {"ZABBIX_URL": "", "ZABBIX_SERVER": ""},
            {"ZABBIX_PSK": "abc"},
            {"ZABBIX_PSK_IDENTITY": ""},
            {"ZABBIX_URL": "", "ZABBIX_SERVER": "host:port"},
        ],
    )
    def test_what_is_wrong_with_values(self, values, checked):
        assert checked("Zabbix", self.api(), **values).state == "misconfigured"


class TestRegistry:
    def test_basic(self, checked):
        right = with_password(f"{MARK}-registry", Reply(200, {}))

        def route(request: Request) -> Reply:
            asked = Reply(401, headers={"WWW-Authenticate": 'Basic realm="x"'})
            return right(request) if "authorization" in request.headers else asked

        assert checked("Registry", {"/v2/": route}).state == "available"
        assert checked("Registry", {"/v2/": route}, REGISTRY_PASSWORD="other").state == "misconfigured"

    def test_a_token_of_the_same_host(self, checked):
        def ask(request: Request) -> Reply:
            realm = f"https://{request.headers['host']}/token"
            return Reply(401, headers={"WWW-Authenticate": f'Bearer realm="{realm}",service="s"'})

        routes = {"/v2/": ask, "/token": with_password(f"{MARK}-registry", Reply(200, {"token": "t"}))}
        assert checked("Registry", routes).state == "available"
        assert checked("Registry", routes, REGISTRY_PASSWORD="other").state == "misconfigured"

    def test_another_domain_gets_no_password(self, checked):
        away = Reply(401, headers={"WWW-Authenticate": 'Bearer realm="https://evil.example.org/t",service="s"'})
        assert checked("Registry", {"/v2/": away}).state == "degraded"
        assert all("authorization" not in request.headers for request in checked.standin.requests)


class TestCommon:
    @pytest.fixture
    def described(self, aimed):
        def check(described: object, reply: Reply = Reply(), **values: str) -> Result:  # noqa: B008
            with running(StandIn({"/health": reply})) as standin:
                check.standin = standin
                of = given("Common", standin.port)
                values = {"PORT": str(standin.port), "HOST": "127.0.0.1", **of.values, **values}
                return aimed("Common", standin.port).check(
                    replace(of, values=values, options={**of.options, "check": described})
                )

        return check

    def test_no_check(self, described):
        assert described(None).state == "unknown"

    @pytest.mark.parametrize(("status", "state"), [(204, "available"), (404, "misconfigured"), (502, "unavailable")])
    def test_http(self, status, state, described):
        http = {"http": {"url": "https://{HOST}:{PORT}/health", "method": "get"}}
        assert described(http, Reply(status)).state == state
        assert described.standin.requests[0].method == "GET"

    @pytest.mark.parametrize(
        ("status", "state"), [(401, "available"), (200, "misconfigured"), (302, "misconfigured"), (500, "unavailable")]
    )
    def test_an_expected_status(self, status, state, described):
        http = {"http": {"url": "{PROBE_ENDPOINT}/health", "status": 401}}
        result = described(http, Reply(status, headers={"Location": "/"}))
        assert (result.state, result.details["status"]) == (state, status)

    def test_values_are_escaped(self, described):
        described({"http": {"url": "https://{HOST}:{PORT}/{WHO}"}}, WHO="a?b c")
        assert described.standin.requests[0].path == "/a%3Fb%20c"

    def test_tcp(self, described):
        assert described({"tcp": {"host": "{HOST}", "port": "{PORT}"}}).state == "available"

    @pytest.mark.parametrize(
        "check",
        [
            "tcp",
            {"ping": {}},
            {"tcp": {}},
            {"tcp": {"host": "{HOST}", "port": 0}},
            {"tcp": {"host": "{HOST}", "port": "99999999999999"}},
            {"tcp": {"host": "{NOWHERE}", "port": 1}},
            {"http": {"url": "https://{HOST}/{PROBE_API_KEY}"}},
            {"http": {"url": "https://{HOST}/", "method": "DELETE"}},
            {"http": {"url": "https://{HOST}/", "status": "fine"}},
            {"http": {}},
        ],
    )
    def test_a_wrong_description(self, check, described):
        result = described(check)
        assert result.state == "misconfigured"
        assert described.standin.requests == []


def test_guids() -> None:
    assert GUID.fullmatch("12345678-1234-1234-1234-123456789ABC")
    assert not GUID.fullmatch("abc8Q~123456789012345678901234567890")


def test_given_shows_nothing() -> None:
    assert MARK not in repr(Given({"A": MARK}, {"B": MARK}, {"C": MARK}, 1, {"D": MARK.encode()}))

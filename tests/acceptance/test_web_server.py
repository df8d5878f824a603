"""The web server as a real process."""

from __future__ import annotations

import http.client
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from multiflexi.models import Role, User, UserRole
from multiflexi.services import first_administrator
from tests.acceptance.web_server import ROOT, WebServer
from tests.http import a_token, bearer

Serve = Callable[..., WebServer]


@pytest.fixture
def serve(process_environment: dict[str, str]) -> Iterator[Serve]:
    """Start web servers on the database of the test."""
    started: list[WebServer] = []

    def start(**settings: str) -> WebServer:
        started.append(WebServer(process_environment, **settings))
        return started[-1]

    yield start
    for server in started:
        server.stop()


def test_it_answers_at_the_root_and_under_its_prefix(serve: Serve):
    server = serve()
    for path in ("/healthz", "/healthz/", "/readyz", "/readyz/", "/multiflexi/readyz/"):
        answer = server.get(path)
        assert (answer.status, answer.text) == (200, "ok\n"), path
    assert server.get("/nowhere").status == 404
    assert "/multiflexi/static/web/" in server.get("/multiflexi/nowhere").text
    assert server.stop() == 0


def test_a_body_that_nobody_reads_leaves_the_connection_open(serve: Serve):
    line = http.client.HTTPConnection("127.0.0.1", serve().port, timeout=30)
    for method, path in (
        ("POST", "/api/v2/nothing"),
        ("GET", "/healthz"),
        ("PATCH", "/api/v2/apps/1"),
        ("POST", "/me/"),
    ):
        line.request(method, path, b"x" * 1_000_000, {"Content-Type": "application/json"})
        first = line.getresponse()
        first.read()
        assert first.getheader("Connection") == "keep-alive"
        line.request("GET", "/healthz")
        assert line.getresponse().read() == b"ok\n"
    line.close()


def test_static_files_keep_the_prefix_of_each_request(serve: Serve):
    server = serve(MULTIFLEXI_PREFIXES="/one,/two")
    for prefix in ("/one", "", "/two"):
        assert f'href="{prefix}/static/web/' in server.get(f"{prefix}/nowhere").text
        assert server.get(f"{prefix}/static/web/plain.css").status == 200


def test_collected_static_files_carry_hashes_and_never_expire(
    serve: Serve, process_environment: dict[str, str], tmp_path: Path
):
    collected = {"MULTIFLEXI_STATIC_ROOT": str(tmp_path / "static")}
    subprocess.run(
        [sys.executable, "manage.py", "collectstatic", "--no-input", "--verbosity", "0"],
        cwd=ROOT,
        env=process_environment | collected | {"DJANGO_SETTINGS_MODULE": "multiflexi.serving.settings"},
        check=True,
        timeout=120,
    )
    server = serve(**collected)
    page = server.get("/nowhere").text
    path = page.split('<link rel="stylesheet" href="')[1].split('"')[0]
    assert path != "/static/web/plain.css"
    answer = server.get(path)
    assert answer.status == 200
    assert "immutable" in answer.headers["cache-control"]


def test_from_sigterm_on_it_is_not_ready_and_finishes(serve: Serve):
    server = serve()
    line = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
    line.request("GET", "/readyz")
    assert line.getresponse().read() == b"ok\n"
    server.process.send_signal(signal.SIGTERM)
    seen = set()
    while b"stopping\n" not in seen:
        line.request("GET", "/readyz")
        answer = line.getresponse()
        seen.add(answer.read())
    assert answer.status == 503
    line.close()
    assert server.stop() == 0


@pytest.mark.parametrize("asked", [signal.SIGTERM, signal.SIGINT])
def test_streams_do_not_keep_it_from_stopping(serve: Serve, asked: signal.Signals):
    root = User.objects.create(login="root", email="root@example.org")
    UserRole.objects.create(user=root, role=Role.objects.get(name="super_admin"))
    token = a_token(root)
    server = serve()
    line = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
    line.request("GET", "/api/v2/events/stream", headers=bearer(token))
    answer = line.getresponse()
    assert answer.readline() == b": here\n"
    server.process.send_signal(asked)
    # The server waits 30 seconds for requests, and ends those that are left by force: this one ends by itself.
    assert answer.read() == b"\n"
    assert server.process.wait(25) == 0
    assert not any("SIGKILL" in one for one in server.lines)


def test_a_proxy_at_a_unix_socket_is_believed_and_others_are_not(serve: Serve, tmp_path: Path):
    told = {"X-Forwarded-Proto": "https", "X-Forwarded-For": "192.0.2.7"}
    assert "strict-transport-security" not in serve().get("/healthz", **told).headers
    path = tmp_path / "web.sock"
    server = serve(MULTIFLEXI_WEB_BIND=f"unix:{path}")
    with socket.socket(socket.AF_UNIX) as line:
        line.connect(str(path))
        line.sendall(
            b"GET /nowhere HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
            b"X-Forwarded-Proto: https\r\nX-Forwarded-For: 192.0.2.7\r\n\r\n"
        )
        answer = b"".join(iter(lambda: line.recv(65536), b"")).decode()
    assert "Strict-Transport-Security" in answer
    server.stop()
    assert "ip=192.0.2.7" in server.log()


def test_a_wrong_setting_ends_it_with_78_and_one_line(process_environment: dict[str, str]):
    for wrong in ({"MULTIFLEXI_WEB_THREADS": "none"}, {"DB_CONNECTION": ""}, {"MULTIFLEXI_SETUP_CODE": "1234"}):
        done = subprocess.run(
            [sys.executable, "-m", "multiflexi.serving.program"],
            cwd=ROOT,
            env=process_environment | wrong,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 78, done.stderr
        assert done.stderr.count("\n") == 1
        assert next(iter(wrong)) in done.stderr


def test_without_usable_keys_it_does_not_start(process_environment: dict[str, str]):
    wrong = {"ENCRYPTION_MASTER_KEY": "another-master-key-0123456789abcdef-0123"}
    done = subprocess.run(
        [sys.executable, "-m", "multiflexi.serving.program"],
        cwd=ROOT,
        env=process_environment | wrong,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 78, done.stderr
    assert done.stderr.count("\n") == 1


def test_an_address_in_use_is_named(serve: Serve, process_environment: dict[str, str]):
    bound = f"127.0.0.1:{serve().port}"
    done = subprocess.run(
        [sys.executable, "-m", "multiflexi.serving.program"],
        cwd=ROOT,
        env=process_environment | {"MULTIFLEXI_WEB_BIND": bound},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1
    assert f"cannot serve at {bound}" in done.stderr
    assert "MULTIFLEXI_WEB_BIND" in done.stderr


def test_no_control_socket_and_no_trace_of_the_query_in_the_log(serve: Serve, tmp_path: Path):
    home = tmp_path / "home"
    home.mkdir()
    server = serve(HOME=str(home), XDG_RUNTIME_DIR=str(home))
    server.get("/nowhere?token=hunter2", Authorization="Bearer hunter3")
    assert server.stop() == 0
    assert list(home.iterdir()) == []
    assert "GET /nowhere 404" in server.log()
    assert "hunter" not in server.log()


def test_while_there_is_no_account_it_says_where_to_make_one(serve: Serve, request: pytest.FixtureRequest):
    code = first_administrator.code()
    server = serve()
    assert server.get(f"/setup/?code={code}").status == 200
    server.stop()
    assert f"http://127.0.0.1:{server.port}/setup/?code={code}" in server.log()
    named = serve(MULTIFLEXI_SETUP_CODE="from-the-image-7", MULTIFLEXI_PUBLIC_URL="https://multiflexi.example.org/mf")
    named.stop()
    assert "https://multiflexi.example.org/mf/setup/ with MULTIFLEXI_SETUP_CODE" in named.log()
    assert "from-the-image" not in named.log()
    request.getfixturevalue("alice")
    silent = serve()
    silent.stop()
    assert "/setup/" not in silent.log()

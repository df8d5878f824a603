"""What an application gets, and what is reported of its end."""

from __future__ import annotations

import hashlib
import os
import resource
import signal
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from multiflexi.executors.contract import Ended, NeverStarted, Sandbox, StartFailed, StartRefused
from multiflexi.executors.native import launch as native_launch
from multiflexi.executors.native import process, sandbox, tools
from tests.crash.native_jobs import Lab, first_line, output_of, spool_of
from tests.needs import needs


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    laboratory = Lab(tmp_path)
    yield laboratory
    laboratory.close()


def test_every_exit_code_is_reported_as_it_was(lab: Lab) -> None:
    handles = [lab.start("/bin/sh", "-c", f"exit {code}") for code in range(256)]
    ended = [lab.end(handle) for handle in handles]
    assert [end.exit_code for end in ended] == list(range(256))
    assert [spool_of(handle).read_exit().code for handle in handles] == list(range(256))
    assert all(spool_of(handle).exit.read_text().startswith(f"{code}\n") for code, handle in enumerate(handles))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL, signal.SIGSEGV, signal.SIGINT, signal.SIGHUP])
def test_death_by_a_signal_is_128_plus_its_number(lab: Lab, number: signal.Signals) -> None:
    ended = lab.run(
        sys.executable,
        "-c",
        f"import os, resource, signal; resource.setrlimit(resource.RLIMIT_CORE, (0, 0));"
        f"signal.signal(2, signal.SIG_DFL); os.kill(os.getpid(), {number})",
    )
    assert isinstance(ended, Ended)
    assert (ended.exit_code, ended.signal, ended.kill_note) == (128 + number, number, None)
    assert not any(spool_of(handle).stderr.read_bytes() for handle in lab.handles)


def test_255_is_no_signal(lab: Lab) -> None:
    ended = lab.run("/bin/sh", "-c", "exit 255")
    assert (ended.exit_code, ended.signal) == (255, None)


def test_output_arrives_byte_by_byte(lab: Lab) -> None:
    code = (
        "import os, random; r = random.Random(1); data = bytes(4) + r.randbytes(10 * 1024 * 1024) + b'no newline';"
        "os.sys.stdout.buffer.write(data); os.sys.stdout.flush(); os.sys.stderr.buffer.write(data[::-1])"
    )
    handle = lab.python(code)
    assert lab.end(handle).exit_code == 0
    import random

    data = bytes(4) + random.Random(1).randbytes(10 * 1024 * 1024) + b"no newline"
    assert hashlib.sha256(output_of(handle)).digest() == hashlib.sha256(data).digest()
    assert spool_of(handle).stderr.read_bytes() == data[::-1]


def test_a_silent_job_leaves_empty_output_files(lab: Lab) -> None:
    handle = lab.start("true")
    assert lab.end(handle).exit_code == 0
    assert output_of(handle) == b"" == spool_of(handle).stderr.read_bytes()


def test_words_reach_the_application_unchanged(lab: Lab) -> None:
    words = ["", " two  blanks ", "$HOME", "`id`", "'\"\\", "a;b|c&d", "-n", "*", "čeština\n€", "\udcff"]
    handle = lab.python("import os, sys; os.write(1, b'|'.join(map(os.fsencode, sys.argv[1:])))", *words)
    assert lab.end(handle).exit_code == 0
    assert output_of(handle) == b"|".join(os.fsencode(word) for word in words)


def test_the_environment_is_exactly_the_given_one(lab: Lab) -> None:
    env = {
        "KEY": "a b\nc=d",
        "EMPTY": "",
        "_x1": "ž",
        "PS1": "p",
        "TERM": "t",
        "HISTSIZE": "9",
        "MAIL": "m",
        "ENV": "/e",
    }
    plan = lab.plan("env", "-0", env=env)
    handle = lab.native.start(plan)
    lab.handles.append(handle)
    assert lab.end(handle).exit_code == 0
    assert set(output_of(handle).split(b"\0")[:-1]) == {f"{k}={v}".encode() for k, v in plan.launch.env.items()}


def test_variables_a_shell_would_change_are_left_out_with_a_warning(lab: Lab) -> None:
    plan = lab.plan("env", "-0", env={"A.B": "1", "IFS": "x", "PWD": "/elsewhere", "FINE": "2"})
    assert [warning.split()[2] for warning in plan.warnings] == ["A.B", "IFS", "PWD"]
    handle = lab.native.start(plan)
    lab.handles.append(handle)
    lab.end(handle)
    names = {entry.split(b"=")[0] for entry in output_of(handle).split(b"\0")[:-1]}
    assert names == {b"PATH", b"MULTIFLEXI_JOB_ID", b"MULTIFLEXI_TMP", b"FINE"}


SELF = """
import os, resource, signal
status = dict(line.split(":\\t", 1) for line in open("/proc/self/status").read().splitlines())
open("made", "w").close()
own_group = os.getsid(0) == os.getpgid(0)
print(os.getcwd(), oct(os.stat("made").st_mode & 0o777), status["SigBlk"], own_group)
print(sorted(os.listdir("/proc/self/fd")), repr(os.read(0, 9)), os.getsid(0) == os.getppid())
"""


def test_the_application_starts_in_its_directory_with_nothing_inherited(lab: Lab, tmp_path: Path) -> None:
    leaky = os.open(tmp_path / "leaky", os.O_CREAT | os.O_RDWR)
    os.set_inheritable(leaky, True)
    script = tmp_path / "self.py"
    script.write_text(SELF)
    # Python itself would ignore SIGPIPE and SIGXFSZ; a tiny shell shows what the process was given.
    handle = lab.start(
        "/bin/sh", "-c", f"ls -l /proc/self/fd; grep SigIgn /proc/self/status; exec {sys.executable} {script}"
    )
    assert lab.end(handle).exit_code == 0
    os.close(leaky)
    text = output_of(handle).decode()
    assert "leaky" not in text
    ignored = int(text.split("SigIgn:\t")[1].split()[0], 16)
    # The C library leaves its two internal signals, 32 and 33, ignored in whatever it spawns.
    assert ignored & ~(3 << 31) == 0
    lines = text.splitlines()
    assert lines[-2].split()[0] == handle["job_dir"]
    assert lines[-2].split()[1] == "0o600"
    assert lines[-2].endswith("0000000000000000 True")
    # Descriptor 3 here is the directory being listed, not the spool.
    assert lines[-1] == "['0', '1', '2', '3'] b'' True"
    assert "spool/tester" not in "".join(line for line in lines if " 3 ->" in line)


def test_the_wrapper_leads_its_own_session(lab: Lab) -> None:
    handle = lab.start("/bin/sh", "-c", "echo ready; read x < /dev/zero; exec sleep 60")
    found = process.look(handle["pid"])
    assert found is not None
    assert found.session == found.group == found.pid == handle["pid"] != os.getsid(0)
    assert first_line(handle) == "ready"
    assert spool_of(handle).read_start().pid == handle["pid"]


def test_not_found_and_not_executable_start_nothing(lab: Lab, tmp_path: Path) -> None:
    plain = tmp_path / "plain"
    plain.write_text("#!/bin/sh\n")
    orphan = tmp_path / "orphan"
    orphan.write_text("#!/opt/none/php\r\n")
    orphan.chmod(0o755)
    for word, code in (
        ("no-such-program", 127),
        ("/no/such", 127),
        (str(plain), 126),
        ("/etc", 126),
        (str(orphan), 127),
    ):
        launch = lab.launch(word)
        with pytest.raises(StartRefused) as refused:
            lab.native.prepare(launch)
        assert (refused.value.exit_code, refused.value.reason) == (code, "start_failed")
        assert word.split("/")[-1] in refused.value.detail
        assert list(launch.spool.path.iterdir()) == []


def test_the_executable_is_sought_in_the_path_of_the_job_only(lab: Lab, tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("#!/bin/sh\necho mine\n")
    (tmp_path / "mine").chmod(0o755)
    handle = lab.start("mine", env={"PATH": f"{tmp_path}:/usr/bin"})
    lab.end(handle)
    assert output_of(handle) == b"mine\n"
    with pytest.raises(StartRefused, match="empty"):
        lab.plan("true", env={"PATH": ""})


def test_too_long_a_command_line_is_refused(lab: Lab) -> None:
    plan = lab.plan("true", "x" * 200_000)
    with pytest.raises(StartRefused) as refused:
        lab.native.start(plan)
    assert refused.value.exit_code == 255
    assert lab.native.recover(plan.handle) == NeverStarted()


def test_want_of_resources_is_temporary_and_nothing_runs(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_memory(*_: object, **__: object) -> int:
        raise OSError(12, "Cannot allocate memory")

    plan = lab.plan("true")
    monkeypatch.setattr(native_launch.os, "posix_spawn", no_memory)
    with pytest.raises(StartFailed, match="Cannot allocate memory"):
        lab.native.start(plan)
    assert list(plan.launch.spool.path.iterdir()) == []


def test_use_of_resources_counts_the_application(lab: Lab) -> None:
    code = "x = bytearray(80_000_000)\nimport time\nwhile time.process_time() < 0.3: pass"
    usage = lab.run(sys.executable, "-c", code).usage
    assert usage.cpu_seconds >= 0.3
    assert usage.wall_seconds >= 0.2


def test_peak_memory_is_told_above_the_executors_own_and_not_at_all_below(lab: Lab) -> None:
    own_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    large = lab.run(sys.executable, "-c", f"x = bytearray({own_kb * 1024 + 80_000_000})").usage
    assert own_kb + 78_000 <= large.max_rss_kb <= own_kb + 120_000
    assert lab.run("true").usage.max_rss_kb is None


needs_walls = needs(not sandbox.missing_tools("isolated"), "bubblewrap is not installed")


@needs_walls
def test_the_restricted_profile_forbids_new_privileges_and_has_its_own_temporary_files(lab: Lab) -> None:
    script = "grep NoNewPrivs /proc/self/status; ls /tmp | wc -l; touch /tmp/mine mine && ls /tmp/mine"
    (Path("/tmp") / f"mf-seen-{os.getpid()}").touch()
    try:
        handle = lab.start("/bin/sh", "-c", script, sandbox=Sandbox("restricted"))
        assert lab.end(handle).exit_code == 0
    finally:
        (Path("/tmp") / f"mf-seen-{os.getpid()}").unlink()
    # Where the job directory lies below /tmp, its way there is all that is seen.
    seen = "1" if handle["job_dir"].startswith("/tmp/") else "0"
    assert output_of(handle).decode().split() == ["NoNewPrivs:", "1", seen, "/tmp/mine"]
    assert Path(handle["job_dir"], "mine").exists()
    assert not Path("/tmp/mine").exists()


def test_a_profile_without_its_tool_is_refused(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tools, "_SYSTEM_PATH", "/nowhere")
    with pytest.raises(StartRefused, match="bwrap") as refused:
        lab.plan("true", sandbox=Sandbox("isolated"))
    assert refused.value.exit_code == 255


@needs_walls
def test_the_isolated_profile_shows_the_job_directory_only(lab: Lab) -> None:
    other = lab.launch("true")
    script = f"ls {other.job_dir.parent}; ls {lab.spool.path.parent}; touch /etc/x || touch mine; exit 3"
    handle = lab.start("/bin/sh", "-c", script, sandbox=Sandbox("isolated"))
    assert lab.end(handle).exit_code == 3
    assert output_of(handle).decode().split() == [Path(handle["job_dir"]).name]
    assert Path(handle["job_dir"], "mine").exists()


def test_an_isolated_program_must_not_lie_in_a_hidden_place(lab: Lab, tmp_path: Path) -> None:
    program = tmp_path / "secret" / "tool"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    with pytest.raises(StartRefused, match="hides") as refused:
        lab.plan(str(program), sandbox=Sandbox("isolated", hidden=(program.parent,)))
    assert refused.value.exit_code == 126


def test_two_hundred_jobs_at_once(lab: Lab) -> None:
    handles = [lab.start("/bin/sh", "-c", f"echo {n}; exit {n % 256}") for n in range(200)]
    for n, handle in enumerate(handles):
        assert lab.end(handle).exit_code == n % 256
        assert output_of(handle) == f"{n}\n".encode()


def test_the_start_mark_lets_exactly_one_wrapper_start(lab: Lab) -> None:
    for _ in range(20):
        plan = lab.plan("/bin/sh", "-c", "echo ran")
        with ThreadPoolExecutor(2) as pool:
            pids = list(pool.map(lambda _, plan=plan: native_launch.spawn(plan), range(2)))
        codes = [os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in pids]
        assert sorted(codes) == [0, 121]
        assert plan.launch.spool.stdout.read_text() == "ran\n"
        assert plan.launch.spool.read_start().pid == pids[codes.index(0)]


def test_cleanup_may_be_repeated(lab: Lab) -> None:
    handle = lab.start("true")
    before = len(list(Path("/proc/self/fd").iterdir()))
    lab.end(handle)
    assert len(list(Path("/proc/self/fd").iterdir())) == before + 1
    lab.native.cleanup(handle)
    lab.native.cleanup(handle)
    assert len(list(Path("/proc/self/fd").iterdir())) == before
    assert lab.native.collect(handle).is_dir()


def test_self_check_tries_a_start(lab: Lab) -> None:
    assert {check.name: check.level for check in lab.native.self_check()}["start"] == "ok"

"""The command line: what it prints, as text and as JSON, and the exit codes it ends with."""

from __future__ import annotations

import base64
import doctest
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import dynakv
import pytest
from dynakv import __main__ as entry

typer_testing = pytest.importorskip("typer.testing")
pytest.importorskip("rich")

from dynakv.cli import _doctor, _output, _serve  # noqa: E402
from dynakv.cli._app import app  # noqa: E402

WaitUntil = Callable[..., None]
FAILED, USAGE, QUORUM, CONFLICT = 1, 2, 3, 4


@pytest.fixture(scope="module")
def cluster() -> Iterator[dynakv.LocalCluster]:
    with dynakv.LocalCluster(nodes=3, storage="memory") as running:
        yield running


class Cli:
    """Runs commands in this process against a cluster."""

    def __init__(self, at: str) -> None:
        self.at = at
        self.runner = typer_testing.CliRunner()

    def run(self, *arguments: str, stdin: bytes = b"") -> Any:
        return self.runner.invoke(app, list(arguments), input=stdin, env={"DYNAKV_AT": self.at})

    def data(self, *arguments: str, exits: int = 0) -> Any:
        result = self.run(*arguments, "--json")
        assert result.exit_code == exits, result.output
        return json.loads(result.stdout)


@pytest.fixture
def cli(cluster: dynakv.LocalCluster) -> Cli:
    return Cli(cluster.addresses[0])


@pytest.fixture
def key(request: pytest.FixtureRequest) -> str:
    return str(request.node.name)


# ------------------------------------------------------------------ data


def test_put_then_get(cli: Cli, key: str) -> None:
    written = cli.run("put", key, "welt")
    assert written.exit_code == 0
    assert "held by" in written.stdout
    got = cli.run("get", key)
    assert (got.exit_code, got.stdout) == (0, "welt")


def test_put_takes_standard_input_as_it_is(cli: Cli, key: str) -> None:
    raw = b"\x00\xff line\n"
    assert cli.run("put", key, "-", stdin=raw).exit_code == 0
    assert cli.run("get", key).stdout_bytes == raw
    assert base64.b64decode(cli.data("get", key)["value_base64"]) == raw


def test_get_of_nothing_fails_and_says_so(cli: Cli, key: str) -> None:
    result = cli.run("get", key)
    assert (result.exit_code, result.stdout) == (FAILED, "")
    assert "has no value" in result.stderr
    data = cli.data("get", key, exits=FAILED)
    assert (data["exists"], data["siblings"]) == (False, [])


def test_blind_puts_conflict_until_a_context_settles_it(cli: Cli, key: str) -> None:
    cli.data("put", key, "one")
    cli.data("put", key, "two")
    shown = cli.run("get", key)
    assert shown.exit_code == CONFLICT
    assert "one" in shown.stdout
    assert "two" in shown.stdout
    assert "--context" in shown.stderr

    found = cli.data("get", key, exits=CONFLICT)
    assert found["in_conflict"]
    assert sorted(sibling["value"] for sibling in found["siblings"]) == ["one", "two"]
    cli.data("put", key, "both", "--context", found["context"])
    assert cli.data("get", key)["value"] == "both"


def test_put_returns_a_context_that_replaces_it(cli: Cli, key: str) -> None:
    first = cli.data("put", key, "one")
    cli.data("put", key, "two", "--context", first["context"])
    assert cli.data("get", key)["value"] == "two"


def test_overwrite_replaces_and_if_absent_conflicts(cli: Cli, key: str) -> None:
    cli.data("put", key, "one", "--if-absent")
    assert "error" in cli.data("put", key, "two", "--if-absent", exits=CONFLICT)
    cli.data("put", key, "three", "--overwrite")
    assert cli.data("get", key)["value"] == "three"


def test_siblings_option_shows_one_value_too(cli: Cli, key: str) -> None:
    cli.run("put", key, "one")
    result = cli.run("get", key, "--siblings")
    assert result.exit_code == 0
    assert "one" in result.stdout
    assert "context " in result.stdout


def test_del_removes(cli: Cli, key: str) -> None:
    cli.run("put", key, "one")
    assert cli.run("del", key).exit_code == 0
    assert cli.run("get", key).exit_code == FAILED


def test_buckets_are_apart(cli: Cli, key: str) -> None:
    cli.run("put", key, "one", "--bucket", "other")
    assert cli.run("get", key).exit_code == FAILED
    assert cli.run("get", key, "--bucket", "other").stdout == "one"


# ------------------------------------------------------------------ looking at it


def test_status_lists_a_node_that_is_no_member(cli: Cli, wait_until: WaitUntil) -> None:
    config = dynakv.NodeConfig(name="guest", storage="memory", contact_points=(cli.at,))
    with dynakv.Node(config) as guest:
        wait_until(lambda: cli.data("status")["non_members"])
        (found,) = cli.data("status")["non_members"]
        assert (found["name"], found["address"]) == ("guest", guest.address)
        assert (found["state"], found["in_layout"]) == ("alive", False)
        text = cli.run("status").stdout
        assert "guest" in text
        assert "no member" in text
        assert "3 of 3 are up" in text


def test_status_names_every_member(cli: Cli) -> None:
    data = cli.data("status")
    assert data["up"] == 3
    assert [member["name"] for member in data["members"]] == ["n0", "n1", "n2"]
    text = cli.run("status")
    assert "3 of 3 are up" in text.stdout
    assert all(address in text.stdout for address in [cli.at])


def test_ring_adds_up(cli: Cli) -> None:
    data = cli.data("ring")
    assert data["slots"] == 2**14
    assert sum(member["share"] for member in data["members"]) == pytest.approx(1)
    assert data["heaviest_of_fair"] < 1.05
    text = cli.run("ring").stdout
    assert "of its fair share" in text
    assert "\x1b" not in text


def test_where_names_the_owners(cli: Cli, cluster: dynakv.LocalCluster, key: str) -> None:
    data = cli.data("where", key)
    owners = [node["name"] for node in data["nodes"] if node["role"] == "owner"]
    assert owners == cluster.layout().owners(key.encode())
    assert owners[0] in cli.run("where", key).stdout


def test_names_are_sorted_as_people_do() -> None:
    assert doctest.testmod(_output).failed == 0
    assert doctest.testmod(_serve).failed == 0


# ------------------------------------------------------------------ exit codes


@pytest.mark.parametrize(
    "arguments",
    [
        ["get"],
        ["get", "k", "--nonsense"],
        ["get", "k", "-r", "most"],
        ["get", "k", "-r", "9"],
        ["put", "k", "v", "--context", "!"],
        ["put", "k", "v", "--context", "AAAA"],
        ["put", "k", "v", "--overwrite", "--if-absent"],
        ["get", "k", "--at", "nowhere:port"],
        ["serve", "--member", "n1"],
        ["serve", "--member", "n1=h:1", "--member", "n1=h:2"],
        ["up", "0"],
    ],
)
def test_wrong_use_exits_2(cli: Cli, arguments: list[str]) -> None:
    result = cli.run(*arguments)
    assert result.exit_code == USAGE, result.output
    assert not result.stdout


def test_no_node_exits_1(cli: Cli) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{closed.getsockname()[1]}"
        options = ["--at", address, "--timeout", "0.3"]
        result = cli.run("get", "k", *options)
        assert result.exit_code == FAILED
        assert address in result.stderr
        assert cli.data("get", "k", *options, exits=FAILED)["error"]["code"]


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "dynakv", *arguments]


def test_exit_codes_of_the_real_command() -> None:
    with dynakv.LocalCluster(nodes=3, storage="memory") as cluster:
        cluster.client().put("settled", b"v")
        for value in (b"one", b"two"):
            cluster.client().put("open", value)
        environment = os.environ | {"DYNAKV_AT": cluster.addresses[0]}

        def run(*arguments: str) -> subprocess.CompletedProcess[bytes]:
            return subprocess.run(
                command(*arguments), env=environment, capture_output=True, timeout=60, check=False
            )

        done = run("get", "settled")
        assert (done.returncode, done.stdout) == (0, b"v")
        assert run("get", "open").returncode == CONFLICT
        assert run("get").returncode == USAGE
        cluster.kill(1)
        cluster.kill(2)
        refused = run("put", "settled", "w", "--timeout", "1", "--json")
        assert refused.returncode == QUORUM
        error = json.loads(refused.stdout)["error"]
        assert error["required"] == 2
        assert error["code"].startswith("quorum_")
        assert not refused.stderr


def test_without_the_extra_one_line_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(entry, "find_spec", lambda name: None)
    assert entry.main(["status"]) == FAILED
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert "pip install 'dynakv[cli]'" in said


def test_help_and_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert entry.main(["--version"]) == 0
    assert capsys.readouterr().out.strip() == dynakv.__version__
    assert entry.main(["--help"]) == 0
    assert "Exit codes" in capsys.readouterr().out


# ------------------------------------------------------------------ serve and up


def read_json(process: subprocess.Popen[bytes]) -> Any:
    """Read one indented JSON object from a process that goes on."""
    assert process.stdout is not None
    lines = []
    while True:
        line = process.stdout.readline()
        assert line, f"ended with {process.wait()}"
        lines.append(line)
        if line == b"}\n":
            return json.loads(b"".join(lines))


def stop(process: subprocess.Popen[bytes], number: signal.Signals) -> int:
    process.send_signal(number)
    try:
        return process.wait(timeout=20)
    finally:
        process.kill()


@pytest.mark.parametrize("mode", ["thread", "process"])
def test_up_runs_until_ctrl_c(mode: str) -> None:
    arguments = ["up", "2", "--json", *(["--process"] if mode == "process" else [])]
    with subprocess.Popen(command(*arguments), stdout=subprocess.PIPE) as process:
        try:
            data = read_json(process)
            assert (len(data["nodes"]), data["mode"]) == (2, mode)
            with dynakv.connect(data["nodes"][0]["address"]) as client:
                client.put("k", b"v")
                assert client.get("k").value == b"v"
        finally:
            status = stop(process, signal.SIGINT)
        assert status == 0
        assert not Path(data["data_dir"]).exists()


def test_serve_alone_keeps_its_data(tmp_path: Path) -> None:
    (tmp_path / "node.toml").write_text(f'data_dir = "{tmp_path}/data"\nn = 1\n')
    arguments = ["serve", "-c", str(tmp_path / "node.toml"), "--name", "solo"]
    arguments += ["--log-level", "off", "--json"]
    for life in range(2):
        with subprocess.Popen(command(*arguments), stdout=subprocess.PIPE) as process:
            try:
                data = read_json(process)
                assert data["name"] == "solo"
                with dynakv.connect(data["address"]) as client:
                    if life == 0:
                        client.put("k", b"v")
                    assert client.get("k").value == b"v"
            finally:
                status = stop(process, signal.SIGTERM)
            assert status == 0


def test_serve_without_a_cluster_says_how(cli: Cli, tmp_path: Path) -> None:
    result = cli.run("serve", "--name", "n1", "--data-dir", str(tmp_path), "--log-level", "off")
    assert result.exit_code == USAGE
    assert "--member" in result.stderr


def test_serve_forms_a_cluster_from_its_first_members(
    tmp_path: Path, wait_until: WaitUntil
) -> None:
    with socket.socket() as a, socket.socket() as b, socket.socket() as c:
        for each in (a, b, c):
            each.bind(("127.0.0.1", 0))
        ports = [each.getsockname()[1] for each in (a, b, c)]
    members = {f"n{i}": f"127.0.0.1:{port}" for i, port in enumerate(ports)}
    listed = [text for name, at in members.items() for text in ("--member", f"{name}={at}")]
    processes = [
        subprocess.Popen(
            command("serve", "--name", name, "--data-dir", str(tmp_path / name), *listed),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        for name in members
    ]

    def answers() -> bool:
        try:
            with dynakv.connect(list(members.values()), connect_timeout=1) as client:
                client.put("k", b"v", w=3)
                return client.get("k", r=3).value == b"v"
        except dynakv.DynakvError:
            return False

    try:
        wait_until(answers, timeout_s=30, what="three servers form a cluster")
    finally:
        statuses = [stop(process, signal.SIGTERM) for process in processes]
    assert statuses == [0, 0, 0]


def test_node_config_takes_the_file_and_lets_options_win(tmp_path: Path) -> None:
    path = tmp_path / "node.toml"
    path.write_text('name = "a"\ndata_dir = "d"\ndurability = "os"\nn = 1\n')
    config = _serve.node_config(path, {"name": "b", "durability": None, "insecure": False})
    assert (config.name, config.durability, config.n, config.w) == ("b", "os", 1, 1)
    with pytest.raises(dynakv.ConfigError, match="cannot read"):
        _serve.node_config(tmp_path / "absent.toml", {})


# ------------------------------------------------------------------ doctor


def test_doctor_finds_this_machine_fit(cli: Cli, tmp_path: Path) -> None:
    data = cli.data("doctor", "--dir", str(tmp_path), "--listen", "127.0.0.1:0")
    assert data["fit"]
    states = {check["name"]: check["state"] for check in data["checks"]}
    assert set(states.values()) <= {"ok", "warn"}
    assert {"python", "extension", "fsync", "disk", "open files", "port", "clock"} <= set(states)
    text = cli.run("doctor", "--dir", str(tmp_path), "--listen", "127.0.0.1:0").stdout
    assert "fsync" in text


def test_doctor_says_what_is_wrong_and_what_helps(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        listen = f"127.0.0.1:{taken.getsockname()[1]}"
        findings = _doctor.examine(tmp_path, listen)
    port = next(finding for finding in findings if finding.name == "port")
    assert (port.state, bool(port.remedy)) == ("warn", True)
    wrong = _doctor.examine(tmp_path / "a" / "b", "not-a-host.invalid:1")
    assert "fail" in [finding.state for finding in wrong if finding.name == "port"]
    for finding in [*findings, *wrong]:
        assert finding.state == "ok" or finding.remedy, finding


def test_doctor_exits_1_when_something_fails(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_doctor, "PYTHON_MIN", (99, 0))
    result = cli.run("doctor", "--dir", str(tmp_path), "--listen", "127.0.0.1:0")
    assert result.exit_code == FAILED
    assert "install Python 99.0" in result.stdout

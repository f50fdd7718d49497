"""Connections: what is refused before Ray starts, and who is told that others may reach it."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest
from typer.testing import CliRunner

from showtell.cli.app import app
from showtell.cluster import connection
from showtell.cluster.connection import connected
from showtell.errors import ShowtellError

MANIFEST = Path(__file__).parents[2] / "docs" / "kuberay.yaml"


def test_without_the_extra_the_error_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "find_spec", lambda name: None)
    with pytest.raises(ShowtellError, match=r"--ray needs Ray: pip install 'showtell\[cluster\]'"), connected("local"):
        pass


def test_a_client_s_address_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "find_spec", lambda name: name)
    refused = pytest.raises(ShowtellError, match="is a client's address; run this on a machine of the cluster")
    with refused, connected("ray://head:10001"):
        pass


@pytest.mark.parametrize("address", ["127.0.0.1:1", "nowhere", "head:", "127.0.0.1:70000"])
def test_an_address_where_nobody_listens_is_named_at_once(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "find_spec", lambda name: name)
    with pytest.raises(ShowtellError, match=f"--ray {address}: nobody listens there"), connected(address):
        pass


@pytest.mark.parametrize(
    ("host", "alone"),
    [("127.0.0.1", True), ("[::1]", True), ("localhost", True), ("10.0.0.1", False), ("head", False)],
)
def test_only_a_loopback_address_is_this_machine_s_alone(host: str, alone: bool) -> None:
    assert connection._is_loopback(host) is alone


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("a --ray local", "--ray and --output go together"),
        ("a --output b", "--ray and --output go together"),
        *((f"a --ray local --output b {more}", "--ray goes without") for more in ("--csv", "--watch", "--manifest c")),
        *(
            (f"a --ray local --output b {more}", "--ray goes without")
            for more in ("--write embed", "--min-confidence 1")
        ),
    ],
)
def test_options_that_do_not_go_with_a_cluster_are_refused(arguments: str, message: str) -> None:
    result = CliRunner(env={"COLUMNS": "200", "TERM": "dumb"}).invoke(app, ["caption", *arguments.split()])
    assert result.exit_code == 2
    assert message in result.output


def test_the_manifest_asks_for_what_the_command_and_kuberay_know() -> None:
    yaml = pytest.importorskip("yaml", reason="needs the extra cluster")
    job = yaml.safe_load(MANIFEST.read_text())
    assert (job["apiVersion"], job["kind"]) == ("ray.io/v1", "RayJob")
    assert job["spec"].keys() == {"entrypoint", "shutdownAfterJobFinishes", "backoffLimit", "rayClusterSpec"}
    cluster = job["spec"]["rayClusterSpec"]
    assert cluster.keys() == {"rayVersion", "authOptions", "headGroupSpec", "workerGroupSpecs"}
    groups = [cluster["headGroupSpec"], *cluster["workerGroupSpecs"]]
    for group in groups:
        assert all(isinstance(value, str) for value in group["rayStartParams"].values())
        for container in group["template"]["spec"]["containers"]:
            assert container.keys() == {"name", "image", "resources"}
            assert container["resources"]["requests"] == container["resources"]["limits"]
    (workers,) = cluster["workerGroupSpecs"]
    assert workers["minReplicas"] <= workers["replicas"] <= workers["maxReplicas"]
    program, command, *arguments = shlex.split(job["spec"]["entrypoint"])
    assert program == "showtell"
    # one option too many, and so the first that is complained of
    result = CliRunner(env={"COLUMNS": "200", "TERM": "dumb"}).invoke(app, [command, *arguments, "--csv"])
    assert "--ray goes without --csv" in result.output

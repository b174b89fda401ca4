"""compose.yaml keeps its promises: hardened, pinned, the native stack's own settings, times that fit together."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from consumers.settings import WorkerSettings
from infra.cli.commands import COMMANDS
from infra.practice_provider.script import parse_script
from infra.signals import CLOSE_SECONDS
from infra.stack import StackOptions, versions
from infra.stack.cassandra_plan import cassandra_yaml
from infra.stack.kafka_plan import server_properties
from schemas.models_file import read_models
from tests.container_files import ROOT, compose, environment, known_settings, proxy_seconds, seconds
from ws_edge.edge import ERRANDS_SECONDS
from ws_edge.server import HTTP_GRACE_SECONDS
from ws_edge.settings import EdgeSettings

SERVICES: dict[str, dict[str, Any]] = compose()["services"]
OURS = {name: service for name, service in SERVICES.items() if service["image"].startswith("samvad-")}
JOBS = {"topics": "kafka", "migrate": "cassandra"}
EDGES = ("edge-1", "edge-2")
every_service = pytest.mark.parametrize("name", SERVICES)


def _check(document: dict[str, Any]) -> None:
    compose_spec = pytest.importorskip("compose_spec", reason="compose-spec is not installed")
    compose_spec.PyCompose.from_json(json.dumps(document))


def test_it_is_what_the_compose_specification_allows() -> None:
    _check(compose())


def test_a_misspelt_key_is_no_compose_file() -> None:
    document = compose()
    document["services"]["kafka"]["read_onyl"] = True
    with pytest.raises(ValueError, match="read_onyl"):
        _check(document)


@every_service
def test_a_service_can_change_nothing_but_its_volumes_and_gain_no_right(name: str) -> None:
    service = SERVICES[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert not {"privileged", "cap_add", "network_mode", "pid", "devices"} & set(service)
    assert not any("docker.sock" in volume for volume in service.get("volumes", []))


@every_service
def test_a_service_runs_as_a_numbered_user_that_is_not_root(name: str) -> None:
    user, group = SERVICES[name]["user"].split(":")
    assert int(user) > 0
    assert int(group) > 0


@every_service
def test_a_service_is_bounded_in_what_it_uses(name: str) -> None:
    limits = SERVICES[name]["deploy"]["resources"]["limits"]
    assert set(limits) == {"cpus", "memory", "pids"}
    assert SERVICES[name]["logging"]["options"]["max-size"]


@every_service
def test_a_service_starts_again_after_a_crash_but_a_job_does_not(name: str) -> None:
    assert SERVICES[name]["restart"] == ("no" if name in JOBS else "unless-stopped")


@every_service
def test_an_image_is_named_by_an_exact_version(name: str) -> None:
    _, colon, tag = SERVICES[name]["image"].rpartition(":")
    assert colon
    assert tag.split("-")[0].count(".") == 2
    assert all(part.isdigit() for part in tag.split("-")[0].split("."))


def test_the_servers_are_those_of_the_native_stack() -> None:
    assert SERVICES["kafka"]["image"] == f"apache/kafka:{versions.KAFKA}"
    assert SERVICES["cassandra"]["image"] == f"cassandra:{versions.CASSANDRA}"
    assert SERVICES["jaeger"]["image"] == f"jaegertracing/jaeger:{versions.JAEGER_IMAGE}"


def test_kafka_has_the_native_stacks_settings(tmp_path: Path) -> None:
    lines = server_properties(1, StackOptions(tmp_path)).splitlines()
    wanted = dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))
    own = ("log.dirs", "listeners", "advertised.listeners", "controller.quorum.voters")
    given = environment(SERVICES["kafka"])
    assert {key: given.get(f"KAFKA_{key.upper().replace('.', '_')}") for key in wanted if key not in own} == {
        key: value for key, value in wanted.items() if key not in own
    }


def test_cassandra_has_the_native_stacks_settings(tmp_path: Path) -> None:
    native = yaml.safe_load(cassandra_yaml(1, StackOptions(tmp_path)))
    ours = yaml.safe_load((ROOT / "containers" / "cassandra.yaml").read_text())
    common = yaml.safe_load((ROOT / "infra" / "stack" / "cassandra" / "cassandra.yaml").read_text())
    assert {key: ours.get(key) for key in common} == common
    only_natively = {"listen_address", "rpc_address", "initial_token"}
    assert set(native) - set(ours) == only_natively


def test_jobs_make_as_many_copies_as_there_are_servers() -> None:
    for job, server in JOBS.items():
        assert SERVICES[job]["command"] == [job, "--replication", "1"]
        assert SERVICES[job]["depends_on"] == {server: {"condition": "service_healthy"}}
        assert "replicas" not in SERVICES[server]["deploy"]


def test_every_command_is_one_of_samvads() -> None:
    assert {OURS[name]["command"][0] for name in OURS if "command" in OURS[name]} <= set(COMMANDS)


@pytest.mark.parametrize("name", [*EDGES, "worker"])
def test_nothing_runs_before_topics_and_tables_are_there(name: str) -> None:
    for job in JOBS:
        assert SERVICES[name]["depends_on"][job] == {"condition": "service_completed_successfully"}


@pytest.mark.parametrize("name", OURS)
def test_every_variable_is_a_setting_of_samvad(name: str) -> None:
    variables = {variable for variable in environment(OURS[name]) if variable.startswith(("SAMVAD_", "OTEL_"))}
    assert variables - known_settings() == set()


def test_only_the_way_in_and_jaegers_page_are_published_and_only_here() -> None:
    published = {name: service["ports"] for name, service in SERVICES.items() if "ports" in service}
    assert published == {"way-in": ["127.0.0.1:8000:8000"], "jaeger": ["127.0.0.1:16686:16686"]}
    assert compose()["networks"]["back"] == {"internal": True}
    assert all(SERVICES[name]["networks"] == ["back"] for name in ("kafka", "cassandra", "topics", "migrate"))


def test_anybody_may_be_anybody_only_behind_a_way_in_of_this_machine() -> None:
    for name in EDGES:
        assert environment(SERVICES[name])["SAMVAD_DEV_SIGN_IN"] == "true"
    assert all(port.startswith("127.0.0.1:") for port in SERVICES["way-in"]["ports"])


def test_only_workers_get_providers_keys_and_none_is_written_down() -> None:
    for name, service in SERVICES.items():
        keys = {variable: value for variable, value in environment(service).items() if variable.endswith("_API_KEY")}
        assert set(keys.values()) <= {None}
        assert bool(keys) == (name == "worker")


def test_a_silent_socket_lives_through_the_proxy_longer_than_two_heartbeats() -> None:
    heartbeat = EdgeSettings().heartbeat_seconds
    for name in ("tunnel", "client", "server"):
        assert proxy_seconds(f"timeout {name}") > 2 * heartbeat


def test_nobody_is_killed_before_its_drain_is_over() -> None:
    assert ERRANDS_SECONDS + HTTP_GRACE_SECONDS + EdgeSettings().farewell_seconds < CLOSE_SECONDS
    for name, default in (*((edge, EdgeSettings()) for edge in EDGES), ("worker", WorkerSettings())):
        drain = float(environment(SERVICES[name]).get("SAMVAD_DRAIN_SECONDS") or default.drain_seconds)
        assert seconds(SERVICES[name]["stop_grace_period"]) > drain + CLOSE_SECONDS
    assert seconds(SERVICES["way-in"]["stop_grace_period"]) > proxy_seconds("hard-stop-after")


@every_service
def test_a_service_says_whether_it_is_well(name: str) -> None:
    check = SERVICES[name].get("healthcheck")
    if name in JOBS:
        assert check == {"disable": True}
    elif name not in OURS or name == "practice-provider":
        assert check["test"][0] == "CMD"
    else:
        assert check is None  # the image's own


def test_every_file_that_is_mounted_is_there() -> None:
    files = [config["file"] for config in compose()["configs"].values()]
    files = [file.removeprefix("${SAMVAD_MODELS_FILE:-").removesuffix("}") for file in files]
    assert all((ROOT / file).is_file() for file in files)
    assert all((ROOT / service["build"]["dockerfile"]).is_file() for service in OURS.values() if "build" in service)


def test_images_of_ours_are_built_here_and_never_looked_for_elsewhere() -> None:
    built = {service["image"] for service in OURS.values() if "build" in service}
    for service in OURS.values():
        assert service["image"] in built
        assert "build" in service or service["pull_policy"] == "never"


def test_it_answers_without_a_key_by_practice_models() -> None:
    models = read_models((ROOT / "containers" / "models.yaml").read_bytes())
    command = SERVICES["practice-provider"]["command"]
    for entry in models.model_list:
        assert entry.litellm_params["api_base"] == f"http://practice-provider:{command[-1]}/v1"
        assert entry.litellm_params["api_key"] == "none"
        parse_script(entry.litellm_params["model"].removeprefix("hosted_vllm/"))

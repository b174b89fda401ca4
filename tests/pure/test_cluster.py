"""A cluster's processes by their environment and ports: who gets a provider's key, and which ports are refused."""

from pathlib import Path

import pytest

from infra.cluster.models import named_models
from infra.cluster.plan import EDGE, ClusterOptions, process_plans
from infra.cluster.ports import NoSuchPort, refuse_taken_ports
from infra.cluster.servers import StackRefused, running_servers
from infra.model_discovery.providers import PROVIDERS

UNNAMED_KEY = "model_list: [{model_name: fast, litellm_params: {model: openai/gpt-4o-mini}}]"
NAMED_KEY = "model_list: [{model_name: fast, litellm_params: {model: openai/x, api_key: os.environ/MY_SECRET}}]"
KEYS = {
    **{provider.key_variable: "a key" for provider in PROVIDERS},
    "HOSTED_VLLM_API_KEY": "a key",
    "SOME_OTHER_PROVIDERS_API_KEY": "a key",
}


async def _keys_by_role(folder: Path, text: str, keys: dict[str, str]) -> dict[str, set[str]]:
    """Which of the keys the processes of each role have."""
    file = folder / "models.yaml"
    file.write_text(text)
    models = await named_models(folder, file, {})
    assert models is not None
    plans = process_plans(ClusterOptions(folder, folder), {**keys, "PATH": "/bin"}, models.file, models.key_variables)
    assert all(plan.environ["PATH"] == "/bin" for plan in plans)
    return {plan.role: keys.keys() & plan.environ.keys() for plan in plans}


@pytest.mark.parametrize(
    ("text", "keys"), [(UNNAMED_KEY, KEYS), (NAMED_KEY, {"MY_SECRET": "a key"})], ids=["unnamed", "named"]
)
async def test_workers_get_the_providers_keys_and_edges_none(tmp_path: Path, text: str, keys: dict[str, str]) -> None:
    assert await _keys_by_role(tmp_path, text, keys) == {"worker": set(keys), EDGE: set()}


@pytest.mark.parametrize(
    ("port", "admin_port", "setting"),
    [(0, 9100, "--port"), (65535, 9100, "--port"), (8000, 0, "SAMVAD_ADMIN_PORT"), (8000, 65533, "SAMVAD_ADMIN_PORT")],
)
def test_ports_that_there_are_not_are_refused_by_name(tmp_path: Path, port: int, admin_port: int, setting: str) -> None:
    with pytest.raises(NoSuchPort, match=setting):
        refuse_taken_ports(ClusterOptions(tmp_path, tmp_path, port=port, admin_port=admin_port))


@pytest.mark.parametrize("written", ["", "[]", '{"brokers": 1}', '{"brokers": 2, "ports": {}}'])
async def test_a_stack_folder_that_cannot_be_read_is_refused_with_a_sentence(tmp_path: Path, written: str) -> None:
    (tmp_path / "stack.json").write_text(written)
    with pytest.raises(StackRefused, match="not of this version"):
        async with running_servers(tmp_path, False, print):
            raise AssertionError("nothing to run on")

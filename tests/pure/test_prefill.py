"""How models are asked to go on from text that is not theirs, and which ones are believed to."""

from consumers.llm.prefill import ask_of, may_continue, to_go_on_from

QUESTION = [{"role": "user", "content": "Why?"}]
TABLES = {
    "claude-x": {"litellm_provider": "anthropic", "supports_assistant_prefill": True},
    "claude-y": {"litellm_provider": "anthropic", "supports_assistant_prefill": False},
    "mistral/m": {"litellm_provider": "mistral", "supports_assistant_prefill": True},
}


def test_without_kept_text_the_question_is_asked_as_it_is() -> None:
    ask = ask_of(QUESTION, "", "hosted_vllm")
    assert (ask.messages, ask.extra_body) == (QUESTION, {})


def test_an_openai_compatible_server_is_told_by_two_flags() -> None:
    ask = ask_of(QUESTION, "Because", "hosted_vllm")
    assert ask.messages == [*QUESTION, {"role": "assistant", "content": "Because"}]
    assert ask.extra_body == {"continue_final_message": True, "add_generation_prompt": False}


def test_others_are_told_by_a_prefix_that_litellm_passes_on() -> None:
    ask = ask_of(QUESTION, "Because", "mistral")
    assert ask.messages[-1] == {"role": "assistant", "content": "Because", "prefix": True}
    assert ask.extra_body == {}


def test_the_models_file_is_believed_first_and_then_the_tables_of_the_models_own_provider() -> None:
    assert may_continue("hosted_vllm/anything", True, TABLES)
    assert not may_continue("anthropic/claude-x", False, TABLES)
    assert may_continue("anthropic/claude-x", None, TABLES)
    assert may_continue("mistral/m", None, TABLES)
    assert not may_continue("anthropic/claude-y", None, TABLES)
    assert not may_continue("openai/claude-x", None, TABLES)
    assert not may_continue("hosted_vllm/unknown", None, TABLES)


def test_a_text_is_gone_on_from_without_the_white_space_at_its_end() -> None:
    assert to_go_on_from("Because \n") == "Because"

"""Chat templates are tried with all conversations of a character and served as they were tried."""

from dataclasses import replace
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers.utils.chat_template_utils import render_jinja_template

from idol_runtime.dialogue.importer import import_gguf
from idol_runtime.dialogue.messages import ChatMessage
from idol_runtime.dialogue.model import DialogueModel
from idol_runtime.dialogue.template import CONVERSATIONS, Arrangement, ChatTemplate
from idol_runtime.errors import InputError
from tests.dialogue.chat_templates import (
    CHATML,
    GEMMA,
    IN_PARTS,
    LLAMA_2,
    LLAMA_3,
    MISTRAL,
    QWEN_3,
    REFUSED,
    SYSTEM_AT_THE_BEGINNING,
    TAKEN,
)
from tests.dialogue.tiny_models import tiny_model, write_gguf

ROLES = {
    "s": ChatMessage("system", ""),
    "u": ChatMessage("user", ""),
    "a": ChatMessage("assistant", ""),
}
TOKENS = {"bos_token": "<s>", "eos_token": "</s>"}
NOON = datetime(2031, 5, 17, 12, 30)
roles = st.sampled_from(["user", "assistant", "system"])
conversations = st.lists(st.builds(ChatMessage, roles, st.text("ab{}<|>\ue000 ", max_size=8)))


@cache
def opened(text: str) -> ChatTemplate:
    return ChatTemplate(text, TOKENS, lambda: NOON)


def rendered(template: ChatTemplate, *messages: ChatMessage) -> str:
    return "".join(piece + (content or "") for piece, content in template.render(messages))


def said(conversation: str, *words: str) -> list[ChatMessage]:
    """`sau` is a persona, a greeting and a question."""
    return [
        replace(ROLES[role], content=word) for role, word in zip(conversation, words, strict=True)
    ]


GREETED = said("sau", "You are Mira.", "Welcome in!", "Hello Mira.")


@pytest.mark.parametrize("name", TAKEN)
@pytest.mark.parametrize("conversation", CONVERSATIONS)
def test_everything_that_is_said_reaches_the_model(name: str, conversation: str) -> None:
    messages = [
        ChatMessage(message.role, f"word{at}.")
        for at, message in enumerate(CONVERSATIONS[conversation])
    ]
    text = rendered(opened(TAKEN[name]), *messages)
    for at in range(len(messages)):
        assert f"word{at}." in text


@pytest.mark.parametrize("name", TAKEN)
def test_a_long_history_keeps_its_order(name: str) -> None:
    messages = said("s" + "ua" * 40 + "u", *(f"word{at}." for at in range(82)))
    text = rendered(opened(TAKEN[name]), *messages)
    places = [text.index(f"word{at}.") for at in range(82)]
    assert places == sorted(places)


@pytest.mark.parametrize("name", [name for name in TAKEN if name != "everything"])
def test_a_conversation_that_needs_no_change_reads_as_transformers_renders_it(name: str) -> None:
    template = opened(TAKEN[name])
    persona = "" if template.arrangement.folds_system else "s"
    messages = said(persona + "uau", *(["You are Mira."] * len(persona)), "Hi!", "Hello.", "Bye.")
    plain: list[dict[str, object]] = [
        {
            "role": message.role,
            "content": [{"type": "text", "text": message.content}]
            if template.arrangement.in_parts
            else message.content,
        }
        for message in messages
    ]
    render: Any = render_jinja_template  # its annotations know no variables of a template
    theirs, _ = render(
        conversations=[plain],
        chat_template=TAKEN[name],
        add_generation_prompt=True,
        enable_thinking=False,
        date_string="17 May 2031",
        **TOKENS,
    )
    assert [rendered(template, *messages)] == theirs


@pytest.mark.parametrize(
    ("text", "arrangement"),
    [
        (CHATML, Arrangement()),
        (LLAMA_3, Arrangement()),
        (QWEN_3, Arrangement()),
        (SYSTEM_AT_THE_BEGINNING, Arrangement(moves_instructions=True)),
        (LLAMA_2, Arrangement(folds_greeting=True, moves_instructions=True, merges=True)),
        # It gives the persona with the last question, so a prompt without one would lack it.
        (MISTRAL, Arrangement(folds_system=True, moves_instructions=True, merges=True)),
        (GEMMA, Arrangement(folds_system=True, moves_instructions=True, merges=True)),
        (IN_PARTS, Arrangement(in_parts=True)),
    ],
)
def test_no_more_is_changed_than_a_template_needs(text: str, arrangement: Arrangement) -> None:
    assert opened(text).arrangement == arrangement


def test_a_greeting_is_told_in_the_persona_where_the_user_must_speak_first() -> None:
    assert rendered(opened(LLAMA_2), *GREETED).replace("\n", " ").split("[/INST]")[0] == (
        "<s>[INST] <<SYS>> You are Mira.  "
        'You began the conversation with: "Welcome in!" <</SYS>>  Hello Mira. '
    )


def test_a_persona_is_the_users_first_words_where_there_is_no_system() -> None:
    text = rendered(opened(GEMMA), *GREETED)
    assert "<start_of_turn>user\nYou are Mira.<end_of_turn>" in text
    assert "<start_of_turn>model\nWelcome in!<end_of_turn>" in text
    text = rendered(opened(GEMMA), *said("su", "You are Mira.", "Hello."))
    assert "<start_of_turn>user\nYou are Mira.\n\nHello.<end_of_turn>" in text


def test_two_messages_in_a_row_become_one_where_sides_must_alternate() -> None:
    text = rendered(opened(LLAMA_2), *said("suu", "You are Mira.", "Hello?", "Are you there?"))
    assert "Hello?\n\nAre you there? [/INST]" in text


def test_a_greeting_alone_is_answered_to_a_first_word() -> None:
    text = rendered(opened(LLAMA_2), *said("sa", "You are Mira.", "Welcome in!"))
    assert text.strip().endswith("Hello. [/INST]")


@pytest.mark.parametrize("name", TAKEN)
@settings(max_examples=40)
@given(messages=conversations)
def test_any_conversation_at_all_is_rendered(name: str, messages: list[ChatMessage]) -> None:
    text = rendered(opened(TAKEN[name]), *messages)
    for message in messages:
        assert message.content.strip() in text


@pytest.mark.parametrize("name", REFUSED)
def test_a_template_that_cannot_be_used_is_refused_with_its_reason(name: str) -> None:
    text, reason = REFUSED[name]
    with pytest.raises(InputError, match=f"(?s){reason}.*choose another model") as refusal:
        opened(text)
    assert "\ue000" not in str(refusal.value)


@settings(max_examples=60)
@given(st.text("{}%# \n'\"messages[0].contentforinifendelse|+*-()1", max_size=40))
def test_any_text_is_a_template_or_a_sentence(text: str) -> None:
    try:
        opened(text)
    except InputError:
        return


def test_a_date_changes_once_a_day_and_the_time_stays_that_of_the_days_first_prompt() -> None:
    now = [NOON]
    text = "{{ strftime_now('%d %b %Y %H:%M') }}" + CHATML
    template = ChatTemplate(text, TOKENS, lambda: now[0])
    first = rendered(template, *said("u", "Hi!"))
    assert first.startswith("17 May 2031 12:30")
    now[0] = NOON + timedelta(hours=5)
    assert rendered(template, *said("u", "Hi!")) == first
    now[0] = NOON + timedelta(hours=13)
    assert rendered(template, *said("u", "Hi!")).startswith("18 May 2031 01:30")


def test_a_model_that_can_think_is_told_not_to() -> None:
    text = rendered(opened(QWEN_3), *said("u", "Hi!"))
    assert text.endswith("<|im_start|>assistant\n<think>\n\n</think>\n\n")


@pytest.mark.parametrize("name", TAKEN)
def test_a_model_with_the_template_is_imported_and_answers_after_its_greeting(
    name: str, tmp_path: Path
) -> None:
    template = {"tokenizer.chat_template": TAKEN[name]}
    path = write_gguf(tiny_model("llama"), tmp_path / "a.gguf", {"": "F32"}, changes=template)
    notes: list[str] = []
    import_gguf(path, tmp_path / "b", name="a", weights="fp32", tell=notes.append)
    model = DialogueModel.open(tmp_path / "b", provider="cpu", threads=1)
    assert model.chat.encode(GREETED)
    assert any("speak first" in note for note in notes) == (
        model.chat.template.arrangement.folds_greeting
    )
    assert any("takes no persona" in note for note in notes) == (
        model.chat.template.arrangement.folds_system
    )


@pytest.mark.parametrize("name", ["a syntax error", "nobody may speak", "the user left out"])
def test_an_import_refuses_what_a_server_would_refuse(name: str, tmp_path: Path) -> None:
    text, reason = REFUSED[name]
    template = {"tokenizer.chat_template": text}
    path = write_gguf(tiny_model("llama"), tmp_path / "a.gguf", {"": "F32"}, changes=template)
    with pytest.raises(InputError, match=f"{path}: .*{reason}"):
        import_gguf(path, tmp_path / "b", name="a")
    assert not (tmp_path / "b").exists()

"""The default dialogue model itself: how exact each form of its weights is, and that it talks."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from tokenizers import Tokenizer

from export.dialogue import parity_texts, torch_from_gguf
from export.dialogue_parity import measure
from idol_runtime.dialogue.chat import open_chat
from idol_runtime.dialogue.config import TOKENIZER_FILE, read_config
from idol_runtime.dialogue.gguf_file import GgufFile
from idol_runtime.dialogue.gguf_weights import GgufWeights
from idol_runtime.dialogue.graph import build_decoder
from idol_runtime.dialogue.importer import import_gguf
from idol_runtime.dialogue.live_reply import LiveReply
from idol_runtime.dialogue.messages import (
    ChatMessage,
    GenerationDone,
    GenerationOptions,
    TextDelta,
)
from idol_runtime.dialogue.model import DialogueModel
from idol_runtime.errors import InputError
from idol_runtime.inference.bundle import open_bundle
from idol_runtime.store import default_store

pytestmark = pytest.mark.models

PERSONAS = {
    "innkeeper": "You are Mira, a cheerful elf innkeeper. You speak warmly and briefly.",
    "pirate": "You are Captain Rourke, a gruff old pirate. You answer in a short pirate voice.",
    "singer": "You are Hoshi, a virtual singer who streams live. You are bubbly and kind.",
}
COMMON = frozenset(
    ("a", "and", "are", "be", "but", "i", "i'm", "in", "is", "it", "my", "of", "the", "to")
)


@dataclass(frozen=True)
class Default:
    gguf: Path
    bundle: Path
    torch: Any
    texts: list[tuple[list[int], list[int]]]


@pytest.fixture(scope="module")
def default(tmp_path_factory: pytest.TempPathFactory) -> Default:
    [file] = default_store().pull("smollm2-135m-instruct").glob("*.gguf")
    bundle = tmp_path_factory.mktemp("default") / "bundle"
    import_gguf(file, bundle, name="smollm2")
    model = torch_from_gguf(file)
    chat = open_chat(bundle, read_config(open_bundle(bundle, "dialogue")))
    return Default(file, bundle, model, parity_texts(model, chat))


def test_int8_blocks_keep_the_models_choices(default: Default) -> None:
    config = read_config(open_bundle(default.bundle, "dialogue")).decoder
    parity = measure(default.torch, default.bundle, config, default.texts)
    assert parity.mean_kl <= 0.01, parity
    assert parity.top1_agreement >= 0.95, parity


def test_exact_blocks_multiplied_as_floats_give_torchs_logits(
    default: Default, tmp_path: Path
) -> None:
    source = GgufWeights(GgufFile(default.gguf))
    stored = build_decoder(source, tmp_path, weights="exact", accuracy_level=1)
    assert all(how.endswith("unchanged") for how in stored)
    parity = measure(default.torch, tmp_path, source.config, default.texts[:2])
    assert parity.max_logit_diff <= 5e-4, parity
    assert parity.top1_agreement == 1, parity


def test_the_prompt_is_the_one_the_model_was_trained_with(default: Default) -> None:
    chat = DialogueModel.open(default.bundle, provider="cpu", threads=1).chat
    messages = [ChatMessage("system", "Be kind."), ChatMessage("user", "Hi, it's 2024!")]
    ids = chat.encode(messages)
    whole = (
        "<|im_start|>system\nBe kind.<|im_end|>\n<|im_start|>user\nHi, it's 2024!<|im_end|>\n"
        "<|im_start|>assistant\n"
    )
    trained = Tokenizer.from_file(str(default.bundle / TOKENIZER_FILE))
    assert ids == trained.encode(whole, add_special_tokens=False).ids
    assert [ids.count(control) for control in (1, 2)] == [3, 2]


@pytest.mark.parametrize("persona", PERSONAS)
def test_personas_answer_in_short_whole_english_sentences(default: Default, persona: str) -> None:
    model = DialogueModel.open(default.bundle, provider="cpu", threads=2)
    messages = [
        ChatMessage("system", PERSONAS[persona]),
        ChatMessage("user", "Who are you, and what do you like?"),
    ]
    ended = 0
    for seed in range(3):
        items = list(model.generate(messages, replace(GenerationOptions(), seed=seed)))
        text = "".join(item.text for item in items if isinstance(item, TextDelta))
        done = items[-1]
        assert isinstance(done, GenerationDone)
        words = [word.strip(".,!?\"'").lower() for word in text.split()]
        assert text.isprintable() or "\n" in text
        assert len(COMMON.intersection(words)) >= 3, text
        assert len(set(words)) > len(words) / 3, text
        ended += done.finish_reason == "stop"
    assert ended >= 2


def test_replies_written_together_with_int8_weights_are_those_written_alone(
    default: Default,
) -> None:
    questions = ("Who are you?", "What burned?", "Have you a room for a horse?", "Sing of the sea.")
    options = GenerationOptions(max_tokens=32, enough_tokens=0, temperature=0.7)

    def begun(model: DialogueModel, number: int) -> LiveReply:
        messages = [
            ChatMessage("system", PERSONAS["innkeeper"] + " The red ship burned last night."),
            ChatMessage("user", questions[number]),
        ]
        return model.replies.add(model.begin(messages, replace(options, seed=number)))

    def finished(model: DialogueModel, live: list[LiveReply]) -> list[list[int]]:
        while left := [reply for reply in live if not reply.has_ended()]:
            list(model.replies.step(left))
        for reply in live:
            model.replies.close(reply)
        return [reply.said for reply in live]

    model = DialogueModel.open(default.bundle, provider="cpu", threads=2)
    alone = [finished(model, [begun(model, number)])[0] for number in range(4)]
    model = DialogueModel.open(default.bundle, provider="cpu", threads=2)
    live = [begun(model, 0)]
    while len(live[0].said) < 6:
        list(model.replies.step(live))
    assert finished(model, [*live, *(begun(model, number) for number in (1, 2, 3))]) == alone


def test_half_of_the_file_is_refused(default: Default, tmp_path: Path) -> None:
    half = tmp_path / "half.gguf"
    with default.gguf.open("rb") as file:
        half.write_bytes(file.read(default.gguf.stat().st_size // 2))
    with pytest.raises(InputError, match="truncated or damaged"):
        import_gguf(half, tmp_path / "bundle", name="half")

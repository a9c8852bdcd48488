import random
from dataclasses import replace
from datetime import datetime

import pytest
import torch

from idol_runtime.character import Character
from idol_runtime.character.character import BUILT_IN, Example
from idol_runtime.conversation.prompt import build_prompt
from idol_runtime.dialogue.architecture import DecoderConfig
from idol_runtime.dialogue.chat import ChatTokenizer
from idol_runtime.dialogue.config import DialogueConfig
from idol_runtime.dialogue.messages import ChatMessage
from tests.dialogue.tiny_models import TEMPLATE
from tests.training.dialogue_scenes import SHOP, material, tiny
from training.dialogue.adapter import TunedModel
from training.dialogue.base import byte_tokenizer
from training.dialogue.chat_ids import ChatIds, Message
from training.dialogue.forest import Forest
from training.dialogue.prompts import Scene, answers, plant, prompt_of, spoken
from training.dialogue.settings import AugmentSettings, LoraSettings

pytestmark = pytest.mark.slow


def messages_of(scene: Scene, at: int) -> tuple[ChatMessage, ...]:
    """What the runtime itself makes of the conversation up to there."""
    shown = [Example(said, reply) for said, reply in scene.examples]
    character = Character(name="Olla", persona=scene.persona, examples=shown)
    history = [
        ChatMessage(message.role, message.content)
        for exchange in scene.exchanges[:at]
        for message in (spoken(exchange), *answers(exchange))
    ]
    asked = scene.exchanges[at]
    said = spoken(asked)
    prompt = build_prompt(character, [*history, ChatMessage(said.role, said.content)])
    return prompt.noted(*asked.notes).messages()


def tokenizer() -> ChatTokenizer:
    """The runtime's, with the template that the bases have."""
    decoder = DecoderConfig("qwen2", 1, 16, 1, 1, 16, 16, 259, 64, 1e4, 1e-6, True)
    config = DialogueConfig(decoder, "float32", None, 2, [0, 1, 2], False)
    return ChatTokenizer(byte_tokenizer(), TEMPLATE, config, lambda: datetime(2026, 1, 1))


@pytest.mark.parametrize("at", range(4))
def test_a_prompt_is_what_the_runtime_reads_token_for_token(at: int) -> None:
    scene = replace(SHOP, actions=())
    expected = messages_of(scene, at)
    found = prompt_of(scene, at)
    assert [(each.role, each.content) for each in found] == [
        (each.role, each.content) for each in expected
    ]
    assert ChatIds(byte_tokenizer()).prompt(found) == tokenizer().encode(expected)


def test_control_tokens_that_somebody_types_are_text() -> None:
    chat = ChatIds(byte_tokenizer())
    typed = chat.message(Message("user", "<|im_end|> ha")).ids
    assert typed.count(chat.end) == 1
    assert chat.text(typed).startswith("<|im_start|>user\n<|im_end|> ha<|im_end|>")


def test_every_reply_of_a_forest_is_as_likely_as_in_a_prompt_of_its_own() -> None:
    base = tiny()
    model = TunedModel(base.model, LoraSettings(rank=2))
    forest = Forest()
    plant(forest, base.chat, SHOP, longest=4000)
    plant(forest, base.chat, replace(SHOP, exchanges=SHOP.exchanges[3:]), longest=4000)
    read = forest.tensors()
    together = model.log_likelihoods(read)
    alone = []
    for scene, at in [(SHOP, 0), (SHOP, 1), (SHOP, 2), (SHOP, 3),
                      (replace(SHOP, exchanges=SHOP.exchanges[3:]), 0)]:  # fmt: skip
        context = prompt_of(scene, at)
        for message in answers(scene.exchanges[at]):
            if message.role == "assistant":
                alone.append(likelihood_of(model, base.chat, context, message))
            context = [*context, message]
    for number, expected in enumerate(alone):
        torch.testing.assert_close(together[read.owner == number], expected, atol=2e-5, rtol=1e-4)
    assert int(read.owner.max()) == len(alone) - 1


def likelihood_of(
    model: TunedModel, chat: ChatIds, context: list[Message], reply: Message
) -> torch.Tensor:
    """From the plain causal model, the whole prompt at once."""
    prompt = chat.prompt(context)
    written = chat.message(reply)
    target = [index for index, own in zip(written.ids, written.written, strict=True) if own]
    ids = torch.tensor([[*prompt, *target]])
    logits = model.module(input_ids=ids).logits[0].log_softmax(dim=1)
    rows = torch.arange(len(prompt) - 1, len(prompt) - 1 + len(target))
    return logits[rows, torch.tensor(target)]


def test_a_reply_under_notes_is_remembered_without_them() -> None:
    base = tiny()
    forest = Forest()
    plant(forest, base.chat, replace(SHOP, actions=(), examples=()), longest=4000)
    text = base.chat.text([index for node in forest.nodes for index in node.message.ids])
    # Read once under its note, once without as the history of what follows.
    assert text.count("You are talking with Ida.") == 1
    assert text.count("[happy] 7, Ida.") == 2
    assert text.count("Wen: Are you Olla?") == 1


def test_only_what_the_assistant_says_is_learnt() -> None:
    base = tiny()
    forest = Forest()
    plant(forest, base.chat, SHOP, longest=4000)
    learnt = base.chat.text(forest.tensors().learnt.tolist())
    replies = [reply for exchange in SHOP.exchanges for reply in exchange.replies]
    assert learnt == "".join(f"{reply}<|im_end|>" for reply in replies)


def test_a_long_conversation_is_cut_at_its_end() -> None:
    base = tiny()
    short, whole = Forest(), Forest()
    assert not plant(short, base.chat, SHOP, longest=350)
    assert plant(whole, base.chat, SHOP, longest=4000)
    assert 0 < len(short.replies) < len(whole.replies)


def test_needed_notes_stay_and_others_join_them() -> None:
    drawn = material()
    rng = random.Random(3)
    talks = [talk for talk in drawn.heldout.talks if "notes" in talk.tags]
    joined = set()
    for _ in range(60):
        scene = drawn.scene(drawn.heldout, talks[0], rng)
        notes = scene.exchanges[0].notes
        assert any(note.startswith("They lost a ") for note in notes)
        joined.add(len(notes))
    assert joined == {1, 2, 3}


def test_examples_come_from_other_conversations_of_the_persona() -> None:
    drawn = material(augment=AugmentSettings(examples=2, examples_share=1.0))
    rng = random.Random(1)
    talk = drawn.train.talks[0]
    shown = {pair for _ in range(20) for pair in drawn.scene(drawn.train, talk, rng).examples}
    assert {said for said, _ in shown} == {"Hello.", "Good day."}
    assert all("{" not in reply for _, reply in shown)


def test_a_character_at_hand_lends_its_own_words() -> None:
    drawn = material(characters=(str(BUILT_IN / "hoshi"),), characters_share=1.0)
    talk = next(talk for talk in drawn.train.talks if talk.persona == "hoshi")
    scene = drawn.scene(drawn.train, talk, random.Random(0))
    assert "virtual idol" in scene.persona
    assert scene.examples


def test_the_same_seed_draws_the_same_step() -> None:
    one, other, third = material().draw(5), material().draw(5), material().draw(6)
    ids = [batch.talks.tensors().ids.tolist() for batch in (one, other, third)]
    assert ids[0] == ids[1] != ids[2]

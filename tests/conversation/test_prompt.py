from msgspec.structs import replace

from idol_runtime.character import Character
from idol_runtime.conversation.prompt import build_prompt
from idol_runtime.dialogue.messages import FIRST_WORDS, ChatMessage

REN = Character("Ren", "You are Ren, who keeps a tea house.")
PERSONA = ChatMessage("system", REN.persona)
SAID = (
    ChatMessage("user", "Hello."),
    ChatMessage("assistant", "Welcome."),
    ChatMessage("user", "Who am I?"),
)


def test_notes_are_one_message_before_what_was_just_said() -> None:
    prompt = build_prompt(REN, SAID).noted("You are talking with Sam.").noted("It rains.")
    told = ChatMessage("system", "You are talking with Sam.\nIt rains.")
    assert prompt.messages() == (PERSONA, *SAID[:2], told, SAID[2])


def test_what_comes_before_the_notes_is_the_same_in_the_next_turn() -> None:
    one = build_prompt(REN, SAID).noted("It rains.").messages()
    longer = (*SAID, ChatMessage("assistant", "Sam!"), ChatMessage("user", "Right."))
    other = build_prompt(REN, longer).noted("It is dry.").messages()
    assert one[:3] == other[:3]
    assert build_prompt(REN, SAID).messages() == (PERSONA, *SAID)


def test_what_the_host_says_after_the_user_stays_last() -> None:
    hint = ChatMessage("system", "The bell rings.")
    prompt = build_prompt(REN, (*SAID, hint)).noted("It rains.")
    assert prompt.messages() == (
        PERSONA,
        *SAID[:2],
        ChatMessage("system", "It rains."),
        SAID[2],
        hint,
    )


def test_a_character_that_speaks_first_is_told_its_notes_too() -> None:
    prompt = build_prompt(REN, ()).noted("It rains.")
    assert prompt.messages() == (PERSONA, ChatMessage("system", "It rains."), FIRST_WORDS)


def test_a_reminder_is_read_right_before_every_answer() -> None:
    reminded = replace(REN, reminder="Ren never leaves the tea house.")
    prompt = build_prompt(reminded, SAID).noted("It rains.")
    assert prompt.notes == ("Ren never leaves the tea house.", "It rains.")

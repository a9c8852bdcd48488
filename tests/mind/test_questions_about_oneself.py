from typing import Final

import pytest

from idol_runtime.mind.memory.questions import questions_in

ASKED: Final = {
    "name": (
        "What is my name?",
        "what's my name",
        "Do you remember my name?",
        "Who am I?",
        "Tell me my name.",
        "Say my name!",
        "Can you tell me what my name is?",
        "Hey, what's my name again?",
        "Did you forget my name?",
        "What did I say my name was?",
        "So, what was my name?",
        "Do you still remember what I'm called?",
        "I bet you forgot my name.",
        "Do you know who I am?",
        "You remember my name, right?",
        "Okay. And what is my name?",
        "Quick, what's my name?",
        "By the way, do you remember my name?",
        "Do you remember what my name is, Hoshi?",
        "私の名前は何ですか？",
        "私の名前を覚えてる？",
        "我叫什么名字？",
        "你记得我的名字吗？",
        "¿Cómo me llamo?",
        "Weißt du noch, wie ich heiße?",
        "Comment je m'appelle ?",
    ),
    "me": (
        "Do you remember me?",
        "Remember me?",
        "It's me again! Do you remember me?",
        "Have we met before?",
    ),
    "place": (
        "Where do I live?",
        "Do you remember where I live?",
        "Where am I from?",
        "Which city do I live in?",
    ),
    "age": ("How old am I?", "Do you know how old I am?"),
    "birthday": ("When is my birthday?", "Do you remember when my birthday is?"),
    "job": (
        "What do I do for a living?",
        "What's my job?",
        "Where do I work?",
        "Do you remember what I do for work?",
    ),
    "pet": (
        "What is my dog's name?",
        "What's my cat called?",
        "Do I have any pets?",
        "What's the name of my dog?",
    ),
    "family": ("What's my sister's name?", "Do I have any siblings?", "Who is my best friend?"),
    "like": (
        "What is my favourite food?",
        "What's my favorite color?",
        "What do I like to eat?",
        "Do I like cats?",
    ),
    "dislike": ("What am I afraid of?", "What don't I like?"),
    "other": ("What am I allergic to?",),
    "plan": ("What am I going to do tomorrow?", "What are my plans?"),
    "all": (
        "What do you know about me?",
        "What do you remember about me?",
        "Tell me something about me.",
    ),
}
NOT_ASKED: Final = (
    "What is your name?",
    "What's her name?",
    "My name is Sam",
    "Who are you?",
    "Where do you live?",
    "What do you like?",
    "How old are you?",
    "Do you have pets?",
    "What is my problem?",
    "What do I do now?",
    "I lost my keys. What do I do?",
    "Say hello to my dog.",
    "My favourite food is ramen.",
    "My dog",
    "Where is my phone?",
    "Do you like my name?",
    "I forgot my keys.",
    "What should I do?",
    "Guess what!",
    "Do you remember your first song?",
    "Do I look good?",
    "How do I get to Paris?",
    "Is my name pretty?",
    "Can you sing my name?",
    "Do you remember when we met?",
    "What is my name and what is yours?",
)


@pytest.mark.parametrize(("about", "said"), [(k, v) for k, vs in ASKED.items() for v in vs])
def test_questions_about_oneself_are_known(about: str, said: str) -> None:
    assert [each.about for each in questions_in(said)] == [about]


@pytest.mark.parametrize("said", NOT_ASKED)
def test_other_lines_are_for_the_model(said: str) -> None:
    assert questions_in(said) == ()


def test_two_questions_at_once_are_two() -> None:
    asked = questions_in("What is my name and where do I live?")
    assert [each.about for each in asked] == ["name", "place"]

from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from idol_runtime.mind.language_of import language_of, requested_language

LINES = {
    "en": [
        "What is your name?", "My name is Sam.", "I like strawberry cake.", "my dog died",
        "How do you say hello in Spanish?", "My friend Juan Carlos lives in Los Angeles.",
        "I had sushi and ramen at El Bulli.", "That was a déjà vu for me", "Wave at me please",
        "The shop in Den Haag is closed.", "Could you sing something for my little sister?",
        "I just moved to Berlin.", "Where do you live?", "That's so funny!", "Are you a robot?",
        "Remember what I told you about my job?", "I feel lonely today.", "Which song is that?",
        "How much is the sword?", "You look tired.",
    ],
    "es": [
        "Hola, ¿cómo estás?", "¿Cómo te llamas?", "Mi perro murió ayer.", "Tengo hambre",
        "¿Qué canción te gusta más?", "Vivo en Madrid con mi hermana.", "¿Cuánto cuesta la espada?",
        "No entiendo nada de esto.", "Eres muy simpática.", "¿Dónde está la tienda?",
    ],
    "fr": [
        "Bonjour, comment ça va ?", "Je m'appelle Sam.", "J'aime la musique", "Où est le magasin ?",
        "Tu es très gentille.", "Je ne comprends pas.", "Combien coûte cette épée ?",
        "Quelle est ta chanson préférée ?", "Mon chien est mort hier.",
    ],
    "de": [
        "Hallo, wie geht es dir?", "Ich heiße Sam.", "Was kostet das Schwert?",
        "Du bist sehr nett.", "Ich verstehe das nicht.", "Mein Hund ist gestern gestorben.",
        "Welches Lied magst du am liebsten?", "Wo ist der Laden?",
    ],
    "it": [
        "Ciao, come stai?", "Mi chiamo Sam.", "Quanto costa la spada?", "Non capisco questa cosa.",
        "Sei molto gentile.", "Dove vivi?", "Il mio cane è morto ieri.",
    ],
    "pt": [
        "Olá, como você está?", "Meu nome é Sam.", "Quanto custa a espada?", "Não entendo isso.",
        "Você é muito gentil.", "Onde você mora?", "Meu cachorro morreu ontem.",
    ],
    "nl": ["Hoe heet je?", "Ik begrijp het niet.", "Waar woon je?", "Mijn hond is dood."],
    "ja": ["こんにちは", "お名前は何ですか？", "Samです", "好きな歌は？", "ありがとう"],
    "zh": ["你好", "你叫什么名字？", "我很难过", "这把剑多少钱？", "谢谢你"],
    "ko": ["안녕하세요", "이름이 뭐예요?"],
    "ru": ["Привет, как дела?", "Как тебя зовут?"],
}  # fmt: skip
UNCLEAR = [
    "ok", "haha", "no", "Sam", "lol", "hmm...", "👍", "123", "Si", "Hola", "Paris", "Taco", "寿司",
    "Hoshi!", "", "C'est la vie, Sam", "Adios Sam", "La La Land", "Ciao Bella!", "¿?",
]  # fmt: skip


def test_nearly_every_clear_line_tells_its_language_and_none_tells_another() -> None:
    found = [(language, language_of(line)) for language in LINES for line in LINES[language]]
    right = sum(language == told for language, told in found)
    print(f"{right} of {len(found)} lines")
    assert [pair for pair in found if pair[1] not in (pair[0], None)] == []
    assert right >= 0.9 * len(found)


@pytest.mark.parametrize("line", UNCLEAR)
def test_a_short_or_unclear_line_tells_no_foreign_language(line: str) -> None:
    assert language_of(line) in (None, "en")


@pytest.mark.parametrize(
    ("line", "language"),
    [
        ("Answer in Spanish please", "es"),
        ("Please talk to me in Japanese.", "ja"),
        ("Can you speak French?", "fr"),
        ("Speak English!", "en"),
        ("Do you speak German?", None),
        ("I don't speak Spanish.", None),
        ("They speak French there.", None),
        ("How do you say hi in Spanish?", None),
    ],
)
def test_only_who_asks_for_a_language_asks_for_it(line: str, language: str | None) -> None:
    assert requested_language(line) == language


@given(st.text(max_size=80))
def test_any_text_is_told_or_not(line: str) -> None:
    known: Iterable[str | None] = [None, *LINES, "uk", "ar", "he", "th", "hi", "el"]
    assert language_of(line) in known
    requested_language(line)

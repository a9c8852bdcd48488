"""Japanese as Kokoro was trained to read it, and languages that need an extra."""

import subprocess
import sys

import pytest

from idol_runtime.errors import install_command
from idol_runtime.speech.kokoro.phonemize import Phonemizer

VOCABULARY = "ɑOɕʨʣʥʦçɸβɾɲŋɴʲᵝɡɨɯːʔabdefhijkmnopstuvwzOˈˌɪʃʊOəæ ,.!?…—“”()"


def spoken(text: str) -> str:
    [piece] = Phonemizer(VOCABULARY).pieces(text, "ja", 500)
    return piece


@pytest.mark.parametrize(
    ("text", "symbols"),
    [
        ("こんにちは、元気ですか。", "koɲɲiʨiβa, ɡeŋkʲi desɨ ka."),
        ("私は星の歌を歌います。", "βataɕi βa hoɕi no ɯta o ɯtaimasɨ."),
        ("ちょっと待ってください。", "ʨoʔto maʔte kɯdasai."),
        ("「ありがとう」と言った。", "“aɾʲiɡatoː” to iʔta."),
        ("ティッシュとヴァイオリン！", "tʲiʔɕɨ to vaioɾʲiɴ!"),
        ("新聞、本気、本当、安心？", "ɕimbɯɴ, hoŋkʲi, hontoː, aɴɕiɴ?"),
        ("11月30日", "ʥɨːiʨiɡaʦɨ saɲʥɨːɲiʨi"),
        ("三つのクォーツ", "mʲiʔʦɨ no kᵝoːʦɨ"),
    ],
)
def test_words_are_written_as_kokoro_reads_them(text: str, symbols: str) -> None:
    assert spoken(text) == symbols


def test_a_name_in_latin_letters_is_read_as_english_an_abbreviation_by_its_letters() -> None:
    assert spoken("Hoshiです") == "hˈɑʃi desɨ"
    assert spoken("AIの話") == "eːai no hanaɕi"


def test_every_kana_has_a_sound() -> None:
    kana = [chr(code) for code in range(ord("ァ"), ord("ヶ") + 1) if chr(code) not in "ッン"]
    for one in kana:
        assert len(spoken(f"ナ{one}")) > 1, one


@pytest.mark.parametrize(("language", "module"), [("ja", "pyopenjtalk"), ("zh", "misaki")])
def test_without_its_extra_a_language_says_how_to_install_it(language: str, module: str) -> None:
    code = (
        f"import sys; sys.modules[{module!r}] = None\n"
        "from idol_runtime.speech.kokoro.phonemize import Phonemizer\n"
        f"Phonemizer('a').pieces('你好', {language!r}, 500)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    last = done.stderr.splitlines()[-1]
    assert f"InputError: {'Japanese' if language == 'ja' else 'Chinese'} speech needs" in last
    assert last.endswith(f"run `{install_command(language)}`.")

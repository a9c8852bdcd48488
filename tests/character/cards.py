"""Cards as the programs that people use write them, made up for the tests."""

import base64
import json
import struct
import zlib
from typing import Any

from idol_runtime.character.png_text import plain_png, with_texts


def tavern_card() -> dict[str, Any]:
    """V2 as SillyTavern writes it: V1's fields at the root as well, and its own in extensions."""
    data: dict[str, Any] = {
        "name": "Maren",
        "description": "{{char}} keeps the lighthouse of Gull Point.\r\nShe knows {{user}} well.",
        "personality": "dry, patient",
        "scenario": "A storm keeps <USER> at the lighthouse.",
        "first_mes": '*lifts the lantern* "Come in, {{user}}!"',
        "mes_example": "<START>\r\n{{user}}: Is it far to town?\r\n{{char}}: Two hours on foot.\r\n"
        "*points north*\r\n<START>\r\n{{char}}: Nobody asked me.\r\nMaren: Twice.\r\n"
        "{{user}}: Tea?\r\nMaren: Always.",
        "creator_notes": "Best with rain sounds.",
        "system_prompt": "{{original}}\nWrite short replies.",
        "post_history_instructions": "{{char}} never leaves the lighthouse.",
        "alternate_greetings": ["You again.", "Shut the door!"],
        "tags": ["sea", "OC"],
        "creator": "nobody",
        "character_version": "main",
        "extensions": {
            "talkativeness": "0.5",
            "fav": False,
            "world": "Gull Point",
            "depth_prompt": {"prompt": "", "depth": 4, "role": "system"},
            "vendor/thing": [1, 2.5, None, {"deep": True}],
        },
        "character_book": {
            "name": "Gull Point",
            "vendor_flag": 3,
            "entries": [
                {
                    "id": 0,
                    "keys": ["lamp", "lantern"],
                    "secondary_keys": [],
                    "comment": "the lamp",
                    "content": "The lamp burns whale oil.",
                    "constant": False,
                    "selective": True,
                    "insertion_order": 100,
                    "enabled": True,
                    "position": "after_char",
                    "use_regex": True,
                    "extensions": {"position": 1, "probability": 100, "match_whole_words": None},
                },
                {
                    "id": 1,
                    "keys": ["/wrecks?/i"],
                    "secondary_keys": ["north"],
                    "comment": "",
                    "content": "Three ships lie north of the point.",
                    "constant": False,
                    "selective": True,
                    "insertion_order": 50,
                    "enabled": False,
                    "position": "before_char",
                    "use_regex": True,
                    "extensions": {"position": 0},
                },
            ],
        },
    }
    mirrored = ("name", "description", "personality", "scenario", "first_mes", "mes_example")
    return {
        **{key: data[key] for key in mirrored},
        "creatorcomment": "Best with rain sounds.",
        "avatar": "none",
        "talkativeness": "0.5",
        "fav": False,
        "spec": "chara_card_v2",
        "spec_version": "2.0",
        "data": data,
        "create_date": "2025-3-2 @10h 11m 12s 13ms",
    }


def newer_card() -> dict[str, Any]:
    """V3, with what only V3 has and something that no version has."""
    return {
        "spec": "chara_card_v3",
        "spec_version": "3.0",
        "data": {
            **{key: tavern_card()["data"][key] for key in ("description", "first_mes", "tags")},
            "name": "Maren Holt",
            "nickname": "Maren",
            "creator_notes_multilingual": {"es": "Mejor con lluvia."},
            "source": ["https://example.org/cards/1"],
            "group_only_greetings": ["Crowded tonight."],
            "creation_date": 1700000000,
            "modification_date": 0,
            "extensions": {},
            "assets": [
                {"type": "icon", "uri": "embeded://assets/icon/images/a.png", "name": "main",
                 "ext": "png"},
                {"type": "x_sea", "uri": "https://example.org/sea.ogg", "name": "", "ext": "ogg"},
            ],
            "of_a_later_version": {"yes": 1},
        },
    }  # fmt: skip


def picture() -> bytes:
    return plain_png(4, 3, (200, 10, 10), (10, 10, 200))


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def encoded(card: object) -> bytes:
    return base64.b64encode(json.dumps(card, ensure_ascii=False).encode())


def in_png(card: object, keyword: str = "chara") -> bytes:
    return with_texts(picture(), {keyword: encoded(card)})

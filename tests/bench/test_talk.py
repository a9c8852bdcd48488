import asyncio

import pytest

from tests.bench.talk import LINES, talk

pytestmark = pytest.mark.models


def test_a_talk_through_the_server_is_measured_turn_by_turn(served: str) -> None:
    heard = asyncio.run(talk(served, LINES[:3], pause_s=1.0))
    assert len(heard) == 3
    for turn in heard:
        assert turn.read_tokens > 0
        assert 0 < turn.first_text_s <= turn.first_sound_s

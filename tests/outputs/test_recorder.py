"""What the recorder writes of each cue."""

from pathlib import Path

import pytest

from idol_runtime.outputs.recorder import Recorder
from idol_runtime.timeline import (
    ActivityCue,
    Cue,
    Gesture,
    GestureCue,
    Phoneme,
    Phonemes,
    PlacedCue,
    PlaybackCut,
    UtteranceEnded,
    UtteranceStarted,
)


@pytest.mark.parametrize(
    ("cue", "line"),
    [
        (
            UtteranceStarted(500_000, "u", "t", "Hi.", (PlacedCue(Gesture("wave"), 0),)),
            '{"time_s":0.4,"name":"utterance.started","utterance_id":"u","turn_id":"t",'
            '"text":"Hi.","cues":[["wave",0]]}',
        ),
        (
            UtteranceStarted(500_000, "u", "t", "Hi."),
            '{"time_s":0.4,"name":"utterance.started","utterance_id":"u","turn_id":"t",'
            '"text":"Hi."}',
        ),
        (
            UtteranceEnded(500_000, "u", "t", "Hi."),
            '{"time_s":0.4,"name":"utterance.ended","utterance_id":"u","turn_id":"t","text":"Hi."}',
        ),
        (
            Phonemes(500_000, "u", (Phoneme("h", 0.0, 0.25),)),
            '{"time_s":0.4,"name":"phonemes","utterance_id":"u","phonemes":[["h",0.0,0.25]]}',
        ),
        (
            GestureCue(500_000, "nod", 9, 0),
            '{"time_s":0.4,"name":"gesture","gesture":"nod","duration_us":9,"stroke_us":0}',
        ),
        (
            GestureCue(500_000, "nod", 9, 4, utterance_id="u", turn_id="t"),
            '{"time_s":0.4,"name":"gesture","gesture":"nod","duration_us":9,"stroke_us":4,'
            '"utterance_id":"u","turn_id":"t"}',
        ),
        (
            ActivityCue(500_000, "think"),
            '{"time_s":0.4,"name":"activity","activity":"think"}',
        ),
        (PlaybackCut(500_000), '{"time_s":0.4,"name":"playback.cut"}'),
    ],
)
def test_an_event_is_a_line_with_what_the_cue_says_and_nothing_more(
    tmp_path: Path, cue: Cue, line: str
) -> None:
    recorder = Recorder()
    recorder.on_frame(cue)
    recorder.write(tmp_path, start_us=100_000, duration_us=1, fps=30)
    assert (tmp_path / "events.jsonl").read_text() == line + "\n"

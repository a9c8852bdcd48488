"""What stands on a character's timeline beside its frames, as events of ours."""

from typing import Any, cast

from idol_protocol.idol_events import (
    ActivityName,
    Emotion,
    GazeName,
    GestureName,
    IdolAction,
    IdolActivity,
    IdolEmotion,
    IdolGaze,
    IdolGesture,
    IdolPhonemes,
    IdolPlaybackCut,
    IdolUtteranceEnded,
    IdolUtteranceStarted,
    PhonemeSpan,
)
from idol_protocol.server_events import ServerEvent
from idol_runtime.server.response import Response
from idol_runtime.timeline import (
    ActionCue,
    ActivityCue,
    Cue,
    EmotionCue,
    GazeCue,
    GestureCue,
    Phonemes,
    PlaybackCut,
    UtteranceEnded,
    UtteranceStarted,
)


def event_of(cue: Cue, response: Response | None) -> ServerEvent | None:
    """The event of a cue; None for a cue of speech where no answer is being given."""
    match cue:
        case ActivityCue():
            activity = cast("ActivityName", cue.activity)
            return IdolActivity(pts_us=cue.pts_us, activity=activity)
        case GestureCue():
            return _gesture(cue)
        case EmotionCue():
            return _emotion(cue)
        case GazeCue():
            return IdolGaze(
                pts_us=cue.pts_us,
                gaze=cast("GazeName", cue.towards),
                duration_us=cue.duration_us,
                response_id=cue.turn_id,
            )
        case ActionCue():
            return IdolAction(
                pts_us=cue.pts_us,
                name=cue.action,
                arguments=cue.arguments,
                call_id=cue.call_id,
                response_id=cue.turn_id,
            )
        case _:
            return None if response is None else _of_speech(cue, response)


def _of_speech(
    cue: UtteranceStarted | UtteranceEnded | Phonemes | PlaybackCut, response: Response
) -> ServerEvent:
    about: dict[str, Any] = {"response_id": response.id, "item_id": response.item_id}
    match cue:
        case UtteranceStarted(pts_us=pts_us, utterance_id=utterance_id, text=text):
            return IdolUtteranceStarted(
                **about, pts_us=pts_us, utterance_id=utterance_id, text=text
            )
        case UtteranceEnded(pts_us=pts_us, utterance_id=utterance_id):
            return IdolUtteranceEnded(**about, pts_us=pts_us, utterance_id=utterance_id)
        case PlaybackCut(pts_us=pts_us):
            return IdolPlaybackCut(response_id=response.id, pts_us=pts_us)
        case Phonemes():
            return _phonemes(cue)


def _emotion(cue: EmotionCue) -> IdolEmotion:
    levels = {each.name: each.value for each in cue.emotion}
    return IdolEmotion(
        pts_us=cue.pts_us, emotion=Emotion(**levels), rise_s=cue.rise_s, fall_s=cue.fall_s
    )


def _gesture(cue: GestureCue) -> IdolGesture:
    return IdolGesture(
        gesture=cast("GestureName", cue.gesture),
        pts_us=cue.pts_us,
        duration_us=cue.duration_us,
        stroke_pts_us=cue.pts_us + cue.stroke_us,
        response_id=cue.turn_id,
        utterance_id=cue.utterance_id,
    )


def _phonemes(cue: Phonemes) -> IdolPhonemes:
    spans = [
        PhonemeSpan(symbol=each.symbol, start_s=round(each.start_s, 4), end_s=round(each.end_s, 4))
        for each in cue.phonemes
    ]
    return IdolPhonemes(utterance_id=cue.utterance_id, pts_us=cue.pts_us, phonemes=spans)

import numpy as np

from idol_protocol.channels import FACE_CHANNELS
from idol_runtime.character import DEFAULT_CHARACTER, load_character
from idol_runtime.engine.engine import open_stage
from idol_runtime.outputs.recorder import Recorder
from idol_runtime.stage.utterance import Utterance
from idol_runtime.timeline import Gaze, PlacedCue, VirtualClock

YAW = FACE_CHANNELS.index("headYaw") - 52


def test_eyes_head_and_neck_look_there_and_nobody_else_does() -> None:
    takes = []
    for looks in (False, True):
        stage = open_stage("cpu", VirtualClock())
        recorders = Recorder(), Recorder()
        cast = [stage.join(load_character(DEFAULT_CHARACTER), seed) for seed in (1, 2)]
        for performer, recorder in zip(cast, recorders, strict=True):
            performer.attach(recorder)
        if looks:
            cast[0].perform(Utterance("u", "t", "", (PlacedCue(Gaze("left"), 0),)))
        for _ in range(30):
            stage.tick()
        takes.append(recorders)
    (plain, other), (looking, still) = takes
    one = np.array([each.head_eyes_deg for each in looking.face])
    before = np.array([each.head_eyes_deg for each in plain.face])
    assert (one[10:, YAW] - before[10:, YAW] > 8).all()
    assert np.abs(one[0] - before[0]).max() == 0
    turned = np.array([each.rotations for each in looking.pose])
    assert np.abs(turned[20] - np.array(plain.pose[20].rotations)).max() > 0.03
    for ours, theirs in zip(still.face, other.face, strict=True):
        np.testing.assert_array_equal(ours.head_eyes_deg, theirs.head_eyes_deg)

"""Names and order of every channel on the wire.

Sources: Apple ARKit `ARFaceAnchor.BlendShapeLocation` in the order Live Link Face sends them;
VRM 1.0 humanoid bones (vrm-c/vrm-specification, `VRMC_vrm-1.0/humanoid.md`).
"""

from typing import Final

ARKIT_BLENDSHAPES: Final[tuple[str, ...]] = (
    "eyeBlinkLeft",
    "eyeLookDownLeft",
    "eyeLookInLeft",
    "eyeLookOutLeft",
    "eyeLookUpLeft",
    "eyeSquintLeft",
    "eyeWideLeft",
    "eyeBlinkRight",
    "eyeLookDownRight",
    "eyeLookInRight",
    "eyeLookOutRight",
    "eyeLookUpRight",
    "eyeSquintRight",
    "eyeWideRight",
    "jawForward",
    "jawLeft",
    "jawRight",
    "jawOpen",
    "mouthClose",
    "mouthFunnel",
    "mouthPucker",
    "mouthLeft",
    "mouthRight",
    "mouthSmileLeft",
    "mouthSmileRight",
    "mouthFrownLeft",
    "mouthFrownRight",
    "mouthDimpleLeft",
    "mouthDimpleRight",
    "mouthStretchLeft",
    "mouthStretchRight",
    "mouthRollLower",
    "mouthRollUpper",
    "mouthShrugLower",
    "mouthShrugUpper",
    "mouthPressLeft",
    "mouthPressRight",
    "mouthLowerDownLeft",
    "mouthLowerDownRight",
    "mouthUpperUpLeft",
    "mouthUpperUpRight",
    "browDownLeft",
    "browDownRight",
    "browInnerUp",
    "browOuterUpLeft",
    "browOuterUpRight",
    "cheekPuff",
    "cheekSquintLeft",
    "cheekSquintRight",
    "noseSneerLeft",
    "noseSneerRight",
    "tongueOut",
)
"""52 blendshape weights in [0, 1]. `jawOpen` is index 17."""

HEAD_EYE_CHANNELS: Final[tuple[str, ...]] = (
    "headYaw",
    "headPitch",
    "headRoll",
    "leftEyeYaw",
    "leftEyePitch",
    "rightEyeYaw",
    "rightEyePitch",
)
"""Degrees. Yaw > 0 turns to the character's left, pitch > 0 looks down, roll > 0 tilts right."""

LOOK_RANGE_DEG: Final = 32.0
"""Eye rotation at which an eyeLook weight is 1."""

FACE_CHANNELS: Final[tuple[str, ...]] = ARKIT_BLENDSHAPES + HEAD_EYE_CHANNELS
"""59 channels of a face frame, in wire order."""

POSE_BONES: Final[tuple[str, ...]] = (
    "hips",
    "spine",
    "chest",
    "upperChest",
    "neck",
    "head",
    "leftShoulder",
    "leftUpperArm",
    "leftLowerArm",
    "leftHand",
    "rightShoulder",
    "rightUpperArm",
    "rightLowerArm",
    "rightHand",
    "leftUpperLeg",
    "leftLowerLeg",
    "leftFoot",
    "leftToes",
    "rightUpperLeg",
    "rightLowerLeg",
    "rightFoot",
    "rightToes",
)
"""22 VRM 1.0 humanoid bones of a pose frame, in wire order."""

FACE_ACTIVITIES: Final[tuple[str, ...]] = ("idle", "listen", "think", "speak")
"""What conditions the face: it does not dance."""

ACTIVITIES: Final[tuple[str, ...]] = (*FACE_ACTIVITIES, "dance")
"""What a character is doing; conditions the pose generator and is announced as a cue."""

GESTURES: Final[tuple[str, ...]] = (
    "wave",
    "bow",
    "point",
    "shrug",
    "cheer",
    "heart",
    "clap",
    "think",
    "nod",
    "shake",
)
"""What a character can be asked to do with its body, by name."""

EMOTIONS: Final[tuple[str, ...]] = (
    "valence",
    "arousal",
    "happy",
    "angry",
    "sad",
    "relaxed",
    "surprised",
    "curious",
)
"""Emotion conditioning: valence and arousal in [-1, 1], then six intensities in [0, 1]."""

LOWEST_EMOTIONS: Final[dict[str, float]] = dict.fromkeys(EMOTIONS, 0.0) | {
    "valence": -1.0,
    "arousal": -1.0,
}
"""Where each begins; all end at 1."""

FEELINGS: Final[tuple[str, ...]] = EMOTIONS[2:]
"""What a reply may ask for by name (`[very happy]`); valence and arousal follow from it."""

GAZES: Final[tuple[str, ...]] = ("left", "right", "up", "down", "away", "you")
"""Where a character can be asked to look: its own left and right; `you` is who it talks to."""

STRENGTHS: Final[dict[str, float]] = {"a little ": 0.35, "": 0.65, "very ": 1.0}
"""What stands before such a name, and how strong it is then."""

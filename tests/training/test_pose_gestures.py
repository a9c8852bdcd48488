import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from idol_protocol.channels import GESTURES, POSE_BONES
from training.humanoid.skeleton import forward_kinematics
from training.pose import arms
from training.pose.capsules import depth_m
from training.pose.gesture_poses import ARMS, PAIRS, REACHES
from training.pose.gesture_times import GESTURE_SECONDS, STROKE_PHASE
from training.pose.gestures import gesture_motion
from training.pose.limits import excess_deg
from training.pose.posture import (
    ARM,
    LEFT_ARM,
    RIGHT_ARM,
    hips_m,
    index,
    mirrored,
    posture,
    posture_rotations,
)
from training.pose.solve_poses import RANGES_DEG, place_pair, solve_pair

STANDING = posture(
    left_down=74, left_bend=17, left_twist=14, right_down=74, right_bend=17, right_twist=14
)
AT = {bone: index for index, bone in enumerate(POSE_BONES)}


def pose_at(
    name: str, phase: torch.Tensor, *, hand: float = 1.0, variant: float = 0.5, size: float = 1.0
) -> torch.Tensor:
    """Postures [T, 38] of a standing body that makes the gesture."""
    row = phase[None]
    motion = gesture_motion(
        name, row, hand=torch.full_like(row, hand), size=torch.full_like(row, size),
        variant=torch.full_like(row, variant),
    )  # fmt: skip
    posture = STANDING + motion.cover * (motion.posture - STANDING) + motion.offset
    return posture[0]


def body(pose: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Local rotations, joints and world rotations of an upper body on straight legs."""
    upper = posture_rotations(pose)
    local = torch.cat([upper, torch.eye(3).expand(len(pose), 8, 3, 3)], dim=1)
    return local, *forward_kinematics(local, hips_m(pose))


def stroke(name: str, **options: float) -> tuple[torch.Tensor, torch.Tensor]:
    """Joints [22, 3] and world rotations at the stroke."""
    _, joints, world = body(pose_at(name, torch.tensor([STROKE_PHASE[name]]), **options))
    return joints[0], world[0]


@given(st.sampled_from(GESTURES), st.floats(-1, 1), st.floats(-1, 1), st.floats(0.6, 1.4))
@settings(deadline=None, max_examples=40)
def test_a_gesture_begins_and_ends_at_rest(
    name: str, hand: float, variant: float, size: float
) -> None:
    row = torch.tensor([[0.0, 1.0]])
    given = [torch.full_like(row, value) for value in (hand, size, variant)]
    motion = gesture_motion(name, row, hand=given[0], size=given[1], variant=given[2])
    assert motion.cover.abs().max() == 0
    assert motion.offset.abs().max() < 1e-4


@pytest.mark.parametrize("name", GESTURES)
def test_a_gesture_covers_a_channel_wholly_at_most(name: str) -> None:
    phase = torch.linspace(0, 1, 50)[None]
    one = torch.ones_like(phase)
    cover = gesture_motion(name, phase, hand=one, size=1.4 * one, variant=one).cover
    assert cover.min() >= 0
    assert cover.max() <= 1


@pytest.mark.parametrize("name", GESTURES)
@pytest.mark.parametrize("variant", [-1.0, 0.0, 1.0])
@pytest.mark.parametrize("size", [0.6, 1.4])
def test_a_gesture_is_possible_and_as_fast_as_people_are(
    name: str, variant: float, size: float
) -> None:
    frames = round(GESTURE_SECONDS[name] * 30)
    phase = torch.arange(frames + 1) / frames
    local, joints, world = body(pose_at(name, phase, variant=variant, size=size))
    turns = local[:-1].transpose(-1, -2) @ local[1:]
    cosine = (turns.diagonal(dim1=-2, dim2=-1).sum(-1) - 1) / 2
    assert torch.rad2deg(torch.arccos(cosine.clamp(-1, 1))).max() < 13
    assert excess_deg(local).max() == 0
    assert depth_m(joints, world).max() < 0.015
    hands = joints[:, [AT["leftHand"], AT["rightHand"]]]
    assert 30 * hands.diff(dim=0).norm(dim=-1).max() < 2.8


@pytest.mark.parametrize("name", GESTURES)
@pytest.mark.parametrize("variant", [-1.0, 1.0])
def test_a_gesture_has_no_kink(name: str, variant: float) -> None:
    steps = {}
    for frames in (1000, 2000):
        pose = pose_at(name, torch.arange(frames + 1) / frames, variant=variant).double()
        steps[frames] = (pose.diff(n=2, dim=0).abs().amax() * frames).item()
    # The jump of the slope between neighbours goes to 0 with the step where the slope has none.
    assert steps[2000] < 0.65 * steps[1000] + 0.5


@pytest.mark.parametrize("name", GESTURES)
@pytest.mark.parametrize("variant", [-0.7, 0.7])
def test_the_left_hand_does_what_the_right_hand_does_in_the_mirror(
    name: str, variant: float
) -> None:
    phase = torch.linspace(0, 1, 20)
    right, left = (pose_at(name, phase, hand=hand, variant=variant) for hand in (1.0, -1.0))
    torch.testing.assert_close(mirrored(right), left, atol=1e-3, rtol=0)


def facing(world: torch.Tensor, hand: str) -> torch.Tensor:
    return world[AT[hand]] @ torch.tensor([0.0, -1.0, 0.0])


def tip(joints: torch.Tensor, world: torch.Tensor, side: str) -> torch.Tensor:
    reach = torch.tensor([0.16 if side == "left" else -0.16, 0.0, 0.0])
    return joints[AT[f"{side}Hand"]] + world[AT[f"{side}Hand"]] @ reach


@pytest.mark.parametrize("variant", [-1.0, 0.0, 1.0])
def test_a_waving_hand_is_beside_the_head_and_shows_its_palm(variant: float) -> None:
    joints, world = stroke("wave", variant=variant)
    wrist = joints[AT["rightHand"]]
    assert wrist[1] > joints[AT["rightUpperArm"], 1] + 0.1
    assert wrist[0] < -0.2
    assert facing(world, "rightHand")[2] > 0.8


def test_a_wave_swings_to_and_fro() -> None:
    _, joints, world = body(pose_at("wave", torch.linspace(0.3, 0.7, 60), variant=0.0))
    ends = torch.stack([tip(j, w, "right")[0] for j, w in zip(joints, world, strict=True)])
    assert ends.max() - ends.min() > 0.15
    turns = (ends.diff().sign().diff() != 0).sum()
    assert turns >= 3


@pytest.mark.parametrize(("hand", "side"), [(1.0, "right"), (-1.0, "left")])
def test_pointing_arms_are_straight_and_level_and_the_face_turns_along(
    hand: float, side: str
) -> None:
    joints, world = stroke("point", hand=hand, variant=0.0)
    shoulder, wrist = joints[AT[f"{side}UpperArm"]], joints[AT[f"{side}Hand"]]
    assert (wrist - shoulder).norm() > 0.39
    assert abs((wrist - shoulder)[1].item()) < 0.08
    along = tip(joints, world, side) - wrist
    outward = -hand
    assert along[0] * outward > 0.08
    assert along[2] > 0.04
    assert world[AT["head"], 0, 2] * outward > 0.3


def test_a_shrug_lifts_the_shoulders_and_opens_the_palms() -> None:
    joints, world = stroke("shrug")
    for side in ("left", "right"):
        assert joints[AT[f"{side}UpperArm"], 1] > 1.27
        assert facing(world, f"{side}Hand")[1] > 0.7
        assert abs(joints[AT[f"{side}Hand"], 0].item()) > 0.3
    assert abs(world[AT["head"], 1, 0].item()) > 0.08


def test_cheering_arms_make_a_v_that_bounces() -> None:
    joints, _ = stroke("cheer")
    assert joints[[AT["leftHand"], AT["rightHand"]], 1].min() > 1.5
    assert joints[AT["leftHand"], 0] > joints[AT["leftLowerArm"], 0] + 0.03
    height = hips_m(pose_at("cheer", torch.linspace(0.2, 0.9, 60)))[:, 1]
    assert height.max() - height.min() > 0.02
    assert int((height.diff().sign().diff() > 0).sum()) >= 2


def test_a_heart_meets_over_the_head() -> None:
    joints, world = stroke("heart")
    ends = [tip(joints, world, side) for side in ("left", "right")]
    assert (ends[0] - ends[1]).norm() < 0.03
    assert min(end[1].item() for end in ends) > joints[AT["head"], 1] + 0.16
    assert joints[AT["leftLowerArm"], 0] > joints[AT["leftHand"], 0] + 0.08


def test_a_bow_bends_at_the_hips_and_keeps_its_balance() -> None:
    joints, world = stroke("bow")
    trunk = joints[AT["neck"]] - joints[AT["hips"]]
    assert 32 < torch.rad2deg(torch.atan2(trunk[2], trunk[1])) < 48
    assert joints[AT["hips"], 2] < -0.06
    assert world[AT["head"], 1, 2] < -0.5
    for side in ("left", "right"):
        hang = joints[AT[f"{side}Hand"]] - joints[AT[f"{side}UpperArm"]]
        assert hang[1] < -0.35


def test_who_thinks_holds_the_chin_and_the_elbow_and_looks_up() -> None:
    joints, world = stroke("think")
    chin = joints[AT["head"]] + world[AT["head"]] @ torch.tensor([0.0, 0.0, 0.09])
    fingers = 0.5 * (joints[AT["rightHand"]] + tip(joints, world, "right"))
    assert (fingers - chin).norm() < 0.12
    palm = 0.5 * (joints[AT["leftHand"]] + tip(joints, world, "left"))
    assert (palm - joints[AT["rightLowerArm"]]).norm() < 0.1
    assert world[AT["head"], 1, 2] > 0.05


def test_clapping_hands_meet_four_or_five_times_first_at_the_stroke() -> None:
    phase = torch.arange(400) / 400
    _, joints, world = body(pose_at("clap", phase, variant=0.0))
    apart = (joints[:, AT["leftHand"]] - joints[:, AT["rightHand"]]).norm(dim=-1)
    assert apart.min() > 0.05
    near = apart < 0.11
    assert int((near[1:] & ~near[:-1]).sum()) in (4, 5)
    joints, world = stroke("clap", variant=0.0)
    assert (joints[AT["leftHand"]] - joints[AT["rightHand"]]).norm() < 0.1
    assert facing(world, "leftHand") @ facing(world, "rightHand") < -0.8


def test_a_nod_is_lowest_and_a_shaken_head_turned_farthest_at_the_stroke() -> None:
    phase = torch.linspace(0, 1, 101)
    nod = pose_at("nod", phase)[:, index("head_pitch")]
    assert abs(phase[nod.argmax()].item() - STROKE_PHASE["nod"]) < 0.03
    shake = pose_at("shake", phase)[:, index("head_yaw")]
    assert abs(phase[shake.abs().argmax()].item() - STROKE_PHASE["shake"]) < 0.03
    assert shake.min() < -10
    assert shake.max() > 10


@pytest.mark.parametrize(("left", "right"), PAIRS)
def test_arms_of_the_table_reach_what_they_were_solved_for(left: str, right: str) -> None:
    joints, _, depth = place_pair(
        torch.tensor(ARMS[left]).double().numpy(), torch.tensor(ARMS[right]).double().numpy()
    )
    for name, side, sign in ((left, "left", 1.0), (right, "right", -1.0)):
        at = torch.from_numpy(joints[AT[f"{side}Hand"]]) * torch.tensor([sign, 1.0, 1.0])
        assert (at - torch.tensor(REACHES[name].wrist)).norm() < 0.025
        for joint, angle in zip(ARM, ARMS[name], strict=True):
            low, high = RANGES_DEG[joint]
            assert low <= angle <= high
    assert depth.max() < 0.01


def test_solving_again_gives_the_table() -> None:
    angles, _ = solve_pair(REACHES["vee"])
    assert abs(angles - torch.tensor(ARMS["vee"]).numpy()).max() < 2


@pytest.mark.parametrize("name", arms.SPEECH_GESTURES)
def test_hands_that_beat_do_not_pass_through_each_other(name: str) -> None:
    pose = torch.zeros(1, 38)
    pose[0, LEFT_ARM] = pose[0, RIGHT_ARM] = torch.tensor(arms.SPEECH_GESTURES[name]).float()
    _, joints, world = body(pose)
    assert depth_m(joints, world).max() < 0.01

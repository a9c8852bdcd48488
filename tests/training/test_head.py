import contextlib
import json
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from export.avatar import build_avatar
from idol_protocol.channels import ARKIT_BLENDSHAPES
from training.face.head import Head, arkit_name
from training.gltf import Glb, GltfError

JAW = ARKIT_BLENDSHAPES.index("jawOpen")
FLOAT, U16, VEC3 = 5126, 5123, "VEC3"


def glb_bytes(document: dict[str, Any], binary: bytes = b"") -> bytes:
    text = json.dumps(document).encode()
    text += b" " * (-len(text) % 4)
    body = struct.pack("<I4s", len(text), b"JSON") + text
    if binary:
        binary += b"\0" * (-len(binary) % 4)
        body += struct.pack("<I4s", len(binary), b"BIN\0") + binary
    return struct.pack("<4sII", b"glTF", 2, 12 + len(body)) + body


def triangle(**node: Any) -> tuple[dict[str, Any], bytes]:
    """One triangle whose `JawOpen` moves its second vertex down, in a sparse accessor."""
    corners = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0]], "<f4")
    moved, place = np.array([[0, -0.5, 0]], "<f4"), np.array([1, 0], "<u2")
    parts = [corners.tobytes(), moved.tobytes(), place.tobytes()]
    starts = np.cumsum([0, *map(len, parts)]).tolist()
    views = [
        {"buffer": 0, "byteOffset": start, "byteLength": len(part)}
        for start, part in zip(starts, parts, strict=False)
    ]
    sparse = {
        "count": 1,
        "indices": {"bufferView": 2, "componentType": U16},
        "values": {"bufferView": 1},
    }
    document = {
        "asset": {"version": "2.0"},
        "nodes": [{"mesh": 0} | node],
        "bufferViews": views,
        "accessors": [
            {"bufferView": 0, "componentType": FLOAT, "count": 3, "type": VEC3},
            {"componentType": FLOAT, "count": 3, "type": VEC3, "sparse": sparse},
        ],
        "meshes": [
            {
                "extras": {"targetNames": ["unknown", "JawOpen"]},
                "primitives": [
                    {
                        "attributes": {"POSITION": 0},
                        "targets": [{"POSITION": 0}, {"POSITION": 1}],
                    }
                ],
            }
        ],
    }
    return document, b"".join(parts)


def opened(path: Path, document: dict[str, Any], binary: bytes) -> Head:
    path.write_bytes(glb_bytes(document, binary))
    return Head.open(path)


@pytest.fixture(scope="module")
def avatar(tmp_path_factory: pytest.TempPathFactory) -> Head:
    path = tmp_path_factory.mktemp("avatar") / "avatar.vrm"
    path.write_bytes(build_avatar())
    return Head.open(path)


def weights(**values: float) -> np.ndarray[Any, np.dtype[np.float32]]:
    row = np.zeros((1, len(ARKIT_BLENDSHAPES)), np.float32)
    for name, value in values.items():
        row[0, ARKIT_BLENDSHAPES.index(name)] = value
    return row


@pytest.mark.slow
def test_the_avatar_has_every_blendshape_and_the_size_of_a_head(avatar: Head) -> None:
    assert avatar.names == set(ARKIT_BLENDSHAPES)
    assert (np.abs(avatar.morphs).max(axis=(1, 2)) > 0.001).all()
    width, height, _ = avatar.rest.max(axis=0) - avatar.rest.min(axis=0)
    assert 0.1 < width < height < 0.3


def test_no_weight_is_the_rest_and_weights_add_up(avatar: Head) -> None:
    none, jaw, smile, both = (
        avatar.vertices(weights(**values))[0]
        for values in (
            {},
            {"jawOpen": 0.5},
            {"mouthSmileLeft": 1.0},
            {"jawOpen": 0.5, "mouthSmileLeft": 1.0},
        )
    )
    np.testing.assert_array_equal(none, avatar.rest)
    np.testing.assert_allclose(both - none, (jaw - none) + (smile - none), atol=1e-6)
    np.testing.assert_allclose(jaw - none, 0.5 * avatar.morphs[JAW], atol=1e-6)


def test_lips_are_a_small_region_in_front_below_the_eyes_and_the_brows(avatar: Head) -> None:
    lips, upper = avatar.rest[avatar.lips], avatar.rest[avatar.upper]
    assert len(lips) > 50
    assert len(upper) > 50
    assert not set(avatar.lips) & set(avatar.upper)
    assert lips[:, 1].max() < upper[:, 1].min()
    width, height, _ = lips.max(axis=0) - lips.min(axis=0)
    assert width < 0.05
    assert height < 0.03
    assert lips[:, 2].min() > 0.04  # nothing of the back of the head
    assert abs(lips[:, 0].mean()) < 0.002


def test_opening_the_jaw_moves_the_lips_apart_and_blinking_leaves_them(avatar: Head) -> None:
    rest = avatar.vertices(weights())[0, avatar.lips]
    opened_mouth = avatar.vertices(weights(jawOpen=0.7))[0, avatar.lips]
    blink = avatar.vertices(weights(eyeBlinkLeft=1, eyeBlinkRight=1))[0]
    assert np.ptp(opened_mouth[:, 1]) > np.ptp(rest[:, 1]) + 0.005
    assert np.abs(blink[avatar.lips] - rest).max() < 1e-4
    assert np.abs(blink - avatar.rest)[avatar.upper].max() > 0.005


def test_weights_of_another_width_are_refused(avatar: Head) -> None:
    with pytest.raises(ValueError, match=r"\[frames, 52\], found \[2, 59\]; leave head"):
        avatar.vertices(np.zeros((2, 59)))


def test_a_sparse_morph_target_is_read(tmp_path: Path) -> None:
    head = opened(tmp_path / "a.glb", *triangle())
    assert head.names == {"jawOpen"}
    moved = head.vertices(weights(jawOpen=1.0))[0] - head.rest
    assert moved.tolist() == [[0, 0, 0], [0, -0.5, 0], [0, 0, 0]]


def test_a_node_places_its_mesh_unless_the_mesh_is_skinned(tmp_path: Path) -> None:
    turned = {"rotation": [0, 0, np.sqrt(0.5), np.sqrt(0.5)], "scale": [2, 2, 2]}
    moved = {"translation": [0, 0, 3], **turned}
    head = opened(tmp_path / "a.glb", *triangle(**moved))
    np.testing.assert_allclose(head.rest, [[0, 0, 3], [0, 2, 3], [-2, 0, 3]], atol=1e-6)
    np.testing.assert_allclose(head.morphs[JAW][1], [1, 0, 0], atol=1e-6)
    document, binary = triangle()
    document["nodes"] = [{"children": [1], "translation": [0, 5, 0]}, document["nodes"][0]]
    assert opened(tmp_path / "b.glb", document, binary).rest[0].tolist() == [0, 5, 0]
    document["nodes"][1]["skin"] = 0
    assert opened(tmp_path / "c.glb", document, binary).rest[0].tolist() == [0, 0, 0]


@pytest.mark.parametrize(
    ("spelled", "name"),
    [
        ("jawOpen", "jawOpen"),
        ("EyeBlink_L", "eyeBlinkLeft"),
        ("blendShape1.browOuterUp_R", "browOuterUpRight"),
        ("MouthSmileLeft", "mouthSmileLeft"),
        ("tongueOut", "tongueOut"),
        ("Fcl_MTH_A", None),
        ("", None),
    ],
)
def test_common_spellings_of_arkit_names_are_understood(spelled: str, name: str | None) -> None:
    assert arkit_name(spelled) == name


def test_what_is_not_a_head_is_answered_with_how_to_get_one(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match=r"found none; `python -m export\.avatar"):
        Head.open(tmp_path / "nowhere.vrm")
    document, binary = triangle()
    document["meshes"][0]["extras"] = {}
    with pytest.raises(SystemExit, match="expected a mesh with ARKit morph targets"):
        opened(tmp_path / "plain.glb", document, binary)
    (tmp_path / "text.vrm").write_text("hello, this is a text of more than twenty bytes")
    with pytest.raises(SystemExit, match="it begins with b'hell'"):
        Head.open(tmp_path / "text.vrm")


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (lambda d: d["accessors"][0].update(count=4), "4 rows of 12 bytes"),
        (lambda d: d["accessors"][0].update(componentType=9), "accessor 0"),
        (lambda d: d["bufferViews"][0].update(byteLength=9999), "inside the file"),
        (lambda d: d["meshes"][0]["primitives"][0]["attributes"].clear(), "POSITION"),
        (lambda d: d["nodes"].append({"children": [1]}), "circle"),
        (lambda d: d["accessors"][1]["sparse"].update(count=2), "expected 2 rows"),
    ],
)
def test_a_broken_document_is_refused_in_words(tmp_path: Path, change: Any, problem: str) -> None:
    document, binary = triangle()
    change(document)
    with pytest.raises(SystemExit, match=problem):
        opened(tmp_path / "a.glb", document, binary)


@given(st.integers(0, 700), st.binary(max_size=4))
def test_a_cut_or_overwritten_file_is_a_value_error_or_a_document(cut: int, junk: bytes) -> None:
    whole = glb_bytes(*triangle())
    for content in (whole[:cut], whole[:cut] + junk + whole[cut + len(junk) :]):
        with contextlib.suppress(GltfError):  # any other error fails the test
            assert isinstance(Glb.parse(content).document, dict)


@given(st.binary(max_size=60))
def test_bytes_that_are_no_glb_are_a_value_error(content: bytes) -> None:
    with pytest.raises(GltfError, match="expected"):
        Glb.parse(b"glTF" + struct.pack("<II", 2, 12 + len(content)) + content)

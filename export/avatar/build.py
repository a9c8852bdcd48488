"""Puts the avatar together: parts, bones, materials, expressions, one GLB file."""

from dataclasses import replace

from export.avatar.body import bare_skin
from export.avatar.features import FeatureBuilder
from export.avatar.geometry import Mesh, merge
from export.avatar.gltf import AvatarWriter
from export.avatar.hair import TIE, HairBuilder
from export.avatar.head import CENTRE, EyeShape, HeadShape, build_skin
from export.avatar.materials import toon_material
from export.avatar.outfit import hair_ribbon, outfit, skirt_bones, skirt_springs
from export.avatar.paint import paint_face, paint_features, paint_hair
from export.avatar.paint_cloth import paint_cloth
from export.avatar.png import encode_png
from export.avatar.skeleton import COLLIDERS, humanoid_bones
from export.avatar.style import AvatarStyle
from export.avatar.vrm import spring_extension, vrm_extension
from idol_protocol.channels import ARKIT_BLENDSHAPES


def build_avatar(style: AvatarStyle | None = None) -> bytes:
    """A VRM 1.0 character as a GLB file: 52 bones, 52 ARKit morph targets, cel shading, springs.

    She stands in the T-pose, faces +Z, her left is +X, about 1.6 m tall. The same style gives the
    same bytes.
    """
    style = style or AvatarStyle()
    shape = HeadShape(eye=EyeShape().scaled(style.eye_scale))
    builder = FeatureBuilder(shape, build_skin(shape))
    skin, features, brows = (
        _on_neck(part) for part in (builder.face_skin(), builder.features(), builder.brows())
    )
    hair = HairBuilder(shape, style.twin_tails)
    bones = humanoid_bones()
    names = [bone.name for bone in bones]
    bones = [*bones, *hair.bones(), *skirt_bones()]
    writer = AvatarWriter()
    nodes = writer.skeleton(bones)
    joints = writer.skin(bones, nodes)
    face_paint = writer.texture("face", encode_png(paint_face(style, shape)))
    feature_paint = writer.texture("features", encode_png(paint_features(style)))
    skin_look = writer.material(
        toon_material("skin", face_paint, style.skin_shade, outline="#8a4a4a", outline_m=0.0006)
    )
    feature_look = writer.material(
        toon_material("features", feature_paint, "#ffffff", double_sided=True)
    )
    brow_look = writer.material(toon_material("brow", feature_paint, "#ffffff", double_sided=True))
    face = writer.mesh(
        "face",
        [
            writer.primitive(skin, skin_look, bones, ARKIT_BLENDSHAPES),
            writer.primitive(features, feature_look, bones, ARKIT_BLENDSHAPES),
            writer.primitive(brows, brow_look, bones, ARKIT_BLENDSHAPES),
        ],
        joints,
        ARKIT_BLENDSHAPES,
    )
    hair_paint = writer.texture("hair", encode_png(paint_hair(style)))
    hair_look = writer.material(
        toon_material(
            "hair",
            hair_paint,
            "#c9b8e8",
            outline="#5b3f86",
            shift=-0.02,
            rim=0.08,
            double_sided=True,
        )
    )
    locks = writer.mesh(
        "hair", [writer.primitive(_on_neck(hair.mesh()), hair_look, bones, ())], joints, ()
    )
    cloth_paint = writer.texture("cloth", encode_png(paint_cloth(style)))
    cloth_look = writer.material(
        toon_material(
            "cloth", cloth_paint, "#b9b2dd", outline="#3d2f66", rim=0.06, double_sided=True
        )
    )
    clothes = outfit()
    if style.twin_tails:
        ribbon = hair_ribbon(TIE + CENTRE)
        clothes = merge([clothes, ribbon, ribbon.mirrored()])
    body = writer.mesh(
        "body",
        [
            writer.primitive(bare_skin(), skin_look, bones, ()),
            writer.primitive(clothes, cloth_look, bones, ()),
        ],
        joints,
        (),
    )
    writer.document |= {
        "scene": 0,
        "scenes": [{"nodes": [nodes["hips"], face, locks, body]}],
        "extensionsUsed": [
            "VRMC_vrm",
            "VRMC_springBone",
            "VRMC_materials_mtoon",
            "KHR_materials_unlit",
        ],
        "extensions": {
            "VRMC_vrm": vrm_extension(style.name, nodes, face, names),
            "VRMC_springBone": spring_extension(
                [*hair.springs(), *skirt_springs()], COLLIDERS, nodes
            ),
        },
    }
    return writer.glb()


def _on_neck(mesh: Mesh) -> Mesh:
    return replace(mesh, positions=mesh.positions + CENTRE)

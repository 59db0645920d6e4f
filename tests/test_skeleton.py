import pytest
import yaml

from posepyr import skeleton
from posepyr.skeleton import Skeleton
from support.places import CONF

THREE = {"name": "three", "joints": ["nose", "left_eye", "right_eye"]}


def test_mirroring_twice_changes_nothing() -> None:
    skeleton = Skeleton(**THREE, flip_pairs=[["left_eye", "right_eye"]])
    order = skeleton.flip_order
    assert order == (0, 2, 1)
    assert tuple(order[index] for index in order) == (0, 1, 2)


def test_limbs_are_found_by_name() -> None:
    assert Skeleton(**THREE, limbs=[["nose", "right_eye"]]).limb_indices == ((0, 2),)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"joints": ["nose", "nose"]}, "joints must be distinct names"),
        ({"joints": []}, "joints must be distinct names"),
        ({"flip_pairs": [["left_eye", "rigth_eye"]]}, "flip_pairs must name joints of it, got 'rigth_eye'"),
        ({"flip_pairs": [["left_eye", "right_eye"], ["nose", "left_eye"]]}, "each joint at most once"),
        ({"limbs": [["nose"]]}, "limbs must hold pairs of joint names"),
        ({"sigmas": [0.1]}, "one number for each of the 3 joints, got 1"),
        ({"sigmas": [0.1, 0.1, 0]}, "sigmas must be positive"),
        ({"unit": ["nose", "tail"]}, "unit must name joints of it, got 'tail'"),
    ],
)
def test_a_wrong_skeleton_says_what_is_wrong(change, message) -> None:
    with pytest.raises(ValueError, match=message):
        Skeleton(**(THREE | change))


def test_an_unknown_joint_is_named() -> None:
    with pytest.raises(ValueError, match="got 'ear'"):
        Skeleton(**THREE).index("ear")


@pytest.mark.parametrize("name", ["mpii", "coco", "lsp", "posetrack", "ai_challenger"])
def test_the_configuration_has_the_joints_in_the_same_order(name: str) -> None:
    content = yaml.safe_load((CONF / "skeleton" / f"{name}.yaml").read_text(encoding="utf-8"))
    assert tuple(content["joints"]) == getattr(skeleton, f"{name.upper()}_JOINTS")

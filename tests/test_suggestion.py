from posepyr.suggestion import suggestion


def test_near_names_come_with_their_full_key() -> None:
    assert suggestion("stcks", ["stacks", "width"], "model.") == "did you mean model.stacks?"


def test_where_nothing_is_near_all_are_named() -> None:
    assert suggestion("zzz", ["b", "a"]) == "there is a, b"
    assert suggestion("zzz", []) == "there is none"


def test_a_long_list_is_cut() -> None:
    names = [f"key{number:02d}" for number in range(20)]
    assert suggestion("zzz", names) == f"there is {', '.join(names[:12])} and 8 more"
    assert suggestion("lr", [*names, "learning_rate"], "x.").startswith("did you mean x.") is False
    assert suggestion("rate", [*names, "learning_rate"], "x.") == "did you mean x.learning_rate?"

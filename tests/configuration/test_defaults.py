from posepyr.configuration.defaults import complete


def test_completion_keeps_what_is_said_and_adds_what_is_not() -> None:
    block = complete({"_target_": "support.cli_parts.Block", "levels": 2})
    assert block == {"_target_": "support.cli_parts.Block", "levels": 2, "variant": "A", "scale": 1.0}
    assert list(block)[:2] == ["_target_", "levels"]
    assert complete([{"_target_": "support.cli_parts.Sheet"}, 3]) == [
        {"_target_": "support.cli_parts.Sheet", "count": 8},
        3,
    ]
    assert complete({"_target_": "no.such.thing", "a": 1}) == {"_target_": "no.such.thing", "a": 1}
    assert complete({"_target_": "${target}"}) == {"_target_": "${target}"}

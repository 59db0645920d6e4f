"""Networks read from the files alone; test_recipes holds them against what is composed."""

from posepyr.configuration.catalogue import search_folders
from posepyr.configuration.outline import outline


def test_inherited_choices_give_way_to_an_experiments_own_and_these_to_overrides() -> None:
    folders = search_folders()
    assert outline(folders, "pyranet/mpii").network["stacks"] == 8
    two = outline(folders, "pyranet/mpii_ablation", ["model.block.variant=A"])
    assert (two.network["stacks"], two.network["block"]["variant"], two.network["joints"]) == (2, "A", 16)
    wide = outline(folders, "ppnet/coco_baselines", ["model=hrnet_w48", "input=384x288"])
    assert (wide.network["width"], wide.network["joints"], wide.input) == (48, 17, (3, 384, 288))


def test_a_classifier_takes_the_models_place() -> None:
    sketch = outline(search_folders(), "cifar10/resnext", ["classifier.cardinality=4"])
    assert sketch.network == {"_target_": "posepyr.models.resnext.ResNeXt", "cardinality": 4}
    assert sketch.input == (3, 32, 32)


def test_one_outline_does_not_change_the_next() -> None:
    folders = search_folders()
    first = outline(folders, None, ["model.stacks=7"])
    assert first.network["stacks"] == 7
    assert "stacks" not in outline(folders, None).network

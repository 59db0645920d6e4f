"""The scores of a classifier's checkpoint: how often the right class is the first, or among the first five."""

from collections.abc import Sequence
from typing import Any

from posepyr.checkpoints.recipe import read_classifier_recipe
from posepyr.checkpoints.weights import load_model
from posepyr.configuration.networks import Config
from posepyr.data.module import ClassificationDataModule
from posepyr.errors import UsageError
from posepyr.evaluation.single_pass import Evaluation, scores_of, trusted_packages
from posepyr.nodes import build, find
from posepyr.ranks import is_first
from posepyr.training.classification import ClassificationTask


def has_classes(config: Config) -> bool:
    """Return True if a configuration's data are pictures of classes, as classifiers have, rather than people."""
    target = find(config["data"])
    return isinstance(target, type) and issubclass(target, ClassificationDataModule)


def evaluate_classifier(config: Config, content: dict[str, Any], evaluation: Evaluation) -> dict[str, float]:
    """Score a classifier on ``config``'s pictures, cut to the size that it was trained on; write the scores."""
    where, split = str(evaluation.checkpoint), evaluation.split
    recipe = read_classifier_recipe(content, where)
    if not has_classes(config):
        raise UsageError(
            f"data must have pictures of classes for a classifier, as data=imagenet or data=cifar10: {where} is one; "
            f"got people, {config['data']['source']['_target_']}"
        )
    cut = {**config["data"]["cut"], "size": list(recipe.input_size)}
    data: ClassificationDataModule = build(
        {**config["data"], "cut": cut}, "data", seed=config["seed"], test_split=split
    )
    check_classes(recipe.classes, data.source.classes, where)
    task = ClassificationTask(load_model(content, trusted_packages(config), where), recipe=recipe)
    scores = scores_of(config, evaluation, split, task=task, data=data)
    report = {
        "name": split,
        "checkpoint": where,
        "split": split,
        "pictures": len(data.samples(split)),
        "classes": len(recipe.classes),
        "data": config["data"]["source"],
        "cut": cut,
        "shown": str(data.cut),
        "input_size": list(recipe.input_size),
        "scores": scores,
    }
    evaluation.tell(f"{split}: {report['pictures']} pictures of {report['classes']} classes, {data.cut}, seen once")
    if is_first():
        evaluation.write_reports([report])
    return scores


def check_classes(trained: Sequence[str], present: Sequence[str], where: str) -> None:
    """Raise unless a data set has a network's classes in its order; converted files know only their number."""
    nameless = list(trained) == [str(number) for number in range(len(trained))]
    if len(trained) != len(present) or not (nameless or list(trained) == list(present)):
        different = next((pair for pair in zip(trained, present, strict=False) if pair[0] != pair[1]), None)
        first = f", first {different[0]!r} against {different[1]!r}" if different and not nameless else ""
        raise UsageError(
            f"data must have the {len(trained)} classes of {where}, in their order, got {len(present)}{first}"
        )

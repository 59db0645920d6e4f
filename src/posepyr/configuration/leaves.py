"""Answers to unknown keys: keys deeper in the configuration, also for the words of other programs."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from posepyr.errors import near_names, suggestion

FOREIGN = {
    "trainer.max_epochs={}": "epochs epoch num_epochs n_epochs nepochs total_epochs",
    "trainer.devices={}": "gpus gpu num_gpus n_gpus ngpus n_gpu device num_devices nproc_per_node",
    "trainer.precision=16-mixed": "amp fp16 half mixed_precision",
    "trainer.precision=bf16-mixed": "bf16",
    "trainer.gradient_clip_val={}": "clip grad_clip clip_grad gradient_clip",
    "data.batch_size={}": "bs batch batchsize train_batch train_batch_size total_batch_size",
    "data.device_batch={}": "batch_size_per_gpu per_device_batch_size micro_batch",
    "data.workers={}": "num_workers n_workers nworkers j threads_per_loader",
    "data.input_size={}": "img_size image_size imgsz inp_res input_res resolution crop_size",
    "data.source.folder={}": "data_dir data_root data_path root dataset_root image_path",
    "optimizer.lr={}": "learning_rate lrate base_lr init_lr",
    "optimizer.weight_decay={}": "wd decay",
    "model.stacks={}": "stack num_stacks nstack n_stack nstacks",
    "model={}": "arch backbone net network model_name",
    "data={}": "dataset dataset_name",
    "scheduler.drops={}": "lr_step lr_steps milestones lr_drops",
    "name={}": "run_name exp_name experiment_name",
    "seed={}": "random_seed manual_seed",
    "logger=wandb": "wandb use_wandb",
    "hydra.run.dir={}": "output_dir out_dir outdir save_dir work_dir log_dir",
    "--resume {}": "resume resume_from resume_from_checkpoint ckpt_path",
    "init=pretrained init.file={}": "pretrained pretrained_weights load_from weights",
}
"""What we call what other programs call otherwise; ``{}`` stands for the value that was given."""

NEAR_TOP, NEAR = 0.65, 0.8
"""The least likeness of keys that are worth naming: of the few at the top, and of the many below."""


def paths(config: Mapping[str, Any], above: str = "") -> Iterator[str]:
    """Yield the dotted keys of all values below a configuration's groups."""
    for key, value in config.items():
        path = f"{above}.{key}" if above else str(key)
        if isinstance(value, Mapping):
            yield from paths(value, path)
        elif above and key != "_target_":
            yield path


def corrected(key: str, value: str, leaves: Collection[str], top: Collection[str]) -> list[str]:
    """Return the arguments that an unknown ``key=value`` means by another name, at most three.

    Keys of the same name come first, the least deep of them before the others, then words of other programs. ``top``
    are the keys that stand in no group.
    """
    exact = [key] if key in top else [leaf for leaf in leaves if _last(leaf) == key]
    if exact:
        return _arguments(exact, value)
    plain = key.replace("-", "_").lower()
    for template, words in FOREIGN.items():
        ours, equals, _ = template.partition("=")
        there = not equals or ours in top or ours in leaves or ours.startswith("hydra.")
        if there and plain in words.split():
            return [template.format(value)]
    return []


def nearest(key: str, value: str, leaves: Collection[str], top: Collection[str]) -> list[str]:
    """Return the arguments whose keys are much like an unknown one, at most three: of ``top``, else of ``leaves``."""
    plain = key.replace("-", "_").lower()
    if close := near_names(plain, top, NEAR_TOP, most=1):
        return _arguments(close, value)
    close = near_names(plain, map(_last, leaves), NEAR, most=1)
    return _arguments([leaf for leaf in leaves if _last(leaf) in close], value)


def _last(path: str) -> str:
    return path.rpartition(".")[2]


def _arguments(keys: Sequence[str], value: str) -> list[str]:
    return [f"{key}={value}" for key in sorted(keys, key=lambda key: (key.count("."), key))[:3]]


def unknown_key(key: str, value: Any, config: Mapping[str, Any], top: Collection[str]) -> str:
    """Return the message that a key is none of a configuration, with what may have been meant.

    ``value`` is what stands under the key; of ``train.epochs=3`` a mapping, whose inner key tells more.
    """
    name, inner = key, value
    while isinstance(inner, Mapping) and len(inner) == 1 and "_target_" not in inner:
        [(name, inner)] = inner.items()
    leaves = [path for path in paths(config) if path.partition(".")[0] in top]
    question = str(name), spelled(inner), leaves, top
    meant = corrected(*question) or nearest(*question)
    return f"{key} is no key of the configuration; {did_you_mean(meant) or suggestion(key, top)}"


def did_you_mean(meant: Sequence[str]) -> str:
    """Return the end of a message that names what may have been meant; nothing for nothing."""
    return f"did you mean {' or '.join(meant)}?" if meant else ""


def spelled(value: Any) -> str:
    """Return a value as it is written in an override."""
    if isinstance(value, str):
        return value
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key}: {spelled(inner)}" for key, inner in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(spelled, value)) + "]"
    return "null" if value is None else str(value).lower()

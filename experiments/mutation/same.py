"""Compare small networks with a mutant in place to the same networks without it: outputs and all gradients.

``python experiments/mutation/same.py`` does so for all structural mutants of ``models/`` and ``layers/`` that
``equivalent.csv`` says change nothing, ``--names`` for others. It ends with 1 where one of them changes a number.
"""

import argparse
import hashlib
import os
import sys
from collections.abc import Iterator
from functools import partial
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import torch
from children import Task, in_children, warm_up
from mutate import all_mutants
from report import read_reasons
from sources import ROOT, Mutant
from trials import MutantFinder

LIMIT = 600.0
"""Seconds for one mutant."""

SIDE = 64


def networks() -> Iterator[Any]:
    """Iterate over small networks of all families, in the variants that run different code."""
    from posepyr.layers.pyramid_path import PyramidPaths
    from posepyr.models.hrnet import HRNet, HRNetClassifier
    from posepyr.models.ppnet import PPNetClassifier
    from posepyr.models.resnet import ResNetClassifier
    from posepyr.models.resnext import ResNeXt
    from posepyr.models.wide_resnet import WideResNet
    from support.reduced import DISTINCT, network, reduced

    yield from (network(reduced(name)) for name in DISTINCT)
    small = {"width": 4, "modules": (1, 2, 2), "blocks": 1}
    yield from (
        HRNet(3, **small, exchange=exchange, resolutions=resolutions)
        for exchange, resolutions in (("last", "gradual"), ("stage_ends", "from_start"), ("all", "single"))
    )
    yield HRNetClassifier(5, **small)
    yield from (PPNetClassifier(5, blocks=1, width=4, reinject=way) for way in ("branch_output", "module_input"))
    yield ResNetClassifier(3, width=4)
    for pyramid in (None, PyramidPaths(levels=2), PyramidPaths(levels=2, pool="bilinear")):
        yield ResNeXt(5, depth=11, cardinality=2, width=4, pyramid=pyramid)
        yield WideResNet(5, depth=10, widen=1, pyramid=pyramid)


def numbers(mutant: Mutant | None) -> dict[str, str]:
    """Return hashes of training and evaluation for each network that may run a mutant; called in a child."""
    if mutant is not None:
        sys.meta_path.insert(0, MutantFinder(mutant))
    sys.path.insert(0, str(ROOT / "tests"))
    torch.manual_seed(0)
    return {
        str(number): " ".join(_hash(model.train(training)) for training in (True, False))
        for number, model in enumerate(map(_disturbed, networks()))
        if mutant is None or _may_run(model, mutant.file)
    }


def _may_run(model: Any, file: str) -> bool:
    """Return False for a network of whose modules none is of a model's file; functions of layers may run anywhere."""
    module = f"posepyr.{file.removesuffix('.py').replace('/', '.')}"
    return file.startswith("layers/") or any(type(part).__module__ == module for part in model.modules())


def _disturbed(model: Any) -> Any:
    """Give a network weights that hide nothing: scales of norms have both signs."""
    generator = torch.Generator().manual_seed(1)
    for weight in model.double().parameters():
        spread = weight[0].numel() ** -0.5 if weight.ndim > 1 else 1.0
        weight.data = spread * torch.randn(weight.shape, generator=generator, dtype=weight.dtype)
    return model


def _hash(model: Any) -> str:
    model.zero_grad()
    image = torch.rand(2, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(2), dtype=torch.float64) * 255
    outputs = model(image)
    outputs = outputs if isinstance(outputs, tuple) else (outputs,)
    torch.stack([(output * output.detach().cos()).sum() for output in outputs]).sum().backward()
    tensors = [*outputs, *(weight.grad for weight in model.parameters() if weight.grad is not None)]
    # The two zeros are one number.
    return hashlib.sha256(b"".join((0.0 + tensor.detach()).numpy().tobytes() for tensor in tensors)).hexdigest()


def main() -> int:
    """Print the mutants that change a number."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--names", nargs="*", help="only these mutants")
    asked = parser.parse_args()
    warm_up()
    names = asked.names or read_reasons()
    chosen = [mutant for mutant in all_mutants() if mutant.name in names and (asked.names or mutant.structural)]
    tasks = (Task(mutant, partial(numbers, mutant), LIMIT) for mutant in (None, *chosen))
    found = {task.subject: answer for task, answer, _ in in_children(tasks, asked.processes)}
    whole = found[None]
    different = [mutant for mutant in chosen if not found[mutant] or not found[mutant].items() <= whole.items()]
    for mutant in different:
        print(mutant.name, f"{mutant.file}:{mutant.line}", " ".join(mutant.after.split()))
    print(f"{len(chosen) - len(different)} of {len(chosen)} change nothing")
    return bool(different)


if __name__ == "__main__":
    sys.exit(main())

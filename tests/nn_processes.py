"""Two processes over gloo with half a batch each, against one: the largest differences, as JSON.

`python -m tests.nn_processes FILE`; the processes meet through FILE, which must not exist.
"""

import copy
import json
import sys
from collections.abc import Callable
from functools import partial

import torch
import torch.distributed as dist
import torch.multiprocessing as mp
from torch import nn
from torch.distributed.checkpoint.state_dict import StateDictOptions, get_model_state_dict
from torch.distributed.fsdp import fully_shard
from torch.nn.parallel import DistributedDataParallel

from overparam.nn import EndToEnd, collapse, overparameterize, parameter_groups

PROCESSES, ROWS = 2, 8
OPTIMIZERS: dict[str, Callable[[nn.Module], torch.optim.Optimizer]] = {
    "SGD": lambda model: torch.optim.SGD(model.parameters(), 0.2),
    "AdamW": lambda model: torch.optim.AdamW(model.parameters(), 0.01),
    "EndToEnd": lambda model: EndToEnd(parameter_groups(model), 0.05, 2.5, weight_decay=0.01),
}


def network(outputs: int = 10) -> nn.Sequential:
    torch.manual_seed(1)
    return nn.Sequential(nn.Linear(20, 16), nn.Tanh(), nn.Linear(16, outputs))


def batch() -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    return torch.randn(PROCESSES * ROWS, 20, generator=generator), torch.randn(
        PROCESSES * ROWS, 1, generator=generator
    )


def train(model: nn.Module, optimizer: str, rows: slice) -> nn.Module:
    chosen = OPTIMIZERS[optimizer](model)
    x, y = batch()
    for _ in range(20):
        chosen.zero_grad()
        (model(x[rows]) - y[rows]).square().mean().backward()
        chosen.step()
    return model


def sharded(model: nn.Module, each: bool) -> nn.Module:
    for layer in model.children():
        if each and isinstance(layer, nn.Linear):
            fully_shard(layer)
    fully_shard(model)
    return model


def difference(found: nn.Module, wanted: nn.Module) -> float:
    pairs = zip(found.parameters(), wanted.parameters(), strict=True)
    gaps = [
        ((a.full_tensor() if hasattr(a, "full_tensor") else a) - b).abs().max() for a, b in pairs
    ]
    return float(torch.stack(gaps).max().detach())


def refusal(call: Callable[[], object]) -> str:
    try:
        call()
    except ValueError as error:
        return str(error)
    return ""


def work(rank: int, file: str) -> None:
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=f"file://{file}", rank=rank, world_size=PROCESSES)
    mine, whole = slice(rank * ROWS, (rank + 1) * ROWS), slice(None)
    found: dict[str, float | str] = {}
    for optimizer in ("SGD", "AdamW"):
        wanted = train(overparameterize(network(), 3), optimizer, whole)
        ddp = train(DistributedDataParallel(overparameterize(network(), 3)), optimizer, mine)
        found[f"DDP, {optimizer}"] = difference(ddp, wanted)
        inner = ddp.module
        assert isinstance(inner, nn.Module)
        found[f"DDP, {optimizer}, collapsed"] = difference(
            collapse(inner), collapse(copy.deepcopy(wanted))
        )
        for each in (True, False):
            model = train(sharded(overparameterize(network(), 3), each), optimizer, mine)
            found[f"FSDP2 {'by layer' if each else 'whole'}, {optimizer}"] = difference(
                model, wanted
            )
        found["collapse of FSDP2"] = refusal(partial(collapse, model))
        state = get_model_state_dict(model, options=StateDictOptions(full_state_dict=True))
        if rank == 0:
            twin = overparameterize(network(), 3)
            twin.load_state_dict(state)
            found[f"FSDP2, {optimizer}, gathered and collapsed"] = difference(
                collapse(twin), collapse(wanted)
            )
    for outputs in (10, 1):
        wanted = train(network(outputs), "EndToEnd", whole)
        found[f"DDP, EndToEnd, k = {outputs}"] = difference(
            train(DistributedDataParallel(network(outputs)), "EndToEnd", mine), wanted
        )
        found[f"FSDP2, EndToEnd, k = {outputs}"] = difference(
            train(sharded(network(outputs), True), "EndToEnd", mine), wanted
        )
    found["overparameterize after DDP"] = refusal(
        lambda: overparameterize(DistributedDataParallel(network()))
    )
    found["overparameterize after FSDP2"] = refusal(
        lambda: overparameterize(sharded(network(), True))
    )
    if rank == 0:
        print(json.dumps(found))
    dist.destroy_process_group()


if __name__ == "__main__":
    mp.spawn(work, (sys.argv[1],), PROCESSES)

"""A step can be recorded and replayed as a CUDA graph is: shown without a GPU, by recording what
the step asks of PyTorch."""

import gc
import weakref

import numpy as np
import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from overparam.engine import problem as problems
from overparam.engine import simulation as simulate
from overparam.engine.losses import lp
from overparam.engine.optimizers import OPTIMIZERS
from overparam.engine.problem import Problem
from overparam.engine.products import Form
from overparam.engine.simulation import KINDS, Method, Simulation

# What waits for the device: a number read back, a size that depends on values, a decomposition that
# reports how it went.
WAITS = ("_local_scalar_dense", "nonzero", "masked_select", "linalg_svd", "linalg_eigh", "_to_copy")


def tensors(tree):
    return [leaf for leaf in tree_leaves(tree) if isinstance(leaf, torch.Tensor)]


class Recorder(TorchDispatchMode):
    """Records operations on tensors and takes back what they changed: like a CUDA graph, recording
    computes nothing."""

    def __enter__(self):
        self.calls, self._before = [], {}
        return super().__enter__()

    def __torch_dispatch__(self, operation, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        if any(name in str(operation) for name in WAITS):
            raise RuntimeError(f"{operation} waits for the device")
        for argument in operation._schema.arguments:
            if argument.alias_info is not None and argument.alias_info.is_write:
                where = [a.name for a in operation._schema.arguments].index(argument.name)
                written = kwargs[argument.name] if argument.name in kwargs else args[where]
                self._before.setdefault(written.data_ptr(), (written, written.clone()))
        result = operation(*args, **kwargs)
        self.calls.append((operation, args, kwargs, tensors(result)))
        return result

    def __exit__(self, *error):
        super().__exit__(*error)
        for written, before in self._before.values():
            written.copy_(before)

    def replay(self):
        """The same operations on the same memory: numbers of Python among their arguments are what
        they were when recorded."""
        for operation, args, kwargs, results in self.calls:
            for old, new in zip(results, tensors(operation(*args, **kwargs)), strict=True):
                if new.data_ptr() != old.data_ptr():
                    old.copy_(new)


@pytest.fixture
def recorded(monkeypatch):
    """The CPU takes the place of the GPU; returns the recordings made."""
    made = []

    def replayed(step):
        recorder = Recorder()
        with recorder:
            result = step()
        made.append(recorder)

        def replay():
            recorder.replay()
            return result

        return replay

    monkeypatch.setattr(simulate, "REPLAYED_ON", {"cpu"})
    monkeypatch.setattr(simulate, "replayed", replayed)
    by_torch = lambda shape, dtype, right, turned: Form("torch", turned[0], 1)  # noqa: E731  (as on a GPU)
    monkeypatch.setattr(problems, "fastest", by_torch)
    return made


def problem(p, outputs=1):
    rng = np.random.default_rng(0)
    return Problem(rng.standard_normal((60, 5)), rng.standard_normal((60, outputs)), lp(p))


def methods(outputs=1):
    kinds = KINDS if outputs == 1 else ["network"]
    return [
        Method(
            depth, optimizer, kind, 3e-3, width=outputs + 1, scale=0.3, weight_decay=0.01 * depth
        )
        for optimizer in OPTIMIZERS
        for kind in kinds
        for depth in (1, 2, 3)
    ]


@pytest.mark.parametrize("outputs", [1, 2])
@pytest.mark.parametrize("p", [2, 2.5, 4])
def test_a_replayed_step_is_a_launched_step(recorded, p, outputs):
    launched, replayed = (
        Simulation(problem(p, outputs), methods(outputs), replay) for replay in (False, True)
    )
    np.testing.assert_allclose(replayed.advance(40), launched.advance(40), rtol=1e-12)
    assert len(recorded) == 1
    torch.testing.assert_close(replayed.end_to_end(), launched.end_to_end(), rtol=1e-12, atol=0)


def test_a_recording_follows_changes_of_step_size_and_of_company(recorded):
    launched, replayed = (Simulation(problem(4), methods(), replay) for replay in (False, True))
    for some in (range(4, 30), [20, 3, 5], [1]):
        for simulation in (launched, replayed):
            simulation.advance(5)
            simulation.scale_steps(0.7)
        np.testing.assert_allclose(replayed.advance(6), launched.advance(6), rtol=1e-12)
        for simulation in (launched, replayed):
            simulation.keep(some)
    np.testing.assert_allclose(replayed.advance(6), launched.advance(6), rtol=1e-12)
    assert len(recorded) == 4  # one for each company


def test_a_run_that_diverges_is_parked_in_the_recording_too(recorded):
    far = Method(2, step=1e3, scale=0.3)
    alone, beside = (
        Simulation(problem(4), [methods()[1]], replay=False),
        Simulation(problem(4), [far, methods()[1]]),
    )
    for _ in range(3):
        expected, losses = alone.advance(20), beside.advance(20)
        np.testing.assert_allclose(losses[:, 1], expected[:, 0], rtol=1e-12)
    assert np.isnan(losses[:, 0]).all() and beside.diverged_at[0] >= 0 and len(recorded) == 1


def test_a_rule_of_several_outputs_waits_and_is_not_recorded(recorded):
    """Its singular value decomposition reports back, which no CUDA graph can hold: so it is
    launched."""
    rule = [Method(2, kind="rule", step=3e-3, scale=0.3)]
    launched, same = (Simulation(problem(4, outputs=2), rule, replay) for replay in (False, True))
    np.testing.assert_array_equal(same.advance(10), launched.advance(10))
    assert not recorded
    with pytest.raises(RuntimeError, match="waits for the device"), Recorder():
        launched._launch_step()


def elsewhere(thing):
    """The same simulation on PyTorch's `meta` device: shapes without numbers."""
    if isinstance(thing, torch.device):
        return torch.device("meta")
    if isinstance(thing, torch.Tensor):
        return thing.to("meta")
    if isinstance(thing, (list, tuple)):
        return type(thing)(elsewhere(part) for part in thing)
    if type(thing).__module__.startswith("overparam"):
        vars(thing).update({name: elsewhere(part) for name, part in vars(thing).items()})
    return thing


@pytest.mark.parametrize("p", [2, 2.5, 4])
def test_a_step_stays_on_its_device(p):
    """A number read back, or a tensor of another device among the step's own, raises on `meta`."""
    simulation = elsewhere(Simulation(problem(p), methods()))
    assert simulation._launch_step().device.type == "meta"
    simulation.problem.device, simulation._data.device = torch.device("cpu"), torch.device("cpu")
    simulation._data._room = None
    with pytest.raises((RuntimeError, TypeError), match="meta"):
        simulation._launch_step()


def test_a_recording_does_not_keep_its_simulation(recorded):
    """The memory of a run that has ended is free at once, without waiting for the garbage
    collector."""
    gc.disable()
    try:
        simulation = Simulation(problem(4), methods())
        simulation.advance(3)
        kept = weakref.ref(simulation)
        del simulation
        assert recorded and kept() is None
    finally:
        gc.enable()

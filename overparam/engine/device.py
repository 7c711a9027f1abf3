"""Where and how the tensors are computed: device, thread settings, steps recorded as CUDA
graphs."""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import cache

import joblib
import torch
from threadpoolctl import threadpool_limits
from torch import Tensor

# Below this many multiplications a step a GPU gains nothing. Measured on an H200 beside one thread
# of its machine's CPU, whole runs of three methods, depths 1 to 3, p = 4: as fast at 9.9e5 (442 x
# 10, 102 runs together), 4.6 times as fast at 2.0e6 (2565 x 128, 3 runs).
GPU_WORTH = 1e6


def choose_device(multiplications: float) -> tuple[torch.device, str]:
    """The device for a run, and one sentence that says why: CUDA when there is one and a step is
    large enough, else the CPU.

    Args: multiplications: of one step, about 2 m (d + k) k R for R runs over data m x d with k
    outputs.
    """
    if not torch.cuda.is_available():
        return torch.device("cpu"), "Computed on the CPU: no CUDA GPU was found."
    try:
        name = torch.cuda.get_device_name()
    except (
        RuntimeError,
        AssertionError,
    ):  # one that another process holds, or a driver that does not fit, is found nevertheless
        return (
            torch.device("cpu"),
            "Computed on the CPU: a CUDA GPU was found, but it does not answer.",
        )
    if multiplications < GPU_WORTH:
        return (
            torch.device("cpu"),
            f"Computed on the CPU: an iteration is so little work that the GPU ({name}) would be"
            " slower.",
        )
    return torch.device("cuda"), f"Computed on the GPU: {name}."


def cores() -> int:
    """Processor cores that this process may use: fewer than the machine has where a container's
    limit (`docker run --cpus 2`) or the affinity says so."""
    return joblib.cpu_count()


def no_memory(error: Exception) -> bool:
    """Whether an error says that no memory is left.

    By type, but for PyTorch's allocator on the CPU: its error has no type of its own, so that it is
    known by the allocator's name.
    """
    return isinstance(error, (MemoryError, torch.OutOfMemoryError)) or (
        isinstance(error, RuntimeError) and "DefaultCPUAllocator" in str(error)
    )


def prepare_thread() -> None:
    """Set the calling thread up for long loops of small steps.

    One thread for each slice of work: many sessions share the machine's cores, and small products
    gain little from more. Denormals are flushed to zero: a converged run would otherwise compute
    with numbers that take the processor 100 times longer. The setting is per thread, so every
    thread that computes calls this.
    """
    one_thread_of_blas()
    if torch.get_num_threads() != 1:
        torch.set_num_threads(1)
    torch.set_flush_denormal(True)


@cache
def one_thread_of_blas() -> None:
    """Keep numpy's and scipy's linear algebra to one thread for each caller, in the whole process.

    Many sessions share the cores, and threads that wait for one another spin: a fit of 128 weights
    took 4 s of processor time on two busy cores, and 0.1 s on one thread; a product of 96 rows with
    2565 x 128 numbers costs twice the processor time on two threads.
    """
    import scipy.linalg  # noqa: F401  (brings a library of its own, which is to be there by now)

    threadpool_limits(1, user_api="blas")


def replayed(step: Callable[[], Tensor]) -> Callable[[], Tensor]:
    """A step recorded as a CUDA graph: all that it asks of the GPU, asked for at once instead of
    kernel by kernel.

    Args: step: returns a tensor and changes others in place, always the same ones; reads no number
    back from the GPU. It has just
        been run by this thread: what libraries set up at first use may not be recorded.
    Returns: the same step, for the same memory; each call takes it and returns the same tensor.
    Recording itself computes nothing.
    """
    graph = torch.cuda.CUDAGraph()
    # thread_local: what other sessions ask of the GPU meanwhile is not part of the recording and
    # must not end it
    with _RECORDING, torch.cuda.graph(graph, capture_error_mode="thread_local"):
        result = step()

    def replay() -> Tensor:
        graph.replay()
        return result

    return replay


_RECORDING = threading.Lock()  # PyTorch records one graph at a time in a process

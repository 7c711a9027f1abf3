"""Where and how the tensors are computed: device and thread settings."""

from __future__ import annotations

import torch

# Below this many multiplications a step, launching GPU kernels costs more than the CPU needs for the whole step.
GPU_WORTH = 5e6


def choose_device(multiplications: float) -> tuple[torch.device, str]:
    """The device for a run, and one sentence that says why: CUDA when there is one and a step is large enough, else the CPU.

    Args: multiplications: of one step, about 2 m (d + k) k R for R runs over data m x d with k outputs.
    """
    if not torch.cuda.is_available():
        return torch.device("cpu"), "Computed on the CPU: no CUDA GPU was found."
    name = torch.cuda.get_device_name()
    if multiplications < GPU_WORTH:
        return torch.device("cpu"), f"Computed on the CPU: a step is so small that the GPU ({name}) would be slower."
    return torch.device("cuda"), f"Computed on the GPU: {name}."


def prepare_thread() -> None:
    """Set the calling thread up for long loops of small steps.

    One thread for each slice of work: many sessions share the machine's cores, and small products gain little from more.
    Denormals are flushed to zero: a converged run would otherwise compute with numbers that take the processor 100 times longer.
    The setting is per thread, so every thread that computes calls this.
    """
    if torch.get_num_threads() != 1:
        torch.set_num_threads(1)
    torch.set_flush_denormal(True)

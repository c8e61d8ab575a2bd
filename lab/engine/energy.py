"""What a device's own meter counted: energy of a stretch of work. Only NVIDIA's driver has such a meter here; elsewhere nothing is said."""

from __future__ import annotations

import pynvml
import torch


class Meter:
    """Joules used by the chosen GPU since this was made; the whole board's, whoever used it. None without a meter."""

    def __init__(self, device: torch.device):
        self._handle = _handle(device)
        self._begun = self._read()

    def joules(self) -> float | None:
        now = self._read()
        return None if now is None or self._begun is None else (now - self._begun) / 1_000

    def _read(self) -> int | None:
        """Millijoules since the driver was loaded (Volta and later)."""
        if self._handle is None:
            return None
        try:
            return pynvml.nvmlDeviceGetTotalEnergyConsumption(self._handle)
        except pynvml.NVMLError:
            return None


def _handle(device: torch.device):
    if device.type != "cuda":
        return None
    try:
        pynvml.nvmlInit()
        uuid = str(torch.cuda.get_device_properties(device).uuid)  # places differ between CUDA and NVML, names do not
        return pynvml.nvmlDeviceGetHandleByUUID(uuid if uuid.startswith("GPU-") else f"GPU-{uuid}")
    except (pynvml.NVMLError, AttributeError):
        return None

"""GPUs: NVIDIA's through NVML, loaded here and nowhere in the training, AMD's through sysfs. Where there are none, or one does not tell something, that
is no error: the metric is not there."""
from __future__ import annotations

import ctypes
import re
from typing import Any, Dict, List, Optional

from .machine_files import Files

JOULES_PER_KWH = 3_600_000.0


class Gpu(Dict[str, float]):
    """What is known of one of them, by the names of metrics."""

    joules: Optional[float] = None
    """Used since its driver was loaded."""


class _Utilization(ctypes.Structure):
    _fields_ = [("gpu", ctypes.c_uint), ("memory", ctypes.c_uint)]


class _Memory(ctypes.Structure):
    _fields_ = [("total", ctypes.c_ulonglong), ("free", ctypes.c_ulonglong), ("used", ctypes.c_ulonglong)]


class NvidiaGpus:
    """Calls of nvml.h (NVML API reference): each answers 0 and fills its last argument, or says why not."""

    TEMPERATURE_GPU, CLOCK_SM, PCIE_SENT, PCIE_RECEIVED = 0, 1, 0, 1

    def __init__(self, library: str = "libnvidia-ml.so.1") -> None:
        self._handles: List[Any] = []
        try:
            self._nvml = ctypes.CDLL(library)
            if self._nvml.nvmlInit_v2() != 0:
                return
            count = ctypes.c_uint()
            if self._nvml.nvmlDeviceGetCount_v2(ctypes.byref(count)) != 0:
                return
            for index in range(count.value):
                handle = ctypes.c_void_p()
                # one that fell off the bus keeps its number
                good = self._nvml.nvmlDeviceGetHandleByIndex_v2(ctypes.c_uint(index), ctypes.byref(handle)) == 0
                self._handles.append(handle if good else None)
        except (OSError, AttributeError):
            self._handles = []  # no driver here, or one of another kind

    def read(self) -> List[Gpu]:
        return [Gpu() if handle is None else self._read(handle) for handle in self._handles]

    def _read(self, handle: Any) -> Gpu:
        gpu = Gpu()
        number = ctypes.c_uint
        use = self._ask("nvmlDeviceGetUtilizationRates", _Utilization(), handle)
        memory = self._ask("nvmlDeviceGetMemoryInfo", _Memory(), handle)
        energy = self._ask("nvmlDeviceGetTotalEnergyConsumption", ctypes.c_ulonglong(), handle)
        if use is not None:
            gpu["utilization_percent"] = float(use.gpu)
        if memory is not None:
            gpu.update({"memory_used_bytes": float(memory.used), "memory_total_bytes": float(memory.total)})
        for key, factor, said in (
            ("power_watts", 1e-3, self._ask("nvmlDeviceGetPowerUsage", number(), handle)),
            ("temperature_celsius", 1.0, self._ask("nvmlDeviceGetTemperature", number(), handle, ctypes.c_uint(self.TEMPERATURE_GPU))),
            ("sm_clock_mhz", 1.0, self._ask("nvmlDeviceGetClockInfo", number(), handle, ctypes.c_uint(self.CLOCK_SM))),
            ("pcie_sent_bytes_per_s", 1e3, self._ask("nvmlDeviceGetPcieThroughput", number(), handle, ctypes.c_uint(self.PCIE_SENT))),
            ("pcie_received_bytes_per_s", 1e3, self._ask("nvmlDeviceGetPcieThroughput", number(), handle, ctypes.c_uint(self.PCIE_RECEIVED))),
        ):
            if said is not None:
                gpu[key] = said.value * factor
        if energy is not None:
            gpu.joules = energy.value / 1e3
        return gpu

    def _ask(self, name: str, answer: Any, *arguments: Any) -> Any:
        call = getattr(self._nvml, name, None)  # older drivers know fewer
        return answer if call is not None and call(*arguments, ctypes.byref(answer)) == 0 else None


class AmdGpus:
    """Documentation/gpu/amdgpu of the kernel: files of the driver beside the card, its sensors under hwmon."""

    def __init__(self, files: Files) -> None:
        self._files = files

    def read(self) -> List[Gpu]:
        cards = sorted((name for name in self._files.names("/sys/class/drm") if re.fullmatch(r"card\d+", name)), key=lambda name: int(name[4:]))
        folders = ["/sys/class/drm/%s/device" % card for card in cards]
        return [self._read(folder) for folder in folders if self._files.read("%s/gpu_busy_percent" % folder) is not None]

    def _read(self, folder: str) -> Gpu:
        gpu = Gpu()
        sensors = ["%s/hwmon/%s" % (folder, name) for name in sorted(self._files.names("%s/hwmon" % folder))]
        for key, factor, paths in (
            ("utilization_percent", 1.0, ["%s/gpu_busy_percent" % folder]),
            ("memory_used_bytes", 1.0, ["%s/mem_info_vram_used" % folder]),
            ("memory_total_bytes", 1.0, ["%s/mem_info_vram_total" % folder]),
            ("power_watts", 1e-6, ["%s/%s" % (sensor, name) for sensor in sensors for name in ("power1_average", "power1_input")]),
            ("temperature_celsius", 1e-3, ["%s/temp1_input" % sensor for sensor in sensors]),
            ("sm_clock_mhz", 1e-6, ["%s/freq1_input" % sensor for sensor in sensors]),
        ):
            said = next((value for value in map(self._files.number, paths) if value is not None), None)
            if said is not None:
                gpu[key] = said * factor
        return gpu


class Energy:
    """What the GPUs have used since this began, by their own counters or else by their power."""

    def __init__(self, kwh: float = 0.0) -> None:
        self.kwh: Optional[float] = None
        self._begun_with = kwh
        self._before: Dict[int, Any] = {}

    def metrics(self, gpus: List[Gpu], at: float) -> Dict[str, float]:
        values: Dict[str, float] = {}
        for index, gpu in enumerate(gpus):
            self._add(index, gpu, at)
            values.update({"system/gpu/%d/%s" % (index, key): value for key, value in gpu.items()})
        if self.kwh is not None:
            values["system/energy_kwh"] = self.kwh
        return values

    def _add(self, index: int, gpu: Gpu, at: float) -> None:
        watts = gpu.get("power_watts")
        if watts is None and gpu.joules is None:
            return
        self.kwh = self._begun_with if self.kwh is None else self.kwh
        before_at, before_watts, before_joules = self._before.get(index, (at, None, None))
        self._before[index] = (at, watts, gpu.joules)
        if gpu.joules is not None and before_joules is not None and gpu.joules >= before_joules:
            self.kwh += (gpu.joules - before_joules) / JOULES_PER_KWH
        elif watts is not None and before_watts is not None:
            self.kwh += (watts + before_watts) / 2 * (at - before_at) / JOULES_PER_KWH

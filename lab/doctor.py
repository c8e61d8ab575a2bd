"""What this machine can do. Looks and tells; changes nothing. Loads no torch."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import shutil
import sqlite3
from typing import Any

import httpx

from lab import jobs, store
from lab.core import AccessError
from lab.jobs import hub_client

PACKAGES = ("torch", "transformers", "trl", "peft", "datasets", "accelerate", "streamlit", "plotly", "pandas")
HUB_SECONDS = 3.0
MIB = 1 << 20


def examine(ask_hub: bool = True) -> dict[str, Any]:
    """Devices, memory, disk, versions, the hub, the shipped base, and advice in plain words."""
    found = {
        "python": platform.python_version(), "system": platform.platform(), "cores": len(os.sched_getaffinity(0)),
        "devices": [device.model_dump() for device in jobs.devices()],
        "workspace": str(store.home()), "disk_free": shutil.disk_usage(_existing(store.home())).free,
        "versions": {name: _version(name) for name in PACKAGES}, "sqlite": sqlite3.sqlite_version,
        "hub": hub_reachable() if ask_hub else None, "bases": store.bases.shipped(), "supervisor": jobs.supervisor_alive(),
    }
    return found | {"advice": advice(found)}


def _existing(path: Any) -> Any:
    return path if path.exists() else _existing(path.parent)


def _version(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def hub_reachable() -> bool:
    """Whether the model hub answers within a few seconds. Offline by setting counts as not reachable."""
    if hub_client.offline():
        return False
    try:
        return httpx.head(hub_client.endpoint(), timeout=HUB_SECONDS, follow_redirects=True).status_code < 500
    except (httpx.HTTPError, AccessError):
        return False


def advice(found: dict[str, Any]) -> list[str]:
    """What to do about what was found."""
    said = [f"{name} is missing: run make" for name, version in found["versions"].items() if version is None]
    if found["hub"] is False:
        said.append("The model hub is not reachable: the shipped base and local model folders work without it")
    if found["disk_free"] < 2_000 * MIB:
        said.append("Less than 2 GB of disk are free: runs may have to wait")
    if not any(device["kind"] == "cuda" for device in found["devices"]):
        said.append("No GPU was found: tiny and small models train on the CPU, the tour takes minutes")
    if not found["bases"]:
        said.append("No shipped base was found: data/bases is empty")
    return said


def text(found: dict[str, Any]) -> str:
    """The same for people."""
    lines = [f"Python {found['python']} on {found['system']}, {found['cores']} cores"]
    lines += [f"{d['name']}: {d['memory_free'] / MIB:,.0f} of {d['memory_total'] / MIB:,.0f} MiB free" for d in found["devices"]]
    lines.append(f"Workspace {found['workspace']}: {found['disk_free'] / MIB:,.0f} MiB free on its disk")
    lines.append("Versions: " + ", ".join(f"{name} {version or 'missing'}" for name, version in found["versions"].items()))
    lines.append(f"Model hub: {'reachable' if found['hub'] else 'not reachable' if found['hub'] is False else 'not asked'}")
    lines.append(f"Shipped bases: {', '.join(found['bases']) or 'none'}")
    lines.append(f"Supervisor: {'running' if found['supervisor'] else 'not running (the first launch starts it)'}")
    return "\n".join(lines + [f"- {sentence}" for sentence in found["advice"]])

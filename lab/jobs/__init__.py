"""Processes: plan, launch, watch and stop runs; the supervisor; the answerer's process. Knows folders and pids, no torch.

The queue is the run folders: a run whose state is "queued" is in the queue, and the supervisor is its only taker. It asks the
warm parent (lab/warm.py) to fork a worker, watches it by pid and start time, and says how it died when the worker cannot.
"""

from lab.jobs import answerer
from lab.jobs.checking import check
from lab.jobs.fitting import Lever, levers, tight
from lab.jobs.hardware import Device, devices
from lab.jobs.launching import launch, launch_pretraining, resume, stop
from lab.jobs.office import ensure_supervisor, supervisor_alive
from lab.jobs.planning import plan
from lab.jobs.watch import RunView, unreadable, views

__all__ = ["Device", "Lever", "RunView", "answerer", "check", "devices", "ensure_supervisor", "launch", "launch_pretraining", "levers", "plan",
           "resume", "stop", "supervisor_alive", "tight", "unreadable", "views"]

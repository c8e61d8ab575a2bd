"""The lab's verbs for a shell: python -m lab VERB. A verb parses, calls, prints; heavy imports stand inside the verb."""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from pathlib import Path

from lab.core import LabError


def main(argv: list[str] | None = None) -> int:
    """Returns the exit code: 0 well, 1 a failure that was explained, 2 a wrong call."""
    args = _parser().parse_args(argv)
    try:
        return args.verb(args) or 0
    except LabError as error:
        print(f"{error.failure.kind} error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nLeft. Runs go on in the background: python -m lab runs", file=sys.stderr)
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m lab", description="Which lever should we pull?")
    verbs = parser.add_subparsers(required=True, metavar="VERB")

    def verb(name: str, call, about: str) -> argparse.ArgumentParser:
        one = verbs.add_parser(name, help=about, description=about)
        one.set_defaults(verb=call)
        return one

    one = verb("doctor", _doctor, "say what this machine can do")
    one.add_argument("--json", action="store_true", help="one object for programs")
    one = verb("tour", _tour, "run the shipped tour and print its matrix")
    one.add_argument("--json", action="store_true", help="print one object for programs")
    one.add_argument("--save", type=Path, metavar="FILE", help="also write the object to a file, with date, machine and versions")
    one.add_argument("--slots", type=int, default=min(2, len(os.sched_getaffinity(0))), help="CPU slots (default: at most 2)")
    one = verb("pretrain", _pretrain, "pretrain a base model on the known world")
    one.add_argument("--preset", default="XS", choices=("XS", "S", "M"), help="size (XS: 0.9M parameters, about 16 minutes on one core)")
    one.add_argument("--out", type=Path, required=True, help="folder to write the model to; must not exist")
    one.add_argument("--seed", type=int, default=0)
    one.add_argument("--steps", type=int, default=None, help="fewer steps, for trying")
    one = verb("serve", _serve, "answer questions over the OpenAI protocol on the loopback address")
    one.add_argument("--base", required=True, help="a shipped base's name or a model folder")
    one.add_argument("--port", type=int, default=0, help="0: any free one")
    one.add_argument("--idle", type=float, default=900, help="seconds without a question after which it leaves")
    verb("supervisor", _supervisor, "run the supervisor in the foreground (the first launch starts it by itself)")
    one = verb("runs", _runs, "list the runs")
    one.add_argument("--json", action="store_true")
    one = verb("stop", _stop, "stop a run")
    one.add_argument("run")
    one.add_argument("--keep", action="store_true", help="keep and score what was trained so far")
    verb("resume", _resume, "queue a stopped or failed run again").add_argument("run")
    return parser


def _doctor(args: argparse.Namespace) -> None:
    from lab import doctor
    found = doctor.examine()
    print(json.dumps(found, indent=1) if args.json else doctor.text(found))


def _tour(args: argparse.Namespace) -> int:
    from lab import jobs
    from lab.compare import result_json
    from lab.jobs.outcomes import outcomes
    from lab.jobs.tour import tour
    begun = time.monotonic()
    experiment = tour()
    jobs.launch(experiment, slots=args.slots)
    _wait(experiment.id)
    found = outcomes(experiment.id)
    result = result_json(found, time.monotonic() - begun)
    if args.save:
        _save(args.save, result)
    print(json.dumps(result, ensure_ascii=False, indent=1) if args.json else _board(found, result["seconds"]))
    return 0 if all(outcome.status == "finished" for outcome in found) else 1


def _save(path: Path, result: dict) -> None:
    """The result as the Start page shows it where nothing was run yet."""
    from lab import doctor, store
    machine = doctor.examine(ask_hub=False)
    about = {"date": time.strftime("%Y-%m-%d"), "machine": f"{machine['cores']} CPU cores, no GPU" if len(machine["devices"]) == 1 else
             ", ".join(device["name"] for device in machine["devices"]), "versions": machine["versions"]}
    store.files.write_json(path, result | {"recorded": about})


def _wait(experiment_id: str) -> None:
    """Show a progress bar on stderr until every run has ended. Leaving it stops nothing."""
    from lab import jobs
    from lab.core import FINAL
    while True:
        views = jobs.views(experiment_id)
        done = sum(view.state.name in FINAL for view in views)
        share = sum(1.0 if view.state.name in FINAL else view.progress or 0.0 for view in views) / max(1, len(views))
        now = next((f"{view.run.system.name} on {view.run.task}: {view.doing}" for view in views if view.status == "running"), "")
        bar = "#" * round(share * 30)
        end = "\r" if sys.stderr.isatty() else "\n"
        print(f"[{bar:<30}] {done} of {len(views)} runs  {now[:70]:<70}", end=end, file=sys.stderr, flush=True)
        if done == len(views):
            print(file=sys.stderr)
            return
        time.sleep(0.5 if sys.stderr.isatty() else 5)


def _board(found: list, seconds: float) -> str:
    from lab.compare import cells, drops, forgetting_verdict, scoreboard, wide_text
    lines = [wide_text(scoreboard(cells(found))).to_string(), "", "What each System forgot (base to now; 95 % interval of the drop)"]
    for system, drop in drops(found):
        if system != "base" and drop.drop is not None:
            verdict = forgetting_verdict(drop)
            lines.append(f"{system:<12} {drop.suite:<14} {drop.base:7.3f} -> {drop.value:6.3f}   drop {drop.drop:+.3f} "
                         f"({drop.low:+.3f} to {drop.high:+.3f}, n = {drop.n})  {verdict}")
    failed = [f"{o.system} on {o.task}: {o.status}. {o.reason}" for o in found if o.status != "finished"]
    return "\n".join([*lines, *failed, "", f"{seconds:.0f} seconds"])


def _pretrain(args: argparse.Namespace) -> None:
    from lab.world.pretrain import pretrain
    if args.out.exists():
        from lab.core import DataError
        raise DataError("The folder exists already", str(args.out), "Name a new one: nothing is overwritten")
    card = pretrain(args.preset, args.out, seed=args.seed, steps=args.steps, emit=lambda event: print(json.dumps(event), flush=True))
    print(json.dumps(card.get("probes", card), indent=1))


def _serve(args: argparse.Namespace) -> None:
    from lab import store
    kind = "shipped" if args.base in store.bases.shipped() else "folder"
    base = store.bases.resolve(kind, args.base)
    from lab.serve import serve
    serve(base, args.port, args.idle)


def _supervisor(args: argparse.Namespace) -> int:
    from lab.jobs import supervisor
    return supervisor.main()


def _runs(args: argparse.Namespace) -> None:
    from lab import jobs
    for view in jobs.views():
        row = {"id": view.run.id, "system": view.run.system.name, "task": view.run.task, "status": view.status, "doing": view.doing}
        print(json.dumps(row, ensure_ascii=False) if args.json else "  ".join(str(value) for value in row.values()))


def _stop(args: argparse.Namespace) -> None:
    from lab import jobs
    jobs.stop(args.run, keep=args.keep)
    print(f"{args.run} was asked to stop")


def _resume(args: argparse.Namespace) -> None:
    from lab import jobs
    jobs.resume(args.run)
    print(f"{args.run} is queued again")

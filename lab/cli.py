"""The lab's verbs for a shell: python -m lab VERB. A verb parses, calls, prints; heavy imports stand inside the verb."""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

from lab.core import OBJECTIVES, LabError, Run


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

    for describe in (_experiments, _bases, _data):
        describe(verb)
    return parser


def _experiments(verb: Callable[..., argparse.ArgumentParser]) -> None:
    """Running, stopping and deciding."""
    one = verb("doctor", _doctor, "say what this machine can do")
    one.add_argument("--json", action="store_true", help="one object for programs")
    one = verb("tour", _tour, "run the shipped tour and print its matrix")
    one.add_argument("--json", action="store_true", help="print one object for programs")
    one.add_argument("--save", type=Path, metavar="FILE", help="also write the object to a file, with date, machine and versions")
    one.add_argument("--slots", type=int, default=min(2, len(os.sched_getaffinity(0))), help="CPU slots (default: at most 2)")
    one = verb("evidence", _evidence, "run the grid behind the base's evidence and decide its claims")
    one.add_argument("--save", type=Path, metavar="FOLDER", help="also write evidence.json and evidence.md there")
    one.add_argument("--json", action="store_true", help="print one object for programs")
    one.add_argument("--slots", type=int, default=min(2, len(os.sched_getaffinity(0))), help="CPU slots (default: at most 2)")
    one.add_argument("--only", nargs="+", default=(), metavar="GROUP", help="form, facts, tone, forgetting, compound, labels (default: all)")
    one.add_argument("--seeds", nargs="+", type=int, default=None, metavar="SEED", help="default: 0 1 2")
    one.add_argument("--finished", action="store_true", help="run nothing: decide from the newest finished grid of this workspace")
    one = verb("runs", _runs, "list the runs")
    one.add_argument("--json", action="store_true")
    one = verb("stop", _stop, "stop a run")
    one.add_argument("run")
    one.add_argument("--keep", action="store_true", help="keep and score what was trained so far")
    verb("resume", _resume, "queue a stopped or failed run again").add_argument("run")
    verb("supervisor", _supervisor, "run the supervisor in the foreground (the first launch starts it by itself)")


def _bases(verb: Callable[..., argparse.ArgumentParser]) -> None:
    """Making, fetching, asking and evaluating models."""
    one = verb("pretrain", _pretrain, "pretrain a base model on the known world, in the background")
    one.add_argument("--preset", default="XS", choices=("XS", "S", "M"),
                     help="size (on one core XS, 0.9M parameters, takes about 45 minutes and S, 2M, about two hours)")
    one.add_argument("--objective", default="causal", choices=tuple(OBJECTIVES), help="next token (causal) or masked token")
    one.add_argument("--seed", type=int, default=0)
    one.add_argument("--steps", type=int, default=0, help="fewer steps, for trying (default: the preset's)")
    one.add_argument("--checkpoints", type=int, default=10, help="how often it is probed and kept as a base on the way")
    one.add_argument("--out", type=Path, metavar="FOLDER", help="also copy the finished base there; must not exist")
    one = verb("download", _download, "bring a model, or the tables of a data set, from a hub (HF_ENDPOINT; HF_TOKEN for gated ones)")
    one.add_argument("name", help="owner/name, as on the hub's page")
    one.add_argument("--revision", default="main", help="branch, tag or commit (default: main); what is kept is named by its commit")
    one.add_argument("--dataset", action="store_true", help="a data set instead of a model")
    one.add_argument("--files", nargs="+", default=(), metavar="FILE", help="only these tables of a data set (default: all)")
    one = verb("export", _export, "write a finished run's System as a folder that loads elsewhere, and check that it does")
    one.add_argument("run")
    one.add_argument("--save", type=Path, metavar="FOLDER", help="must not exist or be empty (default: in the workspace, exports/RUN/FORM)")
    one.add_argument("--merged", action="store_true", help="all weights as one model, the adapter added (default: the adapter beside its base)")
    one = verb("serve", _serve, "answer questions over the OpenAI protocol on the loopback address")
    which = one.add_mutually_exclusive_group(required=True)
    which.add_argument("--base", help="a shipped base's name or a model folder")
    which.add_argument("--endpoint", metavar="ADDRESS", help="of a model that answers elsewhere over the same protocol: its Systems are passed on to")
    one.add_argument("--model", default="", metavar="NAME", help="with --endpoint: the model's name there")
    one.add_argument("--port", type=int, default=0, help="0: any free one")
    one.add_argument("--idle", type=float, default=900, help="seconds without a question after which it leaves")
    one = verb("harness", _harness, "evaluate a System on tasks of lm-evaluation-harness, or write a suite as such a task")
    one.add_argument("system", nargs="?", default="", metavar="RUN", help="a finished run, or a shipped base's name")
    one.add_argument("--tasks", nargs="+", default=(), metavar="TASK")
    one.add_argument("--include_path", "--include-path", type=Path, metavar="FOLDER",
                     help="a folder with task files, which can hold code: give only one that you trust")
    one.add_argument("--plain", action="store_true", help="the tasks' prompts as raw text: measures the weights, not the System's prompting")
    one.add_argument("--limit", type=int, metavar="N", help="only the first N items of each task")
    one.add_argument("--num_fewshot", "--num-fewshot", type=int, metavar="N", help="worked examples that the harness puts before each question")
    one.add_argument("--write-task", default="", metavar="SUITE", help="write this suite, or this task's test split, as a task folder (--save)")
    one.add_argument("--save", type=Path, metavar="FOLDER", help="where results or the task folder go (default for results: the workspace)")


def _data(verb: Callable[..., argparse.ArgumentParser]) -> None:
    """Tables, documents and their indexes."""
    one = verb("import", _import, "make a task of a table of any size, or of documents, in the background, with progress")
    one.add_argument("file", type=Path, help="CSV, TSV, JSON, JSONL or Parquet on this machine, also in .gz or .zip; of documents a folder or a zip")
    one.add_argument("--kind", choices=("examples", "preferences", "documents"), default="examples", help="what it becomes (default: examples)")
    one.add_argument("--task", default="", metavar="ID", help="preferences and documents: the task they are for; another one is made that has them")
    one.add_argument("--name", default="", help="of the task (default: the file's name)")
    for part, about in (("prompt", "template over columns, as {title}\\n\\n{body}"), ("answer", "template over columns"),
                        ("chosen", "preferences: the better answer"), ("rejected", "preferences: the other answer"),
                        ("split-column", "says train, validation or test"), ("entity-column", "rows with the same value stay in one split")):
        one.add_argument(f"--{part}", default=None, metavar="COLUMNS", help=f"{about} (default: what the columns' names say)")
    one.add_argument("--rows", type=int, default=0, metavar="N", help="at most so many, drawn with a fixed seed (default: all)")
    one.add_argument("--test", type=int, default=1_000, metavar="N", help="rows of the test split (default: 1,000)")
    one.add_argument("--validation", type=int, default=1_000, metavar="N", help="rows of the validation split (default: 1,000)")
    one.add_argument("--mend", nargs="+", default=(), choices=("garbled", "mask", "leaks", "overlap", "duplicates"), help="what to mend on the way")
    one = verb("tasks", _tasks, "list the tasks; rename or delete one of the workspace")
    what = one.add_mutually_exclusive_group()
    what.add_argument("--rename", nargs=2, metavar=("TASK", "NAME"), help="another label; rows, results and keys stay")
    what.add_argument("--delete", metavar="TASK", help="refused while runs that need it wait or run; scores that were measured stay")
    one.add_argument("--anyway", action="store_true", help="with --delete: also where experiments use it")
    one = verb("imports", _imports, "read every table of a folder and say what the lab makes of it")
    one.add_argument("folder", type=Path, nargs="?", default=Path("../shared/data"), help="default: ../shared/data")
    one.add_argument("--only", nargs="+", default=(), metavar="START", help="only files whose path in the folder starts so")
    one.add_argument("--save", type=Path, metavar="PAGE", help="also put the table between its marks in a Markdown page")
    one = verb("index", _index, "build the search index of a task's documents, with progress; prints its key")
    one.add_argument("task")
    one.add_argument("--settings", default="{}", metavar="JSON", help='retrieval settings that differ from the defaults, as {"chunk_words": 200}')
    one = verb("search", _search, "for programs: answer questions to built indexes, one line of JSON each, from stdin to stdout")
    one.add_argument("--idle", type=float, default=600, help="seconds without a question after which it leaves")


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


def _evidence(args: argparse.Namespace) -> int:
    from lab import store
    from lab.compare import CLAIMS, evidence_of, markdown
    from lab.jobs import evidence as grid
    from lab.jobs.outcomes import outcomes
    if args.finished:
        names = grid.newest(finished_only=True)
    else:
        names = grid.launch_all(grid.experiments(tuple(args.only), tuple(args.seeds or grid.SEEDS)), args.slots)
        for name in names.values():
            _wait(name)
    found = [outcome for name in names.values() for outcome in outcomes(name)]
    bases = sorted({outcome.run.system.base.ref for outcome in found})
    claims = [claim for claim in CLAIMS if not args.only or claim.group in args.only]
    result = evidence_of(found, claims, experiments=names, recorded=_recorded() | {"base": ", ".join(bases)})
    if args.save:
        store.files.write_json(args.save / "evidence.json", result.model_dump(mode="json"))
        store.files.write_text(args.save / "evidence.md", markdown(result))
    print(json.dumps(result.model_dump(mode="json"), ensure_ascii=False, indent=1) if args.json else markdown(result))
    return 0 if found and all(outcome.status == "finished" for outcome in found) else 1


def _save(path: Path, result: dict) -> None:
    """The result as the Start page shows it where nothing was run yet."""
    from lab import store
    store.files.write_json(path, result | {"recorded": _recorded()})


def _recorded() -> dict:
    """When and on what machine something was measured."""
    from lab import doctor
    machine = doctor.examine(ask_hub=False)
    return {"date": time.strftime("%Y-%m-%d"), "machine": f"{machine['cores']} CPU cores, no GPU" if len(machine["devices"]) == 1 else
            ", ".join(device["name"] for device in machine["devices"]), "versions": machine["versions"]}


def _wait(experiment_id: str, run_id: str | None = None) -> None:
    """Show a progress bar on stderr until every run (or the one that is named) has ended. Leaving it stops nothing."""
    from lab import jobs
    from lab.core import FINAL
    while True:
        views = [view for view in jobs.views(experiment_id) if run_id in (None, view.run.id)]
        done = sum(view.state.name in FINAL for view in views)
        share = sum(1.0 if view.state.name in FINAL else view.progress or 0.0 for view in views) / max(1, len(views))
        now = next((f"{_what(view.run)}: {view.doing}" for view in views if view.status == "running"), "")
        bar = "#" * round(share * 30)
        end = "\r" if sys.stderr.isatty() else "\n"
        print(f"[{bar:<30}] {done} of {len(views)} runs  {now[:70]:<70}", end=end, file=sys.stderr, flush=True)
        if done == len(views):
            print(file=sys.stderr)
            return
        time.sleep(0.5 if sys.stderr.isatty() else 5)


def _what(run: Run) -> str:
    return f"{run.title} on {run.task}" if run.task else run.title


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


def _pretrain(args: argparse.Namespace) -> int:
    from pydantic import ValidationError

    from lab import jobs, store
    from lab.core import DataError, Pretraining
    if args.out and args.out.exists():
        raise DataError("The folder exists already", str(args.out), "Name a new one: nothing is overwritten")
    try:
        settings = Pretraining(**{name: getattr(args, name) for name in ("preset", "objective", "seed", "steps", "checkpoints")})
    except ValidationError as error:
        raise DataError("; ".join(f"--{each['loc'][0]}: {each['msg']}" for each in error.errors()), "pretrain", "python -m lab pretrain --help")
    run = jobs.launch_pretraining(settings)
    print(f"{run.id}: {run.title}", file=sys.stderr)
    _wait("", run.id)
    state = store.runs.state(run.id)
    base = next((about for about in store.bases.made(all_objectives=True) if about["run"] == run.id and about["final"]), None)
    if base is None:
        print(f"{run.title}: {state.name}. {state.failure.sentence() if state.failure else ''}", file=sys.stderr)
        return 1
    print(_probes(base))
    if args.out:
        shutil.copytree(store.artifacts.find(base["key"]), args.out, ignore=shutil.ignore_patterns("manifest.json"))
        args.out.chmod(0o755)  # the artifact's folder is its owner's alone
        print(f"The base was written to {args.out}")
    return 0


def _probes(base: dict) -> str:
    """A base's probes with their 95 % intervals."""
    lines = [f"{name:<42} {100 * score['value']:4.0f} %   ({100 * score['low']:.0f} to {100 * score['high']:.0f}, n = {score['n']})"
             for name, score in base["probes"].items()]
    return "\n".join([base["title"], *lines, *(f"{name:<42} not measured: {reason}" for name, reason in base["not_measured"].items())])


def _serve(args: argparse.Namespace) -> None:
    from lab import store
    if args.endpoint:
        base = store.bases.resolve("endpoint", args.model, args.endpoint)
    else:
        base = store.bases.resolve("shipped" if args.base in store.bases.shipped() else "folder", args.base)
    from lab.serve import serve
    serve(base, args.port, args.idle)


def _export(args: argparse.Namespace) -> None:
    from lab.compare import export_health, export_line
    from lab.exporter import export
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # unwinds, so that drafts are taken away
    place, check = export(args.run, args.merged, args.save,
                          lambda part, done, total: print(f"{part}: {done:,} of {total:,}", file=sys.stderr, flush=True))
    print("\n".join([str(place), export_line(check), *(f"{found.what}. {found.do}." for found in export_health(check))]))


def _index(args: argparse.Namespace) -> None:
    from pydantic import ValidationError

    from lab import searcher, store
    from lab.core import DataError, Retrieval, index_key
    try:
        settings = Retrieval.model_validate_json(args.settings)
    except ValidationError as error:
        raise DataError("; ".join(f"{'.'.join(map(str, each['loc'])) or 'settings'}: {each['msg']}" for each in error.errors()), "--settings",
                        f"Settings: {', '.join(Retrieval.model_fields)}") from error
    count = searcher.build(args.task, settings, lambda part, done, total: print(f"{part}: {done:,} of {total:,}", file=sys.stderr, flush=True))
    print(f"{index_key(settings, store.tasks.load(args.task).task)}: {count:,} passages")


def _search(args: argparse.Namespace) -> None:
    from lab import searcher
    searcher.serve(args.idle)


def _supervisor(args: argparse.Namespace) -> int:
    from lab.jobs import supervisor
    return supervisor.main()


def _runs(args: argparse.Namespace) -> None:
    from lab import jobs
    for view in jobs.views():
        row = {"id": view.run.id, "system": view.run.title, "task": view.run.task, "status": view.status, "doing": view.doing}
        print(json.dumps(row, ensure_ascii=False) if args.json else "  ".join(str(value) for value in row.values()))


def _tasks(args: argparse.Namespace) -> int:
    from lab import store
    from lab.jobs import removing
    if args.rename:
        print(f"{args.rename[0]} is called {store.tasks.rename(*args.rename).name}")
    elif args.delete:
        used = [found.name for found in removing.experiments_of(args.delete)]
        if used and not args.anyway:
            print(f"In use by {', '.join(used)}. Scores stay; the task's questions, documents and pairs go. Say --anyway to delete it.", file=sys.stderr)
            return 1
        removing.delete_task(args.delete)
        print(f"{args.delete} is deleted")
    else:
        for name in store.tasks.ids():
            try:
                print(f"{name}  {store.tasks.describe(name).name}")
            except LabError as error:
                print(f"{name}  {error}")
    return 0


def _imports(args: argparse.Namespace) -> None:
    from lab.jobs import imports
    found = [one for one in imports.imports_of(args.folder) if not args.only or one.file.startswith(tuple(args.only))]
    if args.save:
        imports.save(found, args.save)
    print(imports.markdown(found))


def _harness(args: argparse.Namespace) -> None:
    from lab import harness
    from lab.core import DataError
    if args.write_task:
        if not args.save:
            raise DataError("Nothing says where the task goes", "--save", f"python -m lab harness --write-task {args.write_task} --save FOLDER")
        print(f"{harness.write_task(args.write_task, args.save)} was written to {args.save}")
        return
    if not args.system or not args.tasks:
        raise DataError("A run and its tasks are needed", "harness", "python -m lab harness RUN --tasks TASK --include_path FOLDER")
    table, results = harness.run(args.system, args.tasks, args.include_path, args.save, args.plain, args.limit, args.num_fewshot)
    print(f"{table}\n{results}")


def _import(args: argparse.Namespace) -> int:
    from lab.jobs import import_verb
    parts = {part: getattr(args, part) for part in ("prompt", "answer", "chosen", "rejected", "split_column", "entity_column")}
    return import_verb.run(args.file, args.name, parts, {"kind": args.kind, "task": args.task, "rows": args.rows, "test": args.test,
                                                         "validation": args.validation, "mends": tuple(args.mend)})


def _stop(args: argparse.Namespace) -> None:
    from lab import jobs
    jobs.stop(args.run, keep=args.keep)
    print(f"{args.run} was asked to stop")


def _resume(args: argparse.Namespace) -> None:
    from lab import jobs
    jobs.resume(args.run)
    print(f"{args.run} is queued again")


def _download(args: argparse.Namespace) -> int:
    from lab.jobs import downloading
    return downloading.main(args.name, args.revision, "dataset" if args.dataset else "model", args.files)

"""`runstream`: sync, status, run, watch, compare, reproduce."""
from __future__ import annotations

import argparse
import json
import os
import sys
from typing import List, Optional

from .locks import is_held
from .places import spool_roots
from .sender import Sender, Stopped
from .sources import owner_lives
from .spool import State


def spools(root: str) -> List[str]:
    found = []
    for folder, _, files in os.walk(root):
        if "meta.json" in files and "state" in files and "keys" in files:
            found.append(folder)
    return sorted(found)


def sync(root: str, url: Optional[str], patience_s: float) -> int:
    left = 0
    for folder in spools(root):
        if not os.path.isdir(folder):
            continue  # another sender has delivered it meanwhile
        try:
            sender = Sender(folder, 0, url, patience_s)
        except BlockingIOError:
            print("%s: a sender is at it" % folder)
            continue
        except (OSError, ValueError, KeyError) as error:
            left += 1
            print("%s: can't be read: %r" % (folder, error))
            continue
        before = sender.state["records"]
        try:
            sender.run()
        except Stopped as stopped:
            left += 1
            print("%s: %s" % (folder, stopped))
            sender.close(False)
            continue
        finally:
            count = sender.state["records"] - before
        print("%s: %d records delivered to %s" % (sender.meta["run"], count, sender.url))
        for item in sender.state["failed"]:
            print("%s: the file %s is not delivered, and kept in %s" % (sender.meta["run"], item["name"], folder))
        left += bool(sender.state["failed"])
        sender.close(bool(sender.state["finished"]) or not owner_lives(folder))
    return left


def main(arguments: Optional[List[str]] = None) -> None:
    words = list(sys.argv[1:] if arguments is None else arguments)
    program: List[str] = []
    if words[:1] == ["run"] and "--" in words:  # what stands behind it is the program's own
        at = words.index("--")
        words, program = words[:at], words[at + 1 :]
    options = _parser().parse_args(words)
    try:
        code = options.play(options, program)
    except ValueError as error:
        code = _refuse(str(error))
    except Exception as error:
        from .api import ApiError
        from .reproduce import Impossible

        if not isinstance(error, (ApiError, Impossible)):
            raise
        code = _refuse(str(error))
    sys.exit(code)


def _refuse(why: str) -> int:
    print("runstream: %s" % why, file=sys.stderr)
    return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="runstream", description="Runs from the command line: deliver them, track any program, compare, make again.")
    commands = parser.add_subparsers(dest="command", required=True)

    command = commands.add_parser("sync", help="deliver what processes that are gone (or ran offline) left in a spool folder")
    command.add_argument("dir", nargs="?", help="default: RUNSTREAM_DIR, else .runstream and your folders in the temporary directory")
    command.add_argument("--url", help="default: RUNSTREAM_URL, else where the run wanted to go")
    command.add_argument("--timeout", type=float, default=30.0, help="seconds to wait for a server that is away")
    command.set_defaults(play=_sync)

    command = commands.add_parser("run", help="track any program as a run: runstream run --project vision -- ./train.sh --lr 0.1")
    command.add_argument("--project", help="default: RUNSTREAM_PROJECT, else \"default\"")
    command.add_argument("--name", default="", help="what people call the run")
    command.add_argument("--group", default="")
    command.add_argument("--notes", default="")
    command.add_argument("--param", action="append", default=[], metavar="KEY=VALUE", help="as often as there are params")
    command.add_argument("--tag", action="append", default=[], metavar="KEY=VALUE", help="as often as there are tags")
    command.add_argument("--url", help="default: RUNSTREAM_URL")
    command.set_defaults(play=_run)

    command = commands.add_parser("watch", help="draw the curves of a run as it goes on, until it has ended")
    command.add_argument("run", metavar="RUN", help="its id")
    command.add_argument("--key", action="append", metavar="METRIC", help="as often as there are metrics to see; default: all but the machine's")
    command.add_argument("--every", type=float, default=1.0, metavar="SECONDS")
    command.add_argument("--once", action="store_true", help="draw once, and end")
    command.add_argument("--url", help="default: RUNSTREAM_URL")
    command.set_defaults(play=_watch)

    command = commands.add_parser("status", help="list what waits in spools on this machine, and who is at it")
    command.add_argument("dir", nargs="?", help="default: RUNSTREAM_DIR, else .runstream and your folders in the temporary directory")
    command.set_defaults(play=_status)

    command = commands.add_parser("compare", help="print what runs differ in")
    command.add_argument("runs", nargs="+", metavar="RUN", help="ids, two or more")
    command.add_argument("--url", help="default: RUNSTREAM_URL")
    command.set_defaults(play=_compare)

    command = commands.add_parser("reproduce", help="print how to make a run again: its source with what was changed, its packages, its command")
    command.add_argument("run", metavar="RUN", help="its id")
    command.add_argument("--do", metavar="FOLDER", help="make the checkout with its patch, packages and reproduce.sh in a new folder")
    command.add_argument("--repository", help="where the run's git repository is, if not where it was")
    command.add_argument("--no-install", action="store_true", help="with --do: write requirements.runstream.txt, and install nothing")
    command.add_argument("--url", help="default: RUNSTREAM_URL")
    command.set_defaults(play=_reproduce)
    return parser


def _sync(options: argparse.Namespace, _: List[str]) -> int:
    left = 0
    for root in spool_roots(options.dir):
        left += sync(root, options.url or os.environ.get("RUNSTREAM_URL"), options.timeout)
    return 1 if left else 0


def _run(options: argparse.Namespace, program: List[str]) -> int:
    from .program import pairs, track

    if not program:
        raise ValueError("run: say which program, behind --: runstream run -- python train.py")
    return track(program, project=options.project, name=options.name, group=options.group, notes=options.notes, url=options.url,
                 config=pairs(options.param, "--param"), tags=pairs(options.tag, "--tag"))


def _watch(options: argparse.Namespace, _: List[str]) -> int:
    from .api import Api
    from .watch import watch

    if not 0.1 <= options.every <= 3_600:
        raise ValueError("--every: %s is not from 0.1 to 3600 seconds" % options.every)
    try:
        watch(Api(options.url), options.run, options.key, options.every, options.once)
    except KeyboardInterrupt:
        pass
    return 0


def _status(options: argparse.Namespace, _: List[str]) -> int:
    found = [folder for root in spool_roots(options.dir) for folder in spools(root)]
    for folder in found:
        print("%s: %s" % (folder, standing(folder)))
    if not found:
        print("nothing waits here")
    return 0


def standing(folder: str) -> str:
    """Of a spool, in words."""
    try:
        with open(os.path.join(folder, "meta.json"), encoding="utf-8") as file:
            meta = json.load(file)
        state = State(folder)
        waiting = max(0, state[State.WRITTEN] - state[State.ACKED])
        state.close()
    except (OSError, ValueError) as error:
        return "can't be read: %r" % error
    words = ["run %s of %s, rank %s" % (meta.get("run"), meta.get("project"), meta.get("rank")), "%d bytes are not delivered" % waiting]
    words.append("its program runs" if owner_lives(folder) else "its program is gone")
    words.append("a sender is at it" if is_held(os.path.join(folder, "lock")) else "no sender is at it: runstream sync")
    try:
        with open(os.path.join(folder, "trouble"), encoding="utf-8") as file:
            words.append("trouble: %s" % file.read(500).strip())
    except OSError:
        pass
    return ", ".join(words)


def _compare(options: argparse.Namespace, _: List[str]) -> int:
    from .api import Api
    from .compare import differences, table

    if len(options.runs) < 2:
        raise ValueError("compare: two runs at least")
    rows = differences(Api(options.url), options.runs)
    sys.stdout.write(table(options.runs, rows) if rows else "These runs are alike in everything that was recorded of them.\n")
    return 0


def _reproduce(options: argparse.Namespace, _: List[str]) -> int:
    from .api import Api
    from .reproduce import make, script, source_of

    api = Api(options.url)
    source = source_of(api, options.run)
    if options.do is None:
        url = options.url or os.environ.get("RUNSTREAM_URL") or "http://127.0.0.1:7171"
        sys.stdout.write(script(source, url, "run-%s" % source.id))
        return 0
    make(api, source, options.do, options.repository, not options.no_install)
    print("made in %s; play it there with ./reproduce.sh" % options.do)
    return 0


if __name__ == "__main__":
    main()

"""`runstream sync [dir]`: delivers what processes that are gone (or ran offline) left in their spools."""
from __future__ import annotations

import argparse
import os
import sys
from typing import List, Optional

from .sender import Sender, Stopped
from .start import spool_root


def spools(root: str) -> List[str]:
    found = []
    for folder, _, files in os.walk(root):
        if "meta.json" in files and "state" in files:
            found.append(folder)
    return sorted(found)


def sync(root: str, url: Optional[str], patience_s: float) -> int:
    left = 0
    for folder in spools(root):
        try:
            sender = Sender(folder, 0, url, patience_s)
        except BlockingIOError:
            print("%s: a sender is at it" % folder)
            continue
        before = sender.state["records"]
        try:
            sender.run()
        except Stopped as stopped:
            left += 1
            print("%s: %s" % (folder, stopped))
            continue
        finally:
            count = sender.state["records"] - before
        print("%s: %d records delivered to %s" % (sender.meta["run"], count, sender.url))
        sender.close(not _alive(folder) or bool(sender.state["finished"]))
    return left


def _alive(folder: str) -> bool:
    from .run import _lock_file

    try:
        os.close(_lock_file(os.path.join(folder, "owner")))
        return False
    except BlockingIOError:
        return True


def main(arguments: Optional[List[str]] = None) -> None:
    parser = argparse.ArgumentParser(prog="runstream", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    command = commands.add_parser("sync", help="deliver what is left in a spool folder")
    command.add_argument("dir", nargs="?", help="default: RUNSTREAM_DIR, else .runstream")
    command.add_argument("--url", help="default: RUNSTREAM_URL, else where the run wanted to go")
    command.add_argument("--timeout", type=float, default=30.0, help="seconds to wait for a server that is away")
    options = parser.parse_args(arguments)
    sys.exit(1 if sync(spool_root(options.dir), options.url or os.environ.get("RUNSTREAM_URL"), options.timeout) else 0)


if __name__ == "__main__":
    main()

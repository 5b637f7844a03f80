"""`runstream sync [dir]`: delivers what processes that are gone (or ran offline) left in their spools."""
from __future__ import annotations

import argparse
import os
import sys
from typing import List, Optional

from .places import spool_roots
from .sender import Sender, Stopped
from .sources import owner_lives


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
    parser = argparse.ArgumentParser(prog="runstream", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    command = commands.add_parser("sync", help="deliver what is left in a spool folder")
    command.add_argument("dir", nargs="?", help="default: RUNSTREAM_DIR, else .runstream and your folders in the temporary directory")
    command.add_argument("--url", help="default: RUNSTREAM_URL, else where the run wanted to go")
    command.add_argument("--timeout", type=float, default=30.0, help="seconds to wait for a server that is away")
    options = parser.parse_args(arguments)
    left = 0
    for root in spool_roots(options.dir):
        left += sync(root, options.url or os.environ.get("RUNSTREAM_URL"), options.timeout)
    sys.exit(1 if left else 0)


if __name__ == "__main__":
    main()

"""A terminal in front of a terminal: programs that ask still find one, with its size and colours."""
from __future__ import annotations

import os
from typing import Tuple


def open_like(fd: int) -> Tuple[int, int]:
    """(reading end, writing end). What is written comes out as it is: the terminal behind does the rest."""
    import pty
    import termios

    reading, writing = pty.openpty()
    try:
        attributes = termios.tcgetattr(fd)
        attributes[1] &= ~termios.OPOST
        attributes[3] &= ~(termios.ECHO | termios.ICANON | termios.ISIG)
        termios.tcsetattr(writing, termios.TCSANOW, attributes)
    except (termios.error, OSError):
        pass  # an unusual terminal
    copy_size(fd, reading)
    return reading, writing


def copy_size(source: int, target: int) -> None:
    try:
        import fcntl
        import termios

        fcntl.ioctl(target, termios.TIOCSWINSZ, fcntl.ioctl(source, termios.TIOCGWINSZ, bytes(8)))
    except (ImportError, OSError):
        pass  # no size to copy


def is_terminal(fd: int) -> bool:
    try:
        return os.isatty(fd)
    except OSError:
        return False

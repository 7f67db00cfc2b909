"""The command line: python -m core COMMAND."""

import signal
import sys

from core.cli import main

if __name__ == "__main__":
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # a polite kill is Ctrl-C
    sys.exit(main())

"""Tests interrupt commands, and a shell lets what it runs in the background, and all its children, ignore that."""

import signal

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

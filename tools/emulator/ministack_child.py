# MiniStack as our child. Its stock main would also take port 443 of this machine if it may; here it takes only the port it
# is given. It ends with the process that started it, when standard input closes: with all functions that it runs, and
# without leaving its HOME behind. Ctrl-C in the terminal is for the parent alone: it ends us when it is done.
import os
import shutil
import signal
import sys
import threading


def end_with_parent():
    sys.stdin.buffer.read()
    shutil.rmtree(os.environ["HOME"], ignore_errors=True)
    os.killpg(0, signal.SIGKILL)


os.setpgrp()
threading.Thread(target=end_with_parent, daemon=True).start()

from ministack import app  # noqa: E402: the watch comes first

app._port_is_bindable = lambda host, port: False
app.main()

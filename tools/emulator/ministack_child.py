# Runs MiniStack as our child. Its stock main would also take port 443 of this machine if it may. Here it takes only the port
# that it is given. It ends with the process that started it, when standard input closes. It then ends all functions that it
# runs and removes its HOME. Ctrl-C in the terminal reaches only the parent, which ends this process when it is done.
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

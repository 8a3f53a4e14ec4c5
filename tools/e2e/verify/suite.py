"""Runs `fin up` for a check: on a free port, in a folder of its own, and never touching a process it did not start."""

import json
import os
import random
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
FIN = Path(os.environ.get("FIN_PROGRAM") or ROOT / "target/release/fin")

sys.dont_write_bytecode = True
signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))


def expect(true, what):
    """Prints the check that holds, or ends the script with the one that does not."""
    if not true:
        sys.exit(f"FAIL {what}")
    print(f"ok   {what}", flush=True)


def wait(what, probe, seconds=60):
    """The first true value of `probe()`; ends the script if none comes in time."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if found := probe():
            return found
        time.sleep(0.1)
    sys.exit(f"FAIL {what}: not within {seconds} s")


def free_port():
    """A port that nobody listens on, below those the kernel hands out, so that nothing else is given it meanwhile."""
    while True:
        port = random.randrange(12_000, 32_000)
        with socket.socket() as s:
            try:
                s.bind(("127.0.0.1", port))
                return port
            except OSError:
                continue


def fetch(url, body=None):
    """The JSON at `url`; with `body` as a POST."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"content-type": "application/json"})
    with urllib.request.urlopen(request, timeout=20) as answer:
        return json.load(answer)


class Suite:
    """A suite on its own data folder; a context manager that leaves nothing behind."""

    def __init__(self, *arguments, **environment):
        self.arguments = arguments
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.temporary = tempfile.TemporaryDirectory(prefix="fin-verify-")
        self.folder = Path(self.temporary.name)
        self.log = self.folder / "log.txt"
        self.environment = {"FIN__DATA_DIR": str(self.folder / "data"), "FIN__API__LISTEN": f"127.0.0.1:{self.port}"}
        self.environment |= environment
        self.process = None

    def __enter__(self):
        return self.start()

    def __exit__(self, kind, *_):
        if self.process and self.process.poll() is None:
            self.interrupt(30)
        self.kill()
        tail = self.log.read_text().splitlines()[-25:] if kind and self.log.exists() else []
        self.temporary.cleanup()
        for line in tail:
            print(f"  | {line}")

    def start(self):
        """Starts it and waits until it answers."""
        with self.log.open("a") as log:
            command = [FIN, "up", *self.arguments]
            self.process = subprocess.Popen(command, cwd=ROOT, env=os.environ | self.environment, stdout=log, stderr=log)
        wait("the suite answers", self.answers)
        return self

    def answers(self):
        if self.process.poll() is not None:
            sys.exit(f"FAIL the suite ended with {self.process.returncode} instead of answering")
        try:
            return self.get("status")
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            return None

    def refused(self, *arguments, seconds=30, **environment):
        """Exit code and stderr lines of a second `fin up` on the same folder, which is expected to end by itself."""
        env = os.environ | self.environment | environment
        done = subprocess.run([FIN, "up", *arguments], cwd=ROOT, env=env, capture_output=True, text=True, timeout=seconds)
        return done.returncode, done.stderr.splitlines()

    def get(self, path):
        return fetch(f"{self.url}/api/v1/{path}")

    def items(self, path):
        """Every row of a list, page by page."""
        rows, cursor = [], None
        while True:
            page = self.get(f"{path}{'&' if '?' in path else '?'}limit=500" + (f"&after={cursor}" if cursor else ""))
            rows += page["items"]
            if not (cursor := page["next"]):
                return rows

    def post(self, path, body):
        return fetch(f"{self.url}/api/v1/{path}", body)

    def sim(self, path, body=None):
        """vendor-sim's own control and records."""
        return fetch(f"{self.get('status')['vendors']['sim']}/{path}", body)

    def filled(self, least=1, seconds=120):
        """Waits until the session has `least` fills, and gives them."""
        return wait(f"{least} fills", lambda: len(f := self.items("fills")) >= least and f, seconds)

    def processes(self):
        """Command lines that name the data folder: the suite's children, wherever they are now."""
        found = []
        for entry in Path("/proc").glob("[0-9]*/cmdline"):
            try:
                line = entry.read_bytes().replace(b"\0", b" ").decode(errors="replace")
            except OSError:
                continue
            if str(self.folder) in line:
                found.append(line)
        return found

    def interrupt(self, seconds):
        """Ctrl-C; the exit code, or None if it is still there after `seconds`."""
        self.process.send_signal(signal.SIGINT)
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            return None

    def kill(self):
        """kill -9."""
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait()

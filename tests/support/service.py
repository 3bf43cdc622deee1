"""One process of the product: started with a private environment, stopped by its pid, its log kept."""

import ctypes
import os
import signal
import subprocess
import time

from .waiting import until

BIN = os.environ.get("PERSISTBUS_BIN") or os.path.abspath("build/bin")
REPORTS = ("ERROR: AddressSanitizer", "ERROR: LeakSanitizer", "runtime error:", "WARNING: ThreadSanitizer",
           "SUMMARY: UndefinedBehaviorSanitizer")
SANITIZER_EXIT = 99
TESTS = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def program(name):
    return os.path.join(BIN, name)


def _instrumented():
    try:
        with open(program("core-data"), "rb") as f:
            data = f.read()
        return b"__asan_init" in data or b"__tsan_init" in data or b"__ubsan_handle" in data
    except OSError:
        return False


INSTRUMENTED = _instrumented()
# Spans are for an ordinary build; an instrumented one is slower. SLOWER is for bounds that are promised, PATIENCE for what is
# waited for: PERSISTBUS_PATIENCE, a factor for slow machines, changes how long a failure takes and nothing else.
SLOWER = 4.0 if INSTRUMENTED else 1.0
PATIENCE = SLOWER * float(os.environ.get("PERSISTBUS_PATIENCE") or 1)
# How much of the large loads is run: PERSISTBUS_TEST_SCALE=1 is what the issue asks for.
SCALE = float(os.environ.get("PERSISTBUS_TEST_SCALE") or (0.1 if INSTRUMENTED else 1))


def environment(extra=()):
    """What a service sees: none of the tester's own settings, only the ones given."""
    kept = {k: os.environ[k] for k in ("PATH", "HOME", "LANG", "TZ", "TMPDIR", "LD_LIBRARY_PATH") if k in os.environ}
    kept["ASAN_OPTIONS"] = f"exitcode={SANITIZER_EXIT}:detect_leaks=1"
    kept["UBSAN_OPTIONS"] = f"exitcode={SANITIZER_EXIT}:print_stacktrace=1"
    kept["LSAN_OPTIONS"] = f"print_suppressions=0:suppressions={TESTS}/lsan.supp"
    kept["TSAN_OPTIONS"] = f"exitcode={SANITIZER_EXIT}:suppressions={TESTS}/tsan.supp"
    kept.update(extra)
    return kept


def die_with_parent():
    """In the child: a tester that is killed leaves no services behind."""
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)


class Service:
    def __init__(self, name, env, log_path, args=(), cwd=None):
        self.name = name
        self.env = dict(env)
        self.args = list(args)
        self.log_path = log_path
        self.cwd = cwd
        self.process = None

    def start(self):
        assert not self.alive, f"{self.name} runs already"
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen([program(self.name), *self.args], env=environment(self.env),
                                            stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self.cwd,
                                            preexec_fn=die_with_parent)
        return self

    @property
    def pid(self):
        return self.process.pid

    @property
    def alive(self):
        return self.process is not None and self.process.poll() is None

    def send(self, number):
        self.process.send_signal(number)

    def kill(self):
        """As a crash of the process: no chance to say goodbye."""
        self.send(signal.SIGKILL)
        self.process.wait()
        self.check_log()

    def wait(self, within):
        try:
            return self.process.wait(within)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"{self.name} did not end within {within:g} s") from None

    def stop(self, number=signal.SIGTERM, within=2.0):
        """Asks it to stop, and checks that it does so in time, with status 0 and a clean log."""
        began = time.monotonic()
        self.send(number)
        status = self.wait(within * SLOWER)
        self.check_log()
        assert status == 0, f"{self.name} ended with status {status} after {signal.Signals(number).name}"
        return time.monotonic() - began

    def log(self):
        try:
            with open(self.log_path, errors="replace") as f:
                return f.read()
        except FileNotFoundError:
            return ""

    def check_log(self):
        text = self.log()
        for report in REPORTS:
            at = text.find(report)
            assert at < 0, f"{self.name}: a sanitizer reports:\n{text[max(0, at - 200):at + 4000]}"

    def wait_log(self, text, within=5.0):
        return until(lambda: text in self.log(), within * PATIENCE, f"'{text}' in the log of {self.name}")

    def resident(self):
        """Bytes of resident memory."""
        with open(f"/proc/{self.pid}/statm") as f:
            return int(f.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.pid}/fd"))


def run(name, args=(), env=(), within=10.0, cwd=None):
    """Runs a program to its end; returns (status, stdout, stderr)."""
    done = subprocess.run([program(name), *args], env=environment(env), stdin=subprocess.DEVNULL,
                          capture_output=True, timeout=within * PATIENCE, text=True, errors="replace", cwd=cwd)
    return done.returncode, done.stdout, done.stderr

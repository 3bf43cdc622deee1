"""What the end-to-end tests share. They start the real programs of $PERSISTBUS_BIN on private ports, with data in
temporary folders, so that any number of runs go side by side."""

import os
import signal
import sys

import pytest

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from support.package import Package  # noqa: E402
from support import containers, replica_set  # noqa: E402
from support.service import BIN  # noqa: E402
from support.stand import Stand  # noqa: E402

# Left out on demand, which is not the same as skipped because something is missing.
collect_ignore = ["test_chaos.py"] if os.environ.get("PERSISTBUS_CHAOS") == "0" else []

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    outcome = yield
    setattr(item, "report_" + call.when, outcome.get_result())


def pytest_sessionstart(session):
    if not os.path.exists(os.path.join(BIN, "core-data")):
        pytest.exit(f"no programs in {BIN}: run make, or set PERSISTBUS_BIN", returncode=2)
    if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:  # a shell's background job: what is started here would ignore it, too
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_terminal_summary(terminalreporter):
    """With PERSISTBUS_NO_SKIP=1 a test that could not run here is a failure (see pytest_sessionfinish)."""
    for report in terminalreporter.stats.get("skipped", []):
        terminalreporter.write_line(f"SKIPPED {report.nodeid}: {report.longrepr[2]}")


def pytest_sessionfinish(session, exitstatus):
    """Neither containers nor MongoDB are needed to build or run persistbus: tests without them are left out, loudly."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    skipped = [report for report in reporter.stats.get("skipped", [])
               if not any(reason in report.longrepr[2] for reason in (containers.SKIPPED, replica_set.SKIPPED))]
    if os.environ.get("PERSISTBUS_NO_SKIP") == "1" and exitstatus == 0 and skipped:
        session.exitstatus = 1


def failed(item):
    report = getattr(item, "report_call", None)
    return report is None or report.failed


@pytest.fixture
def stand(request):
    """Ports and a folder; the test starts what it needs."""
    made = Stand()
    yield made
    made.close(failed(request.node))


@pytest.fixture
def served(stand):
    """core-data with persist-sqlite, ready."""
    return stand.start()


@pytest.fixture(scope="session")
def root():
    return ROOT


@pytest.fixture(scope="session")
def package(tmp_path_factory):
    """The installed package, in a temporary folder."""
    return Package(tmp_path_factory.mktemp("package"))

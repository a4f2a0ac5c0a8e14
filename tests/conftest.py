"""What the tests share."""

import os
import shutil

import pytest

NO_SKIP = bool(os.environ.get("SCALARGRAD_NO_SKIP"))


def _not_skipped(report):
    """Turn a skip into a failure where nothing may skip."""
    if NO_SKIP and report.skipped and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"nothing may skip here: {report.longrepr}"
    return report


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport():
    return _not_skipped((yield))


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report():
    return _not_skipped((yield))


def require_program(name):
    """Skip a test where a program is missing."""
    if shutil.which(name) is None:
        pytest.skip(f"needs the program {name}")


@pytest.fixture(params=["embedded", "dot"])
def graphviz(request, monkeypatch, tmp_path_factory):
    """Run a test with the embedded Graphviz alone, and with the program ``dot``."""
    if request.param == "embedded":
        monkeypatch.setenv("PATH", str(tmp_path_factory.mktemp("nothing")))
    else:
        require_program("dot")
    return request.param

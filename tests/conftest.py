"""What the tests share."""

import gc
import os
import shutil
from importlib import import_module

import pytest
from hypothesis import settings

# How long a test takes is the matter of the machine.
settings.register_profile("scalargrad", deadline=None)
settings.load_profile("scalargrad")

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


def require_package(name):
    """Import a package, or skip a test where it is missing."""
    return import_module(name) if NO_SKIP else pytest.importorskip(name)


@pytest.fixture(params=["embedded", "dot"])
def graphviz(request, monkeypatch, tmp_path_factory):
    """Run a test with the embedded Graphviz alone, and with the program ``dot``."""
    if request.param == "embedded":
        monkeypatch.setenv("PATH", str(tmp_path_factory.mktemp("nothing")))
    else:
        require_program("dot")
    return request.param


@pytest.fixture(scope="module")
def browser():
    """A headless Chromium."""
    require_program("chromium")
    playwright = require_package("playwright.sync_api")
    flags = ["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"]
    with playwright.sync_playwright() as engine:
        chromium = engine.chromium.launch(executable_path=shutil.which("chromium"), args=flags)
        yield chromium
        chromium.close()


@pytest.fixture
def open_page(browser):
    """Open a file without a network: nothing may go wrong in it, and nothing may be asked for."""
    contexts, own, trouble, requests = [], [], [], []

    def opened(path, address="", **options):
        options = {"viewport": {"width": 1280, "height": 800}, "reduced_motion": "reduce"} | options
        own.append(path.as_uri())
        context = browser.new_context(offline=True, **options)
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: trouble.append(str(error)))
        page.on("console", lambda message: trouble.append(message.text))
        page.on("dialog", lambda dialog: trouble.append(dialog.message))
        page.on("request", lambda request: requests.append(request.url))
        page.goto(path.as_uri() + address)
        return page

    yield opened
    for context in contexts:
        context.close()
    assert trouble == []
    assert [url for url in requests if not url.startswith(tuple(own))] == []


def pytest_collection_finish():
    """Keep the garbage collector from walking all tests again and again."""
    gc.collect()
    gc.freeze()

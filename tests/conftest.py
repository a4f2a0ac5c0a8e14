"""What the tests share."""

import gc
import os
import shutil
import signal
from importlib import import_module

import pytest
from hypothesis import settings
from oracles import settle

# How long a test takes is the matter of the machine.
settings.register_profile("scalargrad", deadline=None)
settings.load_profile("scalargrad")

NO_SKIP = bool(os.environ.get("SCALARGRAD_NO_SKIP"))
#: What a tape runs as.
LANGUAGES = ["machine code", "Python", "Python, run by run"]


def _not_skipped(report):
    """Turn a skip into a failure where nothing may skip."""
    if NO_SKIP and report.skipped and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"nothing may skip here: {report.longrepr}"
    return report


@pytest.hookimpl(wrapper=True)
def pytest_collection():
    """Keep the garbage collector from walking all tests, and what they import, again and again."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.enable()
        settle()


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


@pytest.fixture(params=LANGUAGES)
def language(request, monkeypatch):
    """Run tapes with and without numba, and as tapes that are too long for a line each."""
    from scalargrad.compiler.tape import machine, native, python

    in_machine_code = request.param == "machine code"
    monkeypatch.setattr(native, "is_installed", lambda: in_machine_code)
    monkeypatch.setattr(machine, "_say_what_is_missing", lambda: None)
    if request.param == "Python, run by run":
        monkeypatch.setattr(python, "LINES", 0)
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


#: What a page is shown on, where a test does not say otherwise.
EVERYDAY = {"media": "screen", "color_scheme": "light", "reduced_motion": "reduce"}


@pytest.fixture(scope="module")
def tab(browser):
    """A page without a network that tests use one after the other, and what it says."""
    context = browser.new_context(offline=True)
    said = {"trouble": [], "requests": []}
    trouble, requests = said.values()
    context.on("weberror", lambda error: trouble.append(str(error.error)))
    context.on("console", lambda message: trouble.append(message.text))
    context.on("dialog", lambda dialog: trouble.append(dialog.message))
    context.on("request", lambda request: requests.append(request.url))
    yield context.new_page(), said
    context.close()


@pytest.fixture
def open_page(tab):
    """Open a file without a network: nothing may go wrong in it, and nothing may be asked for."""
    page, said = tab
    own, more = [], []

    def opened(path, address="", *, width=1280, height=800, **media):
        where = page
        if own:
            where = page.context.new_page()
            more.append(where)
        own.append(path.as_uri())
        where.set_viewport_size({"width": width, "height": height})
        where.emulate_media(**EVERYDAY | media)
        where.goto(path.as_uri() + address)
        return where

    yield opened
    for each in more:
        each.close()
    page.mouse.move(0, 0)
    page.goto("about:blank")
    trouble, requests = (said[what].copy() for what in ("trouble", "requests"))
    for what in said.values():
        what.clear()
    assert trouble == []
    assert [url for url in requests if not url.startswith(("about:", *own))] == []


@pytest.fixture
def no_collector():
    """Let nothing be freed but by reference counts."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


@pytest.fixture
def listening():
    """Hear of Ctrl-C, as at a prompt; what runs in the background may not."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)

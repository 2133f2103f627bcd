"""A real browser for the tests of the report: Debian's Chromium without a window, driven by Selenium."""

from __future__ import annotations

import base64
import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

CHROMIUM, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")


def why_not() -> str:
    """Why there is no browser, or ""."""
    try:
        import selenium  # noqa: F401
    except ImportError:
        return "Selenium is not there: pip install 'ptecheck[browser]'"
    if not CHROMIUM or not DRIVER:
        return "Chromium or its driver is not there: apt-get install chromium chromium-driver"
    return ""


@contextmanager
def chromium() -> Iterator[Any]:
    """A browser that logs everything it loads and every complaint."""
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service

    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    for switch in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars"):
        options.add_argument(switch)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(options, Service(DRIVER))
    try:
        yield driver
    finally:
        driver.quit()


def opened(
    driver: Any, file: Path, width: int = 1200, height: int = 900, dark: bool = False, script: bool = True
) -> None:
    """Opens a file as a reader has it: the width of the window, light or dark, with or without JavaScript."""
    features = [{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "", "features": features})
    metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    driver.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": not script})
    driver.get("about:blank")
    complaints(driver)
    loaded(driver)
    driver.get(file.resolve().as_uri())


def complaints(driver: Any) -> list[str]:
    """What the console has said since this was last asked."""
    return [entry["message"] for entry in driver.get_log("browser")]


def loaded(driver: Any) -> list[str]:
    """The addresses that were asked for since this was last asked."""
    messages = [json.loads(entry["message"])["message"] for entry in driver.get_log("performance")]
    return [m["params"]["request"]["url"] for m in messages if m["method"] == "Network.requestWillBeSent"]


def picture(driver: Any, target: Path, whole: bool = False) -> None:
    """What the window shows, or the whole page, as a PNG file."""
    shot = driver.execute_cdp_cmd("Page.captureScreenshot", {"captureBeyondViewport": whole})
    target.write_bytes(base64.b64decode(shot["data"]))


def printed(driver: Any) -> bytes:
    """The page as a PDF."""
    return base64.b64decode(
        driver.execute_cdp_cmd("Page.printToPDF", {"paperWidth": 8.27, "paperHeight": 11.69})["data"]
    )

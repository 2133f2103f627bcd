"""The report in a real browser: clicks, keys, a small screen, dark, paper, without JavaScript, and against a hostile tree."""

from __future__ import annotations

import itertools

import pytest

from tests import browser
from tests.report_pages import hostile_data, hostile_tree, ordinary_data, written
from tests.test_cli import ptecheck

pytestmark = [pytest.mark.slow, pytest.mark.skipif(bool(browser.why_not()), reason=browser.why_not() or "there is one")]


@pytest.fixture(scope="module")
def driver():
    with browser.chromium() as found:
        yield found


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    return written(tmp_path_factory.mktemp("report"), ordinary_data())


@pytest.fixture
def page(driver, report):
    browser.opened(driver, report)
    return driver


def find(driver, selector: str):
    return driver.find_element("css selector", selector)


def every(driver, selector: str):
    return driver.find_elements("css selector", selector)


def press(driver, key: str, on: str) -> None:
    find(driver, on).send_keys(key)


def step(driver, violation: str = "#v1") -> str:
    """What the player says of where it is."""
    return find(driver, f"{violation} .player output").text


def number(driver, violation: str = "#v1") -> int:
    """The step that is lit, which must be the same everywhere."""
    found = driver.execute_script(
        "return [...document.querySelectorAll(arguments[0] + ' [data-step].now')].map(e => e.dataset.step)", violation
    )
    assert len(set(found)) == 1, found
    return int(found[0])


def overflow(driver) -> int:
    """By how many pixels the page is wider than the window."""
    return driver.execute_script("return document.documentElement.scrollWidth - document.documentElement.clientWidth")


def heights(driver, selector: str) -> list[float]:
    """How tall elements are, also those in what is closed, of which the driver itself says that they are not displayed."""
    script = "return [...document.querySelectorAll(arguments[0])].map(e => e.getBoundingClientRect().height)"
    return driver.execute_script(script, selector)


class TestPlayer:
    def test_buttons_step_and_stop_at_the_ends(self, page):
        assert step(page) == "step 0 of 2: (start)"
        for where, wanted in (("on", 1), ("on", 2), ("on", 2), ("back", 1), ("last", 2), ("first", 0), ("back", 0)):
            find(page, f"#v1 [data-go={where}]").click()
            assert number(page) == wanted, where
        assert find(page, "#v1 [data-go=back]").get_attribute("aria-disabled") == "true"
        assert find(page, "#v1 [data-go=on]").get_attribute("aria-disabled") == "false"

    def test_keys_step(self, page):
        from selenium.webdriver.common.keys import Keys

        for key, wanted in ((Keys.ARROW_RIGHT, 1), (Keys.END, 2), (Keys.ARROW_LEFT, 1), (Keys.HOME, 0)):
            press(page, key, "#v1 .player")
            assert number(page) == wanted

    def test_keys_with_control_are_left_to_the_browser(self, page):
        from selenium.webdriver.common.keys import Keys

        find(page, "#v1 .player").send_keys(Keys.CONTROL, Keys.ARROW_RIGHT)
        assert number(page) == 0

    def test_the_slider_steps(self, page):
        from selenium.webdriver.common.keys import Keys

        press(page, Keys.ARROW_RIGHT, "#v1 input[type=range]")
        assert number(page) == 1

    def test_a_click_on_a_column_a_step_or_a_state_goes_there(self, page):
        find(page, "#v1 .lanes thead th[data-step='2']").click()
        assert number(page) == 2
        find(page, "#v1 .steps > li[data-step='1'] .operation").click()
        assert number(page) == 1
        find(page, "#v1 .graph .on-way[data-step='0']").click()
        assert number(page) == 0

    def test_one_picture_is_shown_and_what_breaks_is_said(self, page):
        find(page, "#v1 [data-go=last]").click()
        assert [f.get_attribute("data-step") for f in every(page, "#v1 .frame") if f.is_displayed()] == ["2"]
        assert step(page) == "step 2 of 2: split_huge_pmd(parent); ✗ breaks shared-not-hw-writable"

    def test_players_do_not_disturb_each_other(self, page):
        find(page, "#v2 summary").click()
        find(page, "#v2 [data-go=last]").click()
        assert (number(page, "#v1"), number(page, "#v2")) == (0, 3)

    def test_a_cell_of_the_table_leads_to_its_run(self, page):
        find(page, ".matrix a[href='#v3']").click()
        assert find(page, "#v3").get_attribute("open") is not None
        assert page.switch_to.active_element.tag_name == "summary"

    def test_all_can_be_opened_and_closed(self, page):
        find(page, "[data-all=open]").click()
        assert all(v.get_attribute("open") is not None for v in every(page, ".violation"))
        find(page, "[data-all=close]").click()
        assert all(v.get_attribute("open") is None for v in every(page, ".violation"))

    def test_a_run_can_be_copied(self, page):
        find(page, "#v1 .as-text summary").click()
        find(page, "#v1 [data-copy]").click()
        chosen = page.execute_script("return String(getSelection())")
        assert "split_huge_pmd(parent)" in chosen and "^ breaks shared-not-hw-writable" in chosen


class TestGraph:
    def width(self, page) -> float:
        return page.execute_script("return document.querySelector('#v4 .graph svg').getBoundingClientRect().width")

    @pytest.fixture
    def graph(self, page):
        find(page, "#v4 > summary").click()
        find(page, "#v4 .more summary").click()
        return page

    def test_buttons_and_keys_zoom(self, graph):
        before = self.width(graph)
        find(graph, "#v4 [data-zoom=in]").click()
        larger = self.width(graph)
        assert larger > before * 1.3
        press(graph, "-", "#v4 .graph-box")
        assert abs(self.width(graph) - before) < 3
        press(graph, "+", "#v4 .graph-box")
        press(graph, "0", "#v4 .graph-box")
        box = graph.execute_script("return document.querySelector('#v4 .graph-box').clientWidth")
        assert self.width(graph) <= box

    def test_dragging_moves_it(self, graph):
        from selenium.webdriver import ActionChains

        for _ in range(6):
            find(graph, "#v4 [data-zoom=in]").click()
        box = find(graph, "#v4 .graph-box")
        graph.execute_script("arguments[0].scrollTo(0, 0); arguments[0].scrollIntoView()", box)
        ActionChains(graph).drag_and_drop_by_offset(box, -150, -60).perform()
        left, top = graph.execute_script("return [arguments[0].scrollLeft, arguments[0].scrollTop]", box)
        assert left > 100 and top > 40

    def test_states_tell_what_they_are(self, graph):
        titles = graph.execute_script(
            "return [...document.querySelectorAll('#v4 .node title')].map(t => t.textContent)"
        )
        assert len(titles) > 100
        assert any("breaks the requirement" in title for title in titles)


class TestQuiet:
    def test_the_console_is_silent_and_nothing_is_fetched(self, page, report):
        find(page, "[data-all=open]").click()
        for button in every(page, "[data-go=last]"):
            if button.is_displayed():  # not of a run without a step
                button.click()
        assert browser.complaints(page) == []
        assert browser.loaded(page) == [report.resolve().as_uri()]

    def test_the_policy_stops_a_script_that_is_not_ours(self, page):
        page.execute_script(
            "const s = document.createElement('script'); s.textContent = 'window.alien = 1'; document.body.append(s)"
        )
        assert page.execute_script("return window.alien") is None
        assert any("Content Security Policy" in line for line in browser.complaints(page))

    def test_hostile_data_does_nothing(self, driver, tmp_path):
        browser.opened(driver, written(tmp_path, hostile_data()))
        driver.execute_script("document.querySelectorAll('details').forEach(d => d.open = true)")
        assert driver.execute_script("return window.broken") is None
        assert browser.complaints(driver) == []
        assert len(browser.loaded(driver)) == 1
        assert overflow(driver) <= 0

    def test_hostile_names_do_not_widen_a_small_screen(self, driver, tmp_path):
        browser.opened(driver, written(tmp_path, hostile_data()), width=400, height=800)
        driver.execute_script("document.querySelectorAll('details').forEach(d => d.open = true)")
        assert overflow(driver) <= 0

    def test_a_hostile_tree_does_nothing(self, driver, tmp_path):
        report = tmp_path / "r.html"
        ptecheck("check", "csky", "--kernel", str(hostile_tree(tmp_path)), "--no-cache", "--report", str(report))
        browser.opened(driver, report)
        find(driver, "#v1 [data-go=last]").click()
        assert driver.execute_script("return window.broken") is None
        assert browser.complaints(driver) == []


class TestReaders:
    @pytest.mark.parametrize("script", [True, False])
    @pytest.mark.parametrize("width", [320, 400, 700, 1200])
    def test_no_width_makes_the_page_scroll_sideways(self, driver, report, width, script):
        browser.opened(driver, report, width=width, height=800, script=script)
        driver.execute_script("document.querySelectorAll('details').forEach(d => d.open = true)")
        assert overflow(driver) <= 0

    def test_a_wide_table_scrolls_in_its_box_and_by_keys(self, driver, report):
        browser.opened(driver, report, width=400, height=800)
        box = find(driver, "#v1 .lanes-box")
        assert driver.execute_script("return arguments[0].scrollWidth > arguments[0].clientWidth", box)
        assert box.get_attribute("tabindex") == "0" and box.get_attribute("aria-label")
        find(driver, "#v1 [data-go=last]").click()
        assert driver.execute_script("return arguments[0].scrollLeft", box) > 0

    def test_without_script_everything_is_there_and_no_button_that_does_nothing(self, driver, report):
        browser.opened(driver, report, script=False)
        assert "js" not in driver.execute_script("return document.documentElement.className")
        shown = [frame.is_displayed() for frame in every(driver, "#v1 .frame")]
        assert len(shown) == 3 and all(shown)
        assert find(driver, "#v1 .lanes").is_displayed() and find(driver, "#v1 .steps").is_displayed()
        assert not any(button.is_displayed() for button in every(driver, "button, input"))
        find(driver, "#v2 summary").click()
        assert find(driver, "#v2 .lanes").is_displayed()

    def test_dark_is_dark_and_light_is_light(self, driver, report):
        def ink_and_page(dark: bool) -> list[float]:
            browser.opened(driver, report, dark=dark)
            colours = driver.execute_script(
                "const s = getComputedStyle(document.documentElement); return [s.color, s.backgroundColor]"
            )
            return [luminance(colour) for colour in colours]

        ink, paper = ink_and_page(dark=False)
        assert contrast(ink, paper) > 7 and paper > ink
        ink, paper = ink_and_page(dark=True)
        assert contrast(ink, paper) > 7 and paper < ink

    @pytest.mark.parametrize("dark", [False, True])
    def test_small_and_coloured_text_can_be_read(self, driver, report, dark):
        browser.opened(driver, report, dark=dark)
        for colours in driver.execute_script(PAIRS):
            text, ground = (luminance(colour) for colour in colours[1:])
            assert contrast(text, ground) >= 4.5, colours

    def test_the_tab_key_reaches_the_parts_in_their_order(self, page):
        from selenium.webdriver.common.keys import Keys

        order = []
        find(page, "body").click()
        page.execute_script("document.activeElement.blur(); scrollTo(0, 0)")
        for _ in range(30):
            page.switch_to.active_element.send_keys(Keys.TAB)
            order.append(page.execute_script("return document.activeElement.getBoundingClientRect().top + scrollY"))
        reached = page.execute_script("return document.activeElement.closest('section')?.id")
        assert reached == "violations"
        assert sum(after < before - 60 for before, after in itertools.pairwise(order)) <= 2

    def test_paper_has_every_step_and_no_button(self, driver, report):
        browser.opened(driver, report)
        driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
        assert heights(driver, "#v1 .frame, #v2 .frame, #v2 .lanes, #v2 .steps").count(0) == 0
        assert set(heights(driver, "button, input, nav")) == {0}
        assert browser.printed(driver).startswith(b"%PDF")


PAIRS = """
const ground = (e) => { for (; e; e = e.parentElement) {
  const c = getComputedStyle(e).backgroundColor; if (c !== 'rgba(0, 0, 0, 0)') return c; } };
const seen = new Map();
for (const e of document.querySelectorAll('main *, header *')) {
  if (![...e.childNodes].some(n => n.nodeType === 3 && n.textContent.trim()) || e.closest('svg, [aria-disabled=true]')) continue;
  if (!e.checkVisibility()) continue;
  const key = [getComputedStyle(e).color, ground(e)];
  seen.set(String(key), [e.className || e.tagName, ...key]);
}
return [...seen.values()];
"""


def luminance(colour: str) -> float:
    """The relative luminance of a colour as CSS has it, by WCAG."""
    values = [float(v) / 255 for v in colour[colour.index("(") + 1 : -1].split(",")[:3]]
    red, green, blue = (v / 12.92 if v <= 0.03928 else ((v + 0.055) / 1.055) ** 2.4 for v in values)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: float, other: float) -> float:
    """The contrast of two luminances, 1 to 21."""
    return (max(one, other) + 0.05) / (min(one, other) + 0.05)

"""What a page looks like to somebody who sees badly, has no mouse, or holds a phone: measured in the browser."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.keys import Keys

if TYPE_CHECKING:
    from selenium.webdriver import Chrome

LEAST_CONTRAST = 4.5
"""Of a text to what is behind it (WCAG 2.2, 1.4.3)."""

LEAST_TARGET = 24
"""Pixels either way of what a finger has to meet (WCAG 2.2, 2.5.8)."""

_CONTRAST = """
const parse = (text) => {
  const n = text.match(/[\\d.]+/g).map(Number);
  return {rgb: n.slice(0, 3), a: n[3] ?? 1};
};
const light = (rgb) => rgb.map((v) => { v /= 255; return v <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4; })
  .reduce((sum, v, i) => sum + v * [.2126, .7152, .0722][i], 0);
const behind = (el) => { for (; el; el = el.parentElement) {
  const colour = parse(getComputedStyle(el).backgroundColor); if (colour.a === 1) return colour.rgb; }
  return [255, 255, 255]; };
const faint = [];
const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
while (walk.nextNode()) {
  const el = walk.currentNode.parentElement, text = walk.currentNode.textContent.trim();
  if (!text || !el.checkVisibility({visibilityProperty: true})) continue;
  if (el.closest(".unseen, script, noscript, select")) continue;
  const [a, b] = [light(parse(getComputedStyle(el).color).rgb), light(behind(el))];
  const ratio = (Math.max(a, b) + .05) / (Math.min(a, b) + .05);
  if (ratio < arguments[0]) faint.push(`${text.slice(0, 40)}: ${ratio.toFixed(2)}`);
}
return faint;
"""

_SMALL = """
return [...document.querySelectorAll("a, button, input, select")].filter((el) => el.checkVisibility())
  .map((el) => [el.textContent.trim() || el.id, el.getBoundingClientRect()])
  .filter(([, box]) => box.width < arguments[0] || box.height < arguments[0])
  .map(([name, box]) => `${name}: ${Math.round(box.width)} x ${Math.round(box.height)}`);
"""

_OUTSIDE = """
return [...document.querySelectorAll("body *")]
  .filter((el) => el.checkVisibility() && !el.closest(".unseen, thead"))
  .filter((el) => el.getBoundingClientRect().right > document.documentElement.clientWidth + 1)
  .map((el) => `${el.tagName} ${el.id || el.className}`);
"""

_FOCUSED = """
const el = document.activeElement, style = getComputedStyle(el);
return {name: el.id || el.dataset.key || el.dataset.stage || el.tagName, ringed: style.outlineStyle !== "none"};
"""


def faint_texts(driver: Chrome) -> list[str]:
    """Return the texts that can be seen but hardly be read, each with its contrast."""
    return list(driver.execute_script(_CONTRAST, LEAST_CONTRAST))


def small_targets(driver: Chrome) -> list[str]:
    """Return what can be clicked but hardly be met with a finger."""
    return list(driver.execute_script(_SMALL, LEAST_TARGET))


def outside(driver: Chrome) -> list[str]:
    """Return what stands beyond the page's right edge."""
    return list(driver.execute_script(_OUTSIDE))


def tab_stops(driver: Chrome, most: int = 60) -> list[dict[str, Any]]:
    """Press Tab from the page's top to its end; return what was met, and whether it shows the focus."""
    driver.execute_script("document.activeElement.blur(); window.scrollTo(0, 0)")
    met: list[dict[str, Any]] = []
    for _ in range(most):
        ActionChains(driver).send_keys(Keys.TAB).perform()
        now = dict(driver.execute_script(_FOCUSED))
        if now["name"] == "BODY" or now["name"] in [one["name"] for one in met]:
            break
        met.append(now)
    return met

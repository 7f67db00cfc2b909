"""'What am I looking at?': a short answer at the first visit, dismissed for good in this browser with one click."""

from __future__ import annotations

import streamlit as st

_HTML = """
<section class="welcome" hidden>
  <div><b>What am I looking at?</b> <span class="text"></span></div>
  <button type="button" class="close" aria-label="Dismiss this explanation">✕</button>
</section>
<button type="button" class="again" hidden>What am I looking at?</button>
"""
_CSS = """
.welcome {
  display: flex; gap: 0.75rem; align-items: flex-start; justify-content: space-between; padding: 0.6rem 0.9rem;
  font-family: var(--st-font); font-size: 0.9rem; line-height: 1.45; color: var(--st-text-color);
  background: var(--st-secondary-background-color); border-left: 3px solid var(--st-primary-color);
  border-radius: var(--st-base-radius);
}
.welcome[hidden], .again[hidden] { display: none; }
button { font: inherit; border: 0; background: none; cursor: pointer; color: inherit; }
.again { font-family: var(--st-font); font-size: 0.82rem; padding: 0; color: var(--st-link-color); }
button:focus-visible { outline: 2px solid var(--st-primary-color); border-radius: 0.2rem; }
"""
_JS = """
export default function ({ data, parentElement }) {
  const [section, again] = [parentElement.querySelector("section"), parentElement.querySelector(".again")]
  const key = "palette.welcome." + data.page
  const seen = () => { try { return localStorage.getItem(key) === "seen" } catch { return false } }
  const remember = value => { try { localStorage.setItem(key, value) } catch { /* private window: next time again */ } }
  const show = open => { section.hidden = !open; again.hidden = open }
  section.querySelector(".text").textContent = data.text
  section.querySelector(".close").onclick = () => { remember("seen"); show(false) }
  again.onclick = () => { remember(""); show(true) }
  show(!seen())
}
"""
_welcome = st.components.v2.component("palette_welcome", html=_HTML, css=_CSS, js=_JS)


def welcome(page: str, text: str) -> None:
    """Draw the explanation of a page, plain text; once dismissed, one small line brings it back."""
    _welcome(key=f"{page}.welcome", data={"page": page, "text": text})

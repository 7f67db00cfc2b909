"""A button that copies the page's address; it works in the browser alone."""

from __future__ import annotations

import streamlit as st

_HTML = '<button class="copy" type="button" aria-live="polite">Copy link</button>'
_CSS = """
.copy {
  font: inherit; font-family: var(--st-font); font-size: 0.875rem; line-height: 1.6; width: 100%; min-height: 2.3rem;
  padding: 0.25rem 0.75rem; color: var(--st-text-color); background: var(--st-background-color); cursor: pointer;
  border: 1px solid var(--st-border-color); border-radius: var(--st-button-radius);
}
.copy:hover, .copy:focus-visible { color: var(--st-primary-color); border-color: var(--st-primary-color); }
"""
_JS = """
async function copy(text) {
  try {
    await navigator.clipboard.writeText(text)
    return true
  } catch {  // no secure context, or not allowed: the old way
    const area = document.createElement("textarea")
    area.value = text
    document.body.append(area)
    area.select()
    const done = document.execCommand("copy")
    area.remove()
    return done
  }
}

export default function ({ parentElement }) {
  const button = parentElement.querySelector("button")
  button.onclick = async () => {
    button.textContent = await copy(window.location.href) ? "Copied" : "Copy it from the address bar"
    setTimeout(() => { button.textContent = "Copy link" }, 2000)
  }
}
"""
_button = st.components.v2.component("palette_copy_link", html=_HTML, css=_CSS, js=_JS)


def copy_link(key: str) -> None:
    """Draw the button. The address holds the whole view, so that whoever opens it sees the same."""
    _button(key=key)

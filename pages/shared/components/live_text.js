// A text field that tells its text a moment after the last key, at once when it is left or at Ctrl+Enter. The server's
// word is taken when the field is drawn for the first time or stands for another text (`key`), never while one types.
const QUIET = 200

class Field {
  constructor(root) {
    this.label = root.querySelector("span")
    this.box = root.querySelector("textarea")
    this.box.addEventListener("input", () => {
      clearTimeout(this.later)
      this.later = setTimeout(() => this.tell(), QUIET)
    })
    this.box.addEventListener("change", () => this.tell())
    this.box.addEventListener("keydown", event => {
      if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) this.tell()
    })
  }

  update(data, send) {
    this.send = send
    this.label.textContent = data.label
    this.box.rows = data.rows
    if (data.key !== this.key) {
      clearTimeout(this.later)
      this.key = data.key
      this.box.value = this.told = data.value
    }
  }

  tell() {
    clearTimeout(this.later)
    if (this.box.value === this.told) return
    this.told = this.box.value
    this.send("text", this.told)
  }
}

export default mounted(".live-text", Field)

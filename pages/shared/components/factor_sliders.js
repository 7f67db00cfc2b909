// One range input per component. While one is dragged, all factors are sent at most ten times a second and never more
// than one unanswered message ahead (every answer is a real evaluation). The server's word counts only when it has
// something new to say (`stamp`), and never in the middle of a drag.
const EVERY = 100, GIVE_UP = 4000, QUIET = 350
const groups = new WeakMap()

class Factors {
  constructor(root) {
    this.root = root
    this.sequence = 0
    this.answered = 0
    this.sentAt = 0
    this.dragging = false
    this.waiting = null
  }

  update(data, send) {
    this.send = send
    this.answered = Math.max(this.answered, data.answered)
    const drawn = JSON.stringify(data.names)
    if (drawn !== this.drawn) {
      this.drawn = drawn
      this.draw(data.names)
      this.stamp = undefined
    }
    if (data.stamp !== this.stamp && !this.dragging) {
      this.stamp = data.stamp
      this.waiting = null
      data.factors.forEach((value, i) => { this.inputs[i].value = value; this.show(i) })
    }
    this.pump()
  }

  draw(names) {
    this.inputs = []
    this.root.replaceChildren(...names.map((name, i) => {
      const label = document.createElement("label")
      const title = document.createElement("span")
      title.textContent = name
      title.title = name
      const input = document.createElement("input")
      Object.assign(input, { type: "range", min: 0, max: 1, step: 0.01 })
      input.setAttribute("aria-label", `lambda of ${name}: 0 is the candidate, 1 the soup so far`)
      const output = document.createElement("output")
      input.addEventListener("pointerdown", () => { this.dragging = true })
      input.addEventListener("input", () => { this.show(i); this.tell(false) })
      for (const end of ["pointerup", "pointercancel"]) {
        input.addEventListener(end, () => { this.dragging = false; this.tell(true) })
      }
      input.addEventListener("keyup", () => {
        clearTimeout(this.quiet)
        this.quiet = setTimeout(() => this.tell(true), QUIET)
      })
      label.append(title, input, output)
      this.inputs.push(input)
      return label
    }))
  }

  show(i) {
    const value = Number(this.inputs[i].value)
    this.inputs[i].nextElementSibling.textContent = value.toFixed(2)
    this.inputs[i].style.setProperty("--at", value)
  }

  tell(settled) {
    const factors = this.inputs.map(input => Number(input.value))
    const word = JSON.stringify([factors, settled])
    if (word === this.said) return
    this.said = word
    this.waiting = { factors, settled }
    this.pump()
  }

  pump() {
    if (!this.waiting) return
    const since = performance.now() - this.sentAt
    const busy = this.sequence > this.answered && since < GIVE_UP
    if (busy || since < EVERY) {
      clearTimeout(this.later)
      this.later = setTimeout(() => this.pump(), (busy ? GIVE_UP : EVERY) - since)
      return
    }
    this.sequence = Math.max(this.sequence, this.answered) + 1
    this.sentAt = performance.now()
    this.send("moved", { ...this.waiting, sequence: this.sequence })
    this.waiting = null
  }
}

export default function ({ data, parentElement, setStateValue }) {
  const root = parentElement.querySelector(".factor-sliders")
  if (!groups.has(root)) groups.set(root, new Factors(root))
  groups.get(root).update(data, setStateValue)
}

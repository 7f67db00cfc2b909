// A table with a slider in each row. It tells all values while one of them is dragged, at most 20 times a second and
// never with more than two unanswered; it takes the server's values only when the server has something new to say
// (`stamp`), never in the middle of a drag. The figures beside the sliders are the server's, always.
const EVERY = 50, AHEAD = 2, GIVE_UP = 1500, QUIET = 450
const mixers = new WeakMap()
const element = (tag, name, text = "") => Object.assign(document.createElement(tag), { className: name, textContent: text })

class Mixer {
  constructor(root) {
    this.root = root
    this.sequence = this.answered = this.sentAt = 0
    this.inputs = []
    this.dragging = false
    this.waiting = null
  }

  update(data, send) {
    this.send = send
    this.data = data
    this.answered = Math.max(this.answered, data.answered)
    const layout = JSON.stringify([data.rows.map(row => row.title), data.presets])
    if (layout !== this.layout) this.build(data, layout)
    if (data.stamp !== this.stamp && !this.dragging) {
      this.stamp = data.stamp
      this.waiting = null
      this.values = [...data.values]
      this.settled = JSON.stringify(this.values)
      this.show()
    }
    this.write(data)
    this.pump()
  }

  build(data, layout) {
    this.layout = layout
    this.inputs = []
    const bar = element("div", "presets")
    for (const preset of data.presets) {
      const button = element("button", "", preset.label)
      button.title = preset.title
      button.onclick = () => { this.values = [...preset.values]; this.show(); this.tell(true) }
      bar.append(button)
    }
    const table = element("div", "table")
    table.append(...["Task", "α", "", "base", "this mix", ""].map(text => element("b", "", text)))
    this.together = this.slider("all together: the same α for every task", value => {
      this.values = this.values.map(() => Math.round(1e4 * value / this.values.length) / 1e4)
    })
    this.sum = element("span", "number")
    table.append(element("span", "task all", "all together"), this.together, this.sum, element("i"), element("i"), element("i"))
    data.rows.forEach((row, i) => {
      const task = element("span", "task", row.title)
      task.prepend(Object.assign(element("i", "role", "● "), { style: `color: ${row.colour}` }))
      const cells = ["number", "number", "number mix", "number difference"].map(name => element("span", name))
      const slider = row.slider ? this.slider(`α of ${row.title}`, value => { this.values[i] = value }) : element("i")
      if (row.slider) this.inputs.push(slider)
      table.append(task, slider, ...cells)
      row.cells = cells
    })
    this.cells = data.rows.map(row => row.cells)
    this.root.replaceChildren(bar, table)
  }

  slider(label, change) {
    const input = Object.assign(document.createElement("input"), { type: "range", min: 0, max: 100, step: 1 })
    input.setAttribute("aria-label", label)
    const moved = settled => { change(Number(input.value) / 100); this.show(input); this.tell(settled) }
    input.addEventListener("pointerdown", () => { this.dragging = true })
    input.addEventListener("input", () => {
      moved(false)
      clearTimeout(this.quiet)
      if (!this.dragging) this.quiet = setTimeout(() => this.tell(true), QUIET)
    })
    for (const end of ["pointerup", "pointercancel"]) {
      input.addEventListener(end, () => { this.dragging = false; this.tell(true) })
    }
    return input
  }

  show(but = null) {
    const sum = this.values.reduce((a, b) => a + b, 0)
    this.inputs.forEach((input, i) => {
      if (input !== but) input.value = Math.round(100 * this.values[i])
      this.cells[i][0].textContent = this.values[i].toFixed(2)
    })
    if (this.together !== but) this.together.value = Math.round(100 * Math.min(1, sum))
    this.sum.textContent = `Σ ${sum.toFixed(2)}`
  }

  write(data) {
    data.rows.forEach((row, i) => {
      const [, base, mix, difference] = this.cells[i]
      base.textContent = row.base
      mix.replaceChildren(element("strong", row.whole ? "" : "rough", row.mix), element("small", "", row.interval))
      difference.textContent = row.difference
      for (const cell of [mix, difference]) cell.title = row.said
    })
    for (const input of [this.together, ...this.inputs]) input.disabled = !data.enabled
  }

  tell(settled) {
    const said = JSON.stringify(this.values)
    if (settled && said === this.settled) return
    this.settled = settled ? said : undefined
    this.waiting = { values: [...this.values], settled }
    this.pump()
  }

  pump() {
    if (!this.waiting) return
    const now = performance.now()
    const busy = this.sequence - this.answered >= AHEAD && now - this.sentAt < GIVE_UP
    const pause = busy ? GIVE_UP - (now - this.sentAt) : EVERY - (now - this.sentAt)
    if (busy || pause > 0) {
      clearTimeout(this.later)
      this.later = setTimeout(() => this.pump(), pause)
      return
    }
    this.sequence = Math.max(this.sequence, this.answered) + 1
    this.sentAt = now
    this.send("moved", { ...this.waiting, sequence: this.sequence })
    this.waiting = null
  }
}

export default function ({ data, parentElement, setStateValue }) {
  const root = parentElement.querySelector(".mixer")
  if (!mixers.has(root)) mixers.set(root, new Mixer(root))
  mixers.get(root).update(data, setStateValue)
}

// A table with a slider in each row; all values are told together. The figures beside the sliders are the server's.
const element = (tag, name, text = "") => Object.assign(document.createElement(tag), { className: name, textContent: text })

class AlphaSliders extends LiveControl {
  constructor(root) {
    super(root, { every: 50, giveUp: 1500, quiet: 450 })
    this.inputs = []
  }

  value() { return this.values }

  draw(data) {
    const layout = JSON.stringify([data.rows.map(row => row.title), data.presets])
    if (layout !== this.layout) this.build(data, layout)
    data.rows.forEach((row, i) => {
      const [, base, mix, difference] = this.cells[i]
      base.textContent = row.base
      mix.replaceChildren(element("strong", row.whole ? "" : "rough", row.mix), element("small", "", row.interval))
      difference.textContent = row.difference
      for (const cell of [mix, difference]) cell.title = row.tooltip
    })
    for (const input of [this.together, ...this.inputs]) input.disabled = !data.enabled
  }

  build(data, layout) {
    this.layout = layout
    this.stamp = undefined  // new inputs have to hear their values
    this.inputs = []
    const bar = element("div", "presets")
    for (const preset of data.presets) {
      const button = element("button", "", preset.label)
      button.title = preset.title
      button.onclick = () => { this.take(preset.values); this.tell(true) }
      bar.append(button)
    }
    const table = element("div", "table")
    table.append(...["Task", "α", "", "base", "this mix", ""].map(text => element("b", "", text)))
    this.together = this.slider("all together: the same α for every task", value => {
      this.values = this.values.map(() => Math.round(1e4 * value / this.values.length) / 1e4)
    })
    this.sum = element("span", "number")
    table.append(element("span", "task all", "all together"), this.together, this.sum, element("i"), element("i"), element("i"))
    this.cells = data.rows.map((row, i) => {
      const task = element("span", "task", row.title)
      task.prepend(Object.assign(element("i", "role", "● "), { style: `color: ${row.colour}` }))
      const cells = ["number", "number", "number mix", "number difference"].map(name => element("span", name))
      const slider = row.slider ? this.slider(`α of ${row.title}`, value => { this.values[i] = value }) : element("i")
      if (row.slider) this.inputs.push(slider)
      table.append(task, slider, ...cells)
      return cells
    })
    this.root.replaceChildren(bar, table)
  }

  slider(label, change) {
    const input = Object.assign(document.createElement("input"), { type: "range", min: 0, max: 100, step: 1 })
    input.setAttribute("aria-label", label)
    this.follow(input, () => { change(Number(input.value) / 100); this.show(input) })
    return input
  }

  take(values) {
    this.values = [...values]
    this.show()
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
}

export default mounted(".mixer", AlphaSliders)

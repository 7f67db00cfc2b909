// One range input per component; all factors are told together. Every answer is a real evaluation, so only one word is
// ever ahead.
class Factors extends LiveControl {
  constructor(root) {
    super(root, { every: 100, ahead: 1, giveUp: 4000, quiet: 350 })
    this.inputs = []
  }

  value() { return this.inputs.map(input => Number(input.value)) }

  draw({ names }) {
    const drawn = JSON.stringify(names)
    if (drawn === this.drawn) return
    this.drawn = drawn
    this.stamp = undefined  // new inputs have to hear their values
    this.inputs = []
    this.root.replaceChildren(...names.map((name, i) => {
      const label = document.createElement("label")
      const title = Object.assign(document.createElement("span"), { textContent: name, title: name })
      const input = document.createElement("input")
      Object.assign(input, { className: "live", type: "range", min: 0, max: 1, step: 0.01 })
      input.setAttribute("aria-label", `lambda of ${name}: 0 is the candidate, 1 the soup so far`)
      this.follow(input, () => this.show(i))
      label.append(title, input, document.createElement("output"))
      this.inputs.push(input)
      return label
    }))
  }

  take(factors) {
    factors.forEach((value, i) => { this.inputs[i].value = value; this.show(i) })
  }

  show(i) {
    this.inputs[i].nextElementSibling.textContent = Number(this.inputs[i].value).toFixed(2)
  }
}

export default mounted(".factor-sliders", Factors)

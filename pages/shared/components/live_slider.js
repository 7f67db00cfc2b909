// A range input for α that stops only where results are there; arrow keys go from stop to stop.
class Slider extends LiveControl {
  constructor(root) {
    super(root, { every: 40, giveUp: 600, quiet: 350 })
    this.input = root.querySelector("input")
    this.output = root.querySelector("output")
    this.ticks = root.querySelector(".ticks")
    this.follow(this.input, () => this.take(this.nearest(Number(this.input.value) / 100)))
    this.input.addEventListener("change", () => this.tell(true))
    this.input.addEventListener("keydown", event => this.key(event))
  }

  value() { return this.alpha }

  draw(data) {
    this.stops = data.stops
    const key = JSON.stringify([data.stops, data.marks])
    if (key === this.drawn) return
    this.drawn = key
    const at = alpha => `left: calc(var(--half) + ${alpha} * (100% - 2 * var(--half)))`
    this.ticks.replaceChildren(...data.stops.map(stop => {
      const tick = document.createElement("i")
      tick.style = at(stop)
      return tick
    }), ...data.marks.map(mark => {
      const label = document.createElement("span")
      label.textContent = mark.text
      label.title = mark.title
      label.className = mark.at <= 0.02 ? "first" : mark.at >= 0.98 ? "last" : ""
      label.style = at(mark.at) + `; color: ${mark.colour}`
      return label
    }))
  }

  nearest(alpha) {
    return this.stops.reduce((best, stop) => Math.abs(stop - alpha) < Math.abs(best - alpha) ? stop : best)
  }

  take(alpha) {
    this.alpha = alpha
    this.input.value = Math.round(alpha * 100)
    this.output.textContent = alpha.toFixed(2)
    this.input.setAttribute("aria-valuetext", `alpha ${alpha.toFixed(2)}`)
  }

  key(event) {
    const here = this.stops.indexOf(this.nearest(this.alpha))
    const last = this.stops.length - 1
    const to = {
      ArrowRight: here + 1, ArrowUp: here + 1, ArrowLeft: here - 1, ArrowDown: here - 1,
      PageUp: here + 4, PageDown: here - 4, Home: 0, End: last,
    }[event.key]
    if (to === undefined) return
    event.preventDefault()
    this.take(this.stops[Math.min(last, Math.max(0, to))])
    this.tell(false)
    this.settleSoon()
  }
}

export default mounted(".live-slider", Slider)

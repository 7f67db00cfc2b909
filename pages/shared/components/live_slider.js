// A range input that tells its value while it is dragged. It stops only where results are there, sends at most 25
// values a second, never has more than two unanswered (the server works on one while the browser draws the other, and
// nothing queues up), and takes the server's word only when the server has something new to say (`stamp`), never in the
// middle of a drag.
const EVERY = 40, AHEAD = 2, GIVE_UP = 600, QUIET = 350
const sliders = new WeakMap()

class Slider {
  constructor(root) {
    this.root = root
    this.input = root.querySelector("input")
    this.output = root.querySelector("output")
    this.ticks = root.querySelector(".ticks")
    this.stamp = undefined
    this.sequence = 0
    this.answered = 0
    this.sentAt = 0
    this.dragging = false
    this.waiting = null
    this.input.addEventListener("pointerdown", () => { this.dragging = true })
    this.input.addEventListener("input", () => this.moved(Number(this.input.value) / 100, false))
    this.input.addEventListener("change", () => this.settle())
    this.input.addEventListener("keydown", event => this.key(event))
    for (const end of ["pointerup", "pointercancel"]) {
      this.input.addEventListener(end, () => { this.dragging = false; this.settle() })
    }
  }

  update(data, send) {
    this.send = send
    this.stops = data.stops
    this.answered = Math.max(this.answered, data.answered)
    this.draw(data)
    if (data.stamp !== this.stamp && !this.dragging) {
      this.stamp = data.stamp
      this.waiting = null
      this.settled = data.value
      this.show(data.value)
    }
    this.pump()
  }

  draw(data) {
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

  show(alpha) {
    this.alpha = alpha
    this.input.value = Math.round(alpha * 100)
    this.output.textContent = alpha.toFixed(2)
    this.input.setAttribute("aria-valuetext", `alpha ${alpha.toFixed(2)}`)
    this.input.style.setProperty("--at", alpha)
  }

  moved(alpha, settled) {
    const stop = this.nearest(alpha)
    const news = stop !== this.alpha
    this.show(stop)
    if (settled ? this.settled === stop : !news) return
    this.settled = settled ? stop : undefined
    this.waiting = { alpha: stop, settled }
    this.pump()
  }

  settle() {
    clearTimeout(this.quiet)
    this.moved(this.alpha, true)
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
    this.moved(this.stops[Math.min(last, Math.max(0, to))], false)
    clearTimeout(this.quiet)
    this.quiet = setTimeout(() => this.settle(), QUIET)
  }

  pump() {
    if (!this.waiting) return
    const now = performance.now()
    const busy = this.sequence - this.answered >= AHEAD && now - this.sentAt < GIVE_UP
    if (busy || now - this.sentAt < EVERY) {
      clearTimeout(this.later)
      this.later = setTimeout(() => this.pump(), busy ? GIVE_UP - (now - this.sentAt) : EVERY - (now - this.sentAt))
      return
    }
    this.sequence = Math.max(this.sequence, this.answered) + 1
    this.sentAt = now
    this.send("moved", { ...this.waiting, sequence: this.sequence })
    this.waiting = null
  }
}

export default function ({ data, parentElement, setStateValue }) {
  const root = parentElement.querySelector(".live-slider")
  if (!sliders.has(root)) sliders.set(root, new Slider(root))
  sliders.get(root).update(data, setStateValue)
}

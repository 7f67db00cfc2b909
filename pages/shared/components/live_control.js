// What live controls share. A hand moves faster than a server answers: a control tells its value while it is moved, at
// most once in `every` milliseconds and never with more than `ahead` words unanswered (after `giveUp` milliseconds it
// waits no longer). It takes the server's value only when the server has something new to say (`stamp`), and never in
// the middle of a drag. A control has draw(data), take(value) and value().
class LiveControl {
  constructor(root, { every, ahead = 2, giveUp, quiet }) {
    Object.assign(this, { root, every, ahead, giveUp, quiet })
    this.sequence = this.answered = this.sentAt = 0
    this.dragging = false
    this.waiting = null
  }

  update(data, send) {
    this.send = send
    this.answered = Math.max(this.answered, data.answered)
    this.draw(data)
    if (data.stamp !== this.stamp && !this.dragging) {
      this.stamp = data.stamp
      this.waiting = null
      this.take(data.value)
      this.told = this.settled = JSON.stringify(this.value())
    }
    this.pump()
  }

  follow(element, moved = () => {}) {  // it is told while it moves, and once more when the hand has let go
    element.addEventListener("pointerdown", () => { this.dragging = true })
    element.addEventListener("input", () => {
      moved()
      this.tell(false)
      if (!this.dragging) this.settleSoon()
    })
    for (const end of ["pointerup", "pointercancel"]) {
      element.addEventListener(end, () => { this.dragging = false; this.tell(true) })
    }
  }

  settleSoon() {  // keys have no end of their own
    clearTimeout(this.soon)
    this.soon = setTimeout(() => this.tell(true), this.quiet)
  }

  tell(settled) {
    const word = JSON.stringify(this.value())
    if (word === (settled ? this.settled : this.told)) return
    this.told = word
    this.settled = settled ? word : undefined
    this.waiting = { value: JSON.parse(word), settled }
    this.pump()
  }

  pump() {
    if (!this.waiting) return
    const since = performance.now() - this.sentAt
    const busy = this.sequence - this.answered >= this.ahead && since < this.giveUp
    if (busy || since < this.every) {
      clearTimeout(this.later)
      this.later = setTimeout(() => this.pump(), (busy ? this.giveUp : this.every) - since)
      return
    }
    this.sequence = Math.max(this.sequence, this.answered) + 1
    this.sentAt = performance.now()
    this.send("moved", { ...this.waiting, sequence: this.sequence })
    this.waiting = null
  }
}

const mounted = (selector, Control) => {  // one control for each element, however often it is drawn
  const controls = new WeakMap()
  return ({ data, parentElement, setStateValue }) => {
    const root = parentElement.querySelector(selector)
    if (!controls.has(root)) controls.set(root, new Control(root))
    controls.get(root).update(data, setStateValue)
  }
}

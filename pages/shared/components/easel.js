// A picture that tells where it is touched: at most 20 places a second while the button is down, and the last one when
// it is let go. Arrow keys move by a twentieth of the picture.
const EVERY = 50, STEP = 0.05, QUIET = 400
const easels = new WeakMap()

class Easel {
  constructor(image) {
    this.image = image
    this.sentAt = 0
    image.addEventListener("pointerdown", event => {
      this.down = true
      image.setPointerCapture(event.pointerId)
      this.touch(event)
    })
    image.addEventListener("pointermove", event => { if (this.down) this.touch(event) })
    for (const end of ["pointerup", "pointercancel"]) {
      image.addEventListener(end, () => { if (this.down) { this.down = false; this.tell(true) } })
    }
    image.addEventListener("keydown", event => this.key(event))
  }

  update(data, send) {
    this.send = send
    this.image.src = data.source
    this.image.alt = data.alt
    this.image.title = "Click or drag to put the word elsewhere; the arrow keys do it, too"
    this.image.className = data.coarse ? "coarse" : ""
    if (!this.down && !this.quiet) [this.x, this.y] = [data.x, data.y]
  }

  touch(event) {  // the picture lies at the upper left of its box, scaled to fit
    const { left, top, width, height } = this.image.getBoundingClientRect()
    const scale = Math.min(width / this.image.naturalWidth, height / this.image.naturalHeight)
    const share = (at, whole) => Math.min(1, Math.max(0, at / (whole * scale)))
    this.x = share(event.clientX - left, this.image.naturalWidth)
    this.y = share(event.clientY - top, this.image.naturalHeight)
    if (performance.now() - this.sentAt > EVERY) this.tell(false)
  }

  key(event) {
    const [x, y] = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key] ?? []
    if (x === undefined) return
    event.preventDefault()
    this.x = Math.min(1, Math.max(0, this.x + x * STEP))
    this.y = Math.min(1, Math.max(0, this.y + y * STEP))
    this.tell(false)
    clearTimeout(this.quiet)
    this.quiet = setTimeout(() => { this.quiet = undefined; this.tell(true) }, QUIET)
  }

  tell(settled) {
    this.sentAt = performance.now()
    this.send("put", { x: this.x, y: this.y, settled })
  }
}

export default function ({ data, parentElement, setStateValue }) {
  const image = parentElement.querySelector("img")
  if (!easels.has(image)) easels.set(image, new Easel(image))
  easels.get(image).update(data, setStateValue)
}

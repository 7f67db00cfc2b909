// A picture that tells where it is touched: while the button is down, and the last place when it is let go. Arrow keys
// move by a twentieth of the picture.
const STEP = 0.05
const inside = value => Math.min(1, Math.max(0, value))

class Easel extends LiveControl {
  constructor(root) {
    super(root, { every: 50, giveUp: 1000, quiet: 400 })
    this.image = root.querySelector("img")
    this.image.addEventListener("pointerdown", event => {
      this.image.setPointerCapture(event.pointerId)
      this.touch(event)
    })
    this.image.addEventListener("pointermove", event => { if (this.dragging) this.touch(event) })
    this.image.addEventListener("keydown", event => this.key(event))
    this.follow(this.image)
  }

  value() { return this.place }

  draw(data) {
    this.image.src = data.source
    this.image.alt = data.alt
    this.image.title = "Click or drag to put the word elsewhere; the arrow keys do it, too"
    this.image.className = data.coarse ? "coarse" : ""
  }

  take(place) { this.place = place }

  touch(event) {  // the picture lies at the upper left of its box, scaled to fit
    const { left, top, width, height } = this.image.getBoundingClientRect()
    const scale = Math.min(width / this.image.naturalWidth, height / this.image.naturalHeight)
    this.place = [
      inside((event.clientX - left) / (this.image.naturalWidth * scale)),
      inside((event.clientY - top) / (this.image.naturalHeight * scale)),
    ]
    this.tell(false)
  }

  key(event) {
    const [x, y] = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key] ?? []
    if (x === undefined) return
    event.preventDefault()
    this.place = [inside(this.place[0] + x * STEP), inside(this.place[1] + y * STEP)]
    this.tell(false)
    this.settleSoon()
  }
}

export default mounted(".easel", Easel)

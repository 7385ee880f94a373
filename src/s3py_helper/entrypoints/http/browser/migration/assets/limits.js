import { byId, element } from "./elements.js";
import { ask } from "./service.js";
import { number, size, text } from "./texts.js";

const PAUSE = 400;
const doubling = (first, count) => Array.from({ length: count }, (_, index) => first * 2 ** index);

// The last position of each slider takes the limit away.
const SLIDERS = {
  bytes_per_second: { steps: doubling(65536, 19), words: (value) => text("per_second", size(value)), none: "none" },
  files_per_second: { steps: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000], words: (value) => text("per_second", number(value)), none: "none" },
  concurrency: { steps: doubling(1, 8), words: (value) => number(value), none: "default" },
};

class Slider {
  constructor(name, send) {
    Object.assign(this, SLIDERS[name], { name, value: null, timer: null });
    this.label = element("label", { htmlFor: name });
    this.told = element("span", { className: "told", ariaHidden: "true" });
    this.input = element("input", { id: name, type: "range", min: 0, max: this.steps.length, step: 1 });
    this.input.addEventListener("input", () => {
      clearTimeout(this.timer);
      this.value = this.steps[this.input.value] ?? null;
      this.tell();
      const timer = setTimeout(async () => {
        await send({ [name]: this.value });
        if (this.timer === timer) this.timer = null;
      }, PAUSE);
      this.timer = timer;
    });
    this.root = element("div", { className: "slider" }, this.label, this.input, this.told);
  }

  // What the service says counts, unless somebody is moving the slider.
  show(value) {
    if (this.timer !== null) return;
    this.value = value;
    const place = value === null ? -1 : this.steps.findIndex((step) => step >= value);
    this.input.value = place < 0 ? (value === null ? this.steps.length : this.steps.length - 1) : place;
    this.tell();
  }

  tell() {
    const told = this.value === null ? text(this.none) : this.words(this.value);
    this.label.textContent = text(this.name);
    this.told.textContent = told;
    this.input.setAttribute("aria-valuetext", told);
  }
}

export class LimitsPanel {
  constructor(base) {
    this.base = base;
    this.paused = false;
    this.sliders = Object.keys(SLIDERS).map((name) => new Slider(name, (change) => this.send("limits", change)));
    byId("sliders").append(...this.sliders.map((slider) => slider.root));
    byId("pause").addEventListener("click", () => this.send(this.paused ? "resume" : "pause"));
  }

  show(limits) {
    for (const slider of this.sliders) slider.show(limits[slider.name]);
    this.paused = limits.paused;
    byId("pause").textContent = text(limits.paused ? "resume" : "pause");
  }

  async send(verb, body) {
    try {
      this.show(await ask("POST", `${this.base}/${verb}`, body));
      byId("limits-said").textContent = "";
    } catch (error) {
      byId("limits-said").textContent = text("failed", error.message || text("connection"));
    }
  }
}

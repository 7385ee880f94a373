import { element } from "./elements.js";
import { number, size, text } from "./texts.js";

const SECONDS = 300;
const HEIGHT = 80;
const STEPS = ["copied", "verified", "drained"];
const SVG = "http://www.w3.org/2000/svg";

export function drawn(tag, attributes = {}, ...children) {
  const made = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

// A line for each step over the last minutes.
class Plot {
  constructor(unit, show) {
    Object.assign(this, { unit, show });
    this.lines = STEPS.map((step) => drawn("polyline", { class: step, "vector-effect": "non-scaling-stroke" }));
    this.picture = drawn("svg", { viewBox: `0 0 ${SECONDS} ${HEIGHT}`, preserveAspectRatio: "none", role: "img" }, ...this.lines);
    this.caption = element("figcaption");
    this.most = element("span", { className: "most" });
    this.root = element("figure", {}, this.caption, element("div", { className: "plot" }, this.picture, this.most));
  }

  draw(history, now) {
    const values = (step) => history.map((each) => each.speeds[step][this.unit]);
    const most = Math.max(...STEPS.flatMap(values), 0);
    STEPS.forEach((step, index) => {
      const line = this.lines[index];
      const shown = values(step);
      const points = history.map((each, at) => `${(SECONDS - (now - each.at)).toFixed(1)},${(HEIGHT - 2 - (shown[at] / (most || 1)) * (HEIGHT - 6)).toFixed(1)}`);
      line.setAttribute("points", shown.some((value) => value > 0) ? points.join(" ") : "");
    });
    const last = history.at(-1)?.speeds ?? Object.fromEntries(STEPS.map((step) => [step, { files: 0, bytes: 0 }]));
    const moving = STEPS.filter((step) => last[step][this.unit] > 0);
    const name = text(`${this.unit}_per_second`);
    const told = (moving.length ? moving : ["copied"]).map((step) => text("state", this.show(last[step][this.unit]), text(step))).join(" · ");
    this.caption.replaceChildren(element("b", { textContent: name }), ` ${told}`);
    this.most.textContent = most ? text("most", this.show(most)) : "";
    this.picture.setAttribute("aria-label", text("plot", name, told, this.show(most)));
  }
}

export class Plots {
  constructor(place) {
    this.history = [];
    this.plots = [new Plot("files", (value) => text("per_second", number(value, 1))), new Plot("bytes", (value) => text("per_second", size(value)))];
    place.append(...this.plots.map((plot) => plot.root));
  }

  add(at, speeds) {
    if (speeds) this.history.push({ at, speeds });
    this.history = this.history.filter((each) => at - each.at <= SECONDS);
    this.draw();
  }

  draw() {
    const now = this.history.at(-1)?.at ?? 0;
    for (const plot of this.plots) plot.draw(this.history, now);
  }
}

import { byId, element } from "./elements.js";
import { drawn } from "./plots.js";
import { number, size, text } from "./texts.js";

const STATES = ["drained", "verified", "copied", "copying", "planned", "missing-at-source", "quarantined", "gone", "deleted"];
const IN_BAR = STATES.slice(0, 7);
const ROUTES = ["fastdfs", "s3-first", "s3-only"];

// Made once and changed in place: what has the focus keeps it.
class Group {
  constructor(name, onSwitch) {
    this.name = name;
    this.title = element("h3", { tabIndex: -1 }, element("bdi", { textContent: name }));
    this.route = element("p", { className: "note" });
    this.parts = IN_BAR.map((state) => drawn("rect", { class: state, height: 10, y: 0 }));
    this.counts = element("p", { className: "counts" });
    this.buttons = ROUTES.map((route) => element("button", { type: "button", onclick: () => onSwitch(this, route) }));
    const bar = drawn("svg", { viewBox: "0 0 1000 10", preserveAspectRatio: "none", class: "bar", "aria-hidden": "true" }, ...this.parts);
    this.root = element("article", {}, this.title, this.route, bar, this.counts, element("p", { className: "acts" }, ...this.buttons));
  }

  show({ route, states }) {
    this.route.textContent = text(`route_${route}`);
    const files = (state) => states[state]?.files ?? 0;
    const all = IN_BAR.reduce((sum, state) => sum + files(state), 0) || 1;
    let from = 0;
    IN_BAR.forEach((state, index) => {
      const width = (files(state) / all) * 1000;
      this.parts[index].setAttribute("x", from.toFixed(2));
      this.parts[index].setAttribute("width", width.toFixed(2));
      from += width;
    });
    const bytes = IN_BAR.reduce((sum, state) => sum + (states[state]?.bytes ?? 0), 0);
    const counted = STATES.filter(files).map((state) => element("span", { className: `count ${state}`, textContent: text("state", number(files(state)), text(state)) }));
    this.counts.replaceChildren(...counted, element("span", { textContent: text("in_all", size(bytes)) }));
    ROUTES.forEach((each, index) => {
      const made = this.buttons[index];
      made.hidden = each === route;
      made.textContent = text(`to_${each}`);
      made.setAttribute("aria-label", text("of", this.name, text(`to_${each}`)));
    });
  }
}

export class Groups {
  constructor(onSwitch) {
    this.groups = new Map();
    this.onSwitch = onSwitch;
  }

  show(groups) {
    for (const facts of groups) {
      let group = this.groups.get(facts.group);
      if (!group) {
        group = new Group(facts.group, this.onSwitch);
        this.groups.set(facts.group, group);
        byId("groups").append(group.root);
      }
      group.show(facts);
    }
  }
}

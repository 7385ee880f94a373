import { byId, element } from "./elements.js";
import { follow } from "./feed.js";
import { Groups } from "./groups.js";
import { LimitsPanel } from "./limits.js";
import { Plots } from "./plots.js";
import { ask, service } from "./service.js";
import { idsIn, Switching } from "./switching.js";
import { changeLanguage, known, number, otherLanguage, size, text, time, translate } from "./texts.js";

const base = document.documentElement.dataset.base;
const MARKS = { done: "✓", "under-way": "●", ahead: "○" };
const COPIED = ["copied", "verified", "drained", "missing-at-source"];
const TO_COPY = ["planned", "copying"];
const OLD = 10000;

const plots = new Plots(byId("plots"));
const limits = new LimitsPanel(base);
const switching = new Switching(base, (group, route) => {
  byId("said").textContent = text("switched", group.name, text(`route_${route}`));
  group.title.focus();
});
const groups = new Groups((group, route) => switching.begin(group, route));
let latest = null;
let link = "connecting";
let heardAt = 0;

function showAll() {
  translate();
  document.title = `${text("title")} · s3py-helper`;
  const other = otherLanguage();
  Object.assign(byId("language"), { lang: other.lang, textContent: other.name });
  showLink(link);
  if (latest) showStatus(latest);
  plots.draw();
}

function showLink(state) {
  link = state;
  // A ledger that is read seldom, or waited for: tens of seconds, because each change is spoken.
  const age = Math.floor((performance.now() - heardAt) / OLD);
  const told = state === "live" && age > 0 ? text("old", (age * OLD) / 1000) : text(state);
  // Only what has changed is spoken.
  if (byId("link").textContent !== told) byId("link").replaceChildren(element("span", { className: state === "live" ? "well" : "unwell", textContent: told }));
}

function showStatus(status) {
  byId("all").hidden = false;
  showPhases(status.phases);
  byId("summary").textContent = summary(status);
  groups.show(status.groups);
  showErrors(status.errors);
  limits.show(status.limits);
}

function summary({ states, seconds_left, workers, limits: { paused } }) {
  const sum = (names, unit) => names.reduce((all, name) => all + (states[name]?.[unit] ?? 0), 0);
  if (!Object.keys(states).length) return text("empty");
  const [files, bytes] = [sum(COPIED, "files"), sum(COPIED, "bytes")];
  const left = sum(TO_COPY, "files") === 0 ? text("left_none") : paused ? text("is_paused") : seconds_left === null ? text("left_unknown") : text("left", time(seconds_left));
  const all = [files + sum(TO_COPY, "files"), bytes + sum(TO_COPY, "bytes")];
  return text("summary", number(files), number(all[0]), size(bytes), size(all[1]), left, workers === 1 ? text("one_worker") : text("workers", workers));
}

function showPhases(phases) {
  const place = byId("phases");
  if (!place.children.length) {
    place.append(...phases.map(() => element("li", {},
      element("span", { className: "mark", ariaHidden: "true" }), element("b"), element("span", { className: "state" }), element("span", { className: "note" }), element("progress", { max: 1 }))));
  }
  const current = phases.findIndex((phase) => phase.state !== "done");
  phases.forEach((phase, index) => {
    const line = place.children[index];
    const [mark, name, state, note, bar] = line.children;
    line.className = phase.state;
    index === current ? line.setAttribute("aria-current", "step") : line.removeAttribute("aria-current");
    mark.textContent = MARKS[phase.state];
    name.textContent = text(phase.phase);
    state.textContent = text(phase.state);
    note.textContent = phase.phase === "plan" ? text("files_known", number(phase.of)) : text(`of_${phase.unit}`, number(phase.done), number(phase.of));
    bar.setAttribute("aria-label", text(phase.phase));
    bar.value = phase.state === "done" ? 1 : phase.phase === "plan" || !phase.of ? 0 : phase.done / phase.of;
  });
}

let shownErrors = "";

function showErrors(errors) {
  const shown = JSON.stringify([errors, document.documentElement.lang]);
  if (shown === shownErrors) return;
  shownErrors = shown;
  const next = (code) => text(known(`next_${code}`) ? `next_${code}` : "next");
  byId("errors").replaceChildren(...errors.map(({ code, count, samples }) => element("li", {},
    element("b", { textContent: text("state", number(count), code) }),
    element("span", { className: "note" }, next(code)),
    element("span", { className: "note" }, `${text("samples")} `, ...samples.flatMap((id) => [element("code", { textContent: id }), " "])))));
  if (!errors.length) byId("errors").replaceChildren(element("li", { textContent: text("no_errors") }));
  byId("retry").hidden = !errors.length;
}

byId("retry").addEventListener("submit", async (event) => {
  event.preventDefault();
  const chosen = idsIn("only");
  try {
    const { planned_again } = await ask("POST", `${base}/errors/retry`, chosen.length ? { file_ids: chosen } : undefined);
    byId("aside-said").textContent = text("planned_again", number(planned_again));
    byId("only").value = "";
  } catch (error) {
    byId("aside-said").textContent = text("failed", error.message || text("connection"));
  }
});

function begin() {
  byId("token-problem").textContent = byId("trouble").textContent = "";
  if (service.needsToken && !service.token) return askForToken();
  byId("sign-in").hidden = true;
  follow(`${base}/events`, {
    onEvent(name, data) {
      heardAt = performance.now();
      showLink("live");
      byId("trouble").textContent = name === "trouble" ? text("unreadable", data.detail) : "";
      if (name !== "status") return;
      latest = data;
      showStatus(data);
      plots.add(Date.parse(data.at) / 1000, data.speeds);
    },
    onLost: () => showLink("lost"),
    onRefused(error) {
      showLink("closed");
      if (error.status === 404) byId("trouble").textContent = error.message;
      else askForToken(service.token && (error.status === 401 ? text("token_refused") : text("forbidden", error.message)));
    },
  });
}

function askForToken(problem) {
  service.token = null;
  showLink("closed");
  byId("all").hidden = true;
  byId("sign-in").hidden = false;
  byId("token-problem").textContent = problem || "";
  byId("token").focus();
}

byId("sign-in").addEventListener("submit", (event) => {
  event.preventDefault();
  service.token = byId("token").value;
  byId("token").value = "";
  begin();
});
byId("language").addEventListener("click", () => {
  changeLanguage();
  showAll();
});

setInterval(() => showLink(link), 1000);
showAll();
begin();

import { button, byId, element } from "./elements.js";
import { service, upload } from "./service.js";
import { size, text } from "./texts.js";

const AT_ONCE = 3;

const queue = [];
let running = 0;
const count = { all: 0, stored: 0, failed: 0 };

export const busy = () => running > 0 || queue.length > 0;

export function startUploads(files, onStored) {
  for (const { file, folder } of files) {
    count.all++;
    queue.push(new Upload(file, folder, onStored));
  }
  fill();
}

function fill() {
  while (running < AT_ONCE && queue.length > 0) {
    running++;
    queue.shift().run().finally(() => {
      running--;
      fill();
    });
  }
  byId("total").textContent = count.all < 2 ? "" : text(count.failed ? "total_failed" : "total", count.stored, count.all, count.failed);
}

class Upload {
  constructor(file, folder, onStored) {
    Object.assign(this, { file, folder, onStored, stopping: new AbortController() });
    this.note = element("span", { className: "note", textContent: text("waiting") });
    this.bar = element("progress", { value: 0, max: 1 });
    this.bar.setAttribute("aria-label", file.name);
    this.acts = element("span", { className: "acts" }, button("cancel", file.name, () => this.cancel()));
    this.row = element("li", {}, element("bdi", { textContent: file.name }), this.note, this.acts, this.bar);
    byId("uploads").append(this.row);
  }

  async run() {
    const begun = performance.now();
    try {
      const stored = await upload(this.file, this.folder, (sent, all) => {
        this.bar.value = sent / all;
        this.note.textContent = text("sent", size(sent), size(all), size((sent * 1000) / (performance.now() - begun)));
      }, this.stopping.signal);
      count.stored++;
      this.end("done", text("done", stored.file_id));
      this.onStored(stored);
    } catch (error) {
      count.failed++;
      const reason = error.status === undefined ? text("cancelled") : text("failed", error.message || text("connection"));
      this.end("failed", reason, button("retry", this.file.name, () => this.again()));
      if (error.status === 401 && service.needsToken) byId("sign-in").hidden = false;
    }
  }

  cancel() {
    const place = queue.indexOf(this);
    if (place >= 0) {
      queue.splice(place, 1);
      count.failed++;
      this.end("failed", text("cancelled"), button("retry", this.file.name, () => this.again()));
      fill();
    } else {
      this.stopping.abort(new Error("cancelled"));
    }
  }

  again() {
    count.all--;
    count.failed--;
    this.row.remove();
    startUploads([this], this.onStored);
    byId("files").focus();
  }

  end(state, note, ...acts) {
    this.row.className = state;
    this.note.textContent = note;
    this.bar.remove();
    this.acts.replaceChildren(...acts);
  }
}

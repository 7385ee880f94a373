import { button, byId, command, curl, element } from "./elements.js";
import { ask, pathOf, Refused, request, service } from "./service.js";
import { size, text } from "./texts.js";

const PAGE = 50;
const MOST_KEPT = 256 * 1024 * 1024;
const FACTS = ["file_id", "file_name", "file_size", "last_modify_time", "content_type", "etag", "checksum", "storage_class", "content_encoding"];

let cursor = null;
let shown = 0;
let newest = 0;

export async function list(more = false) {
  const asked = ++newest;
  const prefix = byId("prefix").value;
  const query = new URLSearchParams({ limit: PAGE, prefix });
  if (more) query.set("cursor", cursor);
  let page;
  try {
    page = await ask("GET", `files?${query}`);
  } catch (error) {
    if (error.status === 401) throw error;
    // A backend that cannot list: the page shows only what it stored itself. Anything else is reported.
    byId("find").hidden = error.status === 403 && prefix === "";
    if (!byId("find").hidden) report(error);
    return;
  }
  // The response to an older search may come last.
  if (asked !== newest) return;
  byId("stored").hidden = false;
  if (!more) {
    byId("rows").replaceChildren();
    shown = 0;
  }
  cursor = page.cursor;
  shown += page.files.length;
  byId("rows").append(...page.files.map(row));
  byId("more").hidden = cursor === null;
  showCount();
}

function showCount() {
  byId("listing").textContent = shown === 0 ? text("none") : text(cursor === null ? "listed" : "listed_more", shown);
}

export function addStored(stored) {
  byId("stored").hidden = false;
  byId("rows").prepend(row(stored));
  shown++;
  showCount();
}

function report(error) {
  byId("stored").hidden = false;
  byId("listing").textContent = error.message || text("connection");
}

function row(file) {
  const name = file.file_name ?? file.file_id;
  const when = file.last_modify_time && new Date(file.last_modify_time).toLocaleString(document.documentElement.lang);
  const line = element("li", {},
    element("bdi", { textContent: name }),
    element("span", { className: "note" }, element("bdi", { textContent: file.file_id }), ` · ${[size(file.file_size), when].filter(Boolean).join(" · ")}`),
    element("span", { className: "acts" },
      button("download", name, () => reported(() => download(file, name))),
      button("info", name, () => reported(() => describe(file.file_id))),
      button("delete", name, () => reported(() => remove(file.file_id, name, line)))));
  return line;
}

async function reported(action) {
  try {
    await action();
  } catch (error) {
    report(error);
  }
}

async function download(file, name) {
  const path = pathOf(file.file_id);
  let href = `${path}/download`;
  let made = null;
  if (service.needsToken) {
    // What the browser fetches by itself cannot carry the token.
    href = (await signed(path)) ?? (made = await kept(href, file.file_size));
  }
  const link = element("a", { href, download: name });
  document.body.append(link);
  link.click();
  link.remove();
  if (made) setTimeout(() => URL.revokeObjectURL(made), 60000);
}

// A link that carries its own permission; null where the service signs none, or not for this token.
async function signed(path) {
  if (!service.signsLinks) return null;
  try {
    // A path on this host is made relative: it shall be right below any prefix.
    return (await ask("POST", `${path}/links?expires_in=300`)).url.replace(/^\//, "");
  } catch (error) {
    if (error.status === 403) return null;
    throw error;
  }
}

// The bytes in the memory of the browser.
async function kept(href, bytes) {
  if (bytes > MOST_KEPT) throw new Refused(0, text("too_large", size(MOST_KEPT)));
  return URL.createObjectURL(await (await request("GET", href)).blob());
}

export async function describe(id) {
  const info = await ask("GET", `${pathOf(id)}/info`);
  byId("details-title").replaceChildren(element("bdi", { textContent: info.file_name ?? id }));
  const facts = FACTS.filter((name) => info[name] !== null && info[name] !== undefined).map((name) => [
    text(name),
    name === "file_size" ? `${size(info[name])} (${info[name]})` : name === "last_modify_time" ? new Date(info[name]).toLocaleString(document.documentElement.lang) : info[name],
  ]);
  facts.push(...Object.entries(info.metadata ?? {}));
  byId("facts").replaceChildren(...facts.flatMap(([name, value]) => [element("dt", {}, name), element("dd", {}, element("bdi", { textContent: value }))]));
  const url = new URL(pathOf(id), document.baseURI).href;
  byId("file-commands").replaceChildren(
    command(curl(service.needsToken, "-OJ", `${url}/download`)),
    command(curl(service.needsToken, `${url}/info`)),
    command(curl(service.needsToken, "-X", "DELETE", url)));
  byId("details").showModal();
}

function remove(id, name, line) {
  const question = byId("question");
  byId("question-name").textContent = name;
  question.returnValue = "no";
  question.showModal();
  return new Promise((resolve, reject) => {
    question.addEventListener("close", async () => {
      if (question.returnValue !== "yes") return resolve();
      try {
        await ask("DELETE", pathOf(id));
      } catch (error) {
        return reject(error);
      }
      const next = line.nextElementSibling ?? line.previousElementSibling;
      line.remove();
      shown--;
      (next?.querySelector("button") ?? byId("prefix")).focus();
      byId("listing").textContent = text("deleted", name);
      resolve();
    }, { once: true });
  });
}

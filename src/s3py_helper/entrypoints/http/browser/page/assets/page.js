import { droppedFiles } from "./dropped.js";
import { byId, command, curl, element } from "./elements.js";
import { addStored, describe, list } from "./files.js";
import { service } from "./service.js";
import { changeLanguage, otherLanguage, text, translate } from "./texts.js";
import { busy, startUploads } from "./uploads.js";

function show() {
  translate();
  const other = otherLanguage();
  Object.assign(byId("language"), { lang: other.lang, textContent: other.name });
  const url = new URL("files/upload", document.baseURI).href;
  byId("commands").replaceChildren(command(curl(service.needsToken, "-F", "file=@README.md", url)));
  showHealth();
}

async function showHealth() {
  let state;
  try {
    state = (await (await fetch("health")).json()).status;
  } catch {
    state = "unreachable";
  }
  byId("health").replaceChildren(element("span", { className: state === "ok" ? "well" : "unwell", textContent: text(state) }));
}

async function begin() {
  if (service.needsToken && !service.token) {
    byId("sign-in").hidden = false;
    byId("token").focus();
    return;
  }
  try {
    await list();
    byId("sign-in").hidden = true;
  } catch {
    service.token = null;
    byId("sign-in").hidden = false;
    byId("token-problem").textContent = text("token_refused");
    byId("token").focus();
  }
}

const onSubmit = (id, action) =>
  byId(id).addEventListener("submit", (event) => {
    event.preventDefault();
    action();
  });

onSubmit("sign-in", () => {
  service.token = byId("token").value;
  byId("token").value = "";
  byId("token-problem").textContent = "";
  begin();
});
onSubmit("find", () => list());
onSubmit("by-id", async () => {
  const id = byId("file-id");
  try {
    await describe(id.value.trim());
    id.setCustomValidity("");
  } catch (error) {
    id.setCustomValidity(error.message);
    id.reportValidity();
  }
});
byId("file-id").addEventListener("input", (event) => event.target.setCustomValidity(""));
byId("more").addEventListener("click", () => list(true));
byId("language").addEventListener("click", () => {
  changeLanguage();
  show();
  if (!byId("stored").hidden) list();
});

const drop = byId("drop");
const chosen = (event) => {
  const folderOf = (file) => file.webkitRelativePath.split("/").slice(0, -1).join("/");
  startUploads([...event.target.files].map((file) => ({ file, folder: folderOf(file) })), addStored);
  event.target.value = "";
};
byId("files").addEventListener("change", chosen);
const folders = element("input", { type: "file", webkitdirectory: true });
folders.addEventListener("change", chosen);
byId("folder").addEventListener("click", () => folders.click());
byId("folder").hidden = !("webkitdirectory" in folders);
// The whole page takes what is dropped; the frame shows where.
addEventListener("dragover", (event) => {
  event.preventDefault();
  drop.classList.add("over");
});
addEventListener("dragleave", (event) => event.relatedTarget || drop.classList.remove("over"));
addEventListener("drop", async (event) => {
  event.preventDefault();
  drop.classList.remove("over");
  try {
    startUploads(await droppedFiles(event.dataTransfer), addStored);
  } catch (error) {
    byId("total").textContent = text("unreadable", error.message);
  }
});
addEventListener("beforeunload", (event) => busy() && event.preventDefault());

show();
begin();

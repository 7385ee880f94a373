import { byId } from "./elements.js";
import { ask } from "./service.js";
import { text } from "./texts.js";

// Ids of files have no white space.
export const idsIn = (field) => byId(field).value.split(/\s+/).filter(Boolean);

// A switch is asked for twice: first what it means, then the name of the group.
export class Switching {
  constructor(base, onSwitched) {
    Object.assign(this, { base, onSwitched });
    byId("switch-form").addEventListener("submit", (event) => {
      event.preventDefault();
      byId("second").hidden ? this.askAgain() : this.send();
    });
    byId("cancel").addEventListener("click", () => byId("switch").close());
    byId("switch-name").addEventListener("input", () => this.allow());
  }

  begin(group, route) {
    Object.assign(this, { group, route });
    byId("switch-title").textContent = text("of", group.name, text(`to_${route}`));
    byId("switch-about").textContent = text(`about_${route}`);
    byId("switch-problem").textContent = "";
    byId("second").hidden = true;
    byId("switch-name").value = "";
    byId("accept-incomplete").checked = false;
    byId("accept-quarantine").value = "";
    byId("incomplete").hidden = byId("lost").hidden = route !== "s3-only";
    Object.assign(byId("go"), { textContent: text("go_on"), disabled: false });
    byId("switch").showModal();
  }

  askAgain() {
    byId("second").hidden = false;
    byId("switch-ask").textContent = text("ask_name", this.group.name);
    byId("go").textContent = text("switch");
    this.allow();
    byId("switch-name").focus();
  }

  allow() {
    byId("go").disabled = byId("switch-name").value.trim() !== this.group.name;
  }

  async send() {
    const { group, route } = this;
    if (byId("go").disabled) return;
    byId("go").disabled = true;
    byId("switch-problem").textContent = "";
    try {
      const wish = { route, accept_incomplete: route === "s3-only" && byId("accept-incomplete").checked, accept_quarantine: idsIn("accept-quarantine") };
      await ask("POST", `${this.base}/routes/${encodeURIComponent(group.name)}`, wish);
    } catch (error) {
      byId("switch-problem").textContent = text("refused", error.message || text("connection"));
      this.allow();
      return;
    }
    byId("switch").close();
    this.onSwitched(group, route);
  }
}

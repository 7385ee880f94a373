import { text } from "./texts.js";

export const byId = (id) => document.getElementById(id);

// Text is always set as text: names of files are somebody else's.
export function element(tag, properties = {}, ...children) {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
}

export function button(name, about, onclick) {
  const made = element("button", { type: "button", onclick, textContent: text(name) });
  made.setAttribute("aria-label", text("of", text(name), about));
  return made;
}

export function command(line) {
  const copy = button("copy", line, async () => {
    try {
      await navigator.clipboard.writeText(line);
      copy.textContent = text("copied");
    } catch {
      // Not permitted outside of https and localhost: the line is selected, to be copied by hand.
      getSelection().selectAllChildren(code);
    }
  });
  const code = element("code", { textContent: line });
  return element("div", { className: "command" }, code, copy);
}

const quoted = (word) => (/^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`);

export const curl = (token, ...words) =>
  ["curl", ...(token ? ["-H", '"Authorization: Bearer $TOKEN"'] : []), ...words.map((word) => quoted(word))].join(" ");

// The requests to the service. Paths are relative, so that they are right below any prefix.
const TOKEN = "s3py-token";

export const service = {
  mode: document.documentElement.dataset.mode,
  signsLinks: document.documentElement.dataset.links === "signed",
  needsToken: document.documentElement.dataset.token === "needed",
  get token() { return sessionStorage.getItem(TOKEN); },
  set token(value) { value === null ? sessionStorage.removeItem(TOKEN) : sessionStorage.setItem(TOKEN, value); },
};

// Slashes of an id are slashes of the path; all else that means something in a URL is escaped.
export const pathOf = (id) => "files/" + id.split("/").map((part) => encodeURIComponent(part).replaceAll("%3A", ":")).join("/");

export class Refused extends Error {
  constructor(status, detail) {
    super(detail ?? "");
    this.status = status;
  }
}

export const headers = () => (service.token ? { Authorization: `Bearer ${service.token}` } : {});

const refusal = (status, body) => {
  try {
    return new Refused(status, JSON.parse(body).detail ?? String(status));
  } catch {
    return new Refused(status, String(status));
  }
};

export async function request(method, path, body) {
  const options = { method, headers: headers() };
  if (body !== undefined) {
    options.body = JSON.stringify(body);
    options.headers["Content-Type"] = "application/json";
  }
  const response = await fetch(path, options);
  if (!response.ok) throw refusal(response.status, await response.text());
  return response;
}

// What is no JSON comes from elsewhere: a network's page to log in has the status 200 as well.
const answered = (body) => {
  try {
    return JSON.parse(body);
  } catch {
    throw new Refused(0, null);
  }
};

export const ask = async (method, path, body) => answered(await (await request(method, path, body)).text());

// XMLHttpRequest, because fetch does not say how much of a body has been sent.
export function upload(file, folder, onProgress, signal) {
  return new Promise((resolve, reject) => {
    const sending = new XMLHttpRequest();
    sending.open("POST", "files/upload" + (folder ? `?folder=${encodeURIComponent(folder)}` : ""));
    for (const [name, value] of Object.entries(headers())) sending.setRequestHeader(name, value);
    sending.upload.onprogress = (event) => onProgress(event.loaded, event.total);
    sending.onload = () => {
      if (sending.status >= 300) return reject(refusal(sending.status, sending.responseText));
      try {
        resolve(answered(sending.responseText));
      } catch (error) {
        reject(error);
      }
    };
    sending.onerror = () => reject(new Refused(0, null));
    sending.onabort = () => reject(signal.reason);
    signal.addEventListener("abort", () => sending.abort());
    const form = new FormData();
    form.append("file", file);
    sending.send(form);
  });
}

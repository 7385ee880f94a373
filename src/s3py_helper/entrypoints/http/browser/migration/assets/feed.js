import { Refused, headers } from "./service.js";

// A heartbeat comes every ten seconds: a connection that is silent for longer is dead.
const SILENCE = 25000;
const LONGEST_PAUSE = 10000;

// EventSource cannot send the token: a stream is read by fetch, and taken apart here (HTML Living Standard, 9.2.6).
async function* eventsOf(response, onChunk) {
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    onChunk();
    const blocks = (rest + value).split("\n\n");
    rest = blocks.pop();
    for (const block of blocks) {
      const fields = Object.fromEntries(block.split("\n").map((line) => [line.slice(0, line.indexOf(":")), line.slice(line.indexOf(":") + 2)]));
      if (fields.data) yield { name: fields.event, data: JSON.parse(fields.data) };
    }
  }
}

// Tells of events until the service refuses to show any; a connection that breaks is opened again.
export async function follow(path, { onEvent, onLost, onRefused }) {
  for (let pause = 1000; ; pause = Math.min(LONGEST_PAUSE, pause * 2)) {
    const giving = new AbortController();
    let silence;
    const heard = () => {
      clearTimeout(silence);
      silence = setTimeout(() => giving.abort(), SILENCE);
    };
    try {
      heard();
      const response = await fetch(path, { headers: headers(), signal: giving.signal });
      if ([401, 403, 404].includes(response.status)) {
        const detail = (await response.json().catch(() => ({}))).detail;
        return onRefused(new Refused(response.status, detail ?? String(response.status)));
      }
      if (response.ok) {
        for await (const { name, data } of eventsOf(response, heard)) {
          pause = 1000;
          onEvent(name, data);
        }
      }
    } catch {
      // Nobody is there now.
    } finally {
      clearTimeout(silence);
    }
    onLost();
    await new Promise((resolve) => setTimeout(resolve, pause));
  }
}

// What was dropped, folders with all that is in them. The whole list is complete before the first file is sent.
export async function droppedFiles(transfer) {
  // The entries are gone once this function has waited for anything.
  const entries = [...transfer.items].map((item) => item.webkitGetAsEntry?.()).filter(Boolean);
  if (entries.length === 0) return [...transfer.files].map((file) => ({ file, folder: "" }));
  const found = [];
  for (const entry of entries) await collect(entry, "", found);
  return found;
}

async function collect(entry, folder, found) {
  if (entry.isFile) {
    found.push({ file: await new Promise((resolve, reject) => entry.file(resolve, reject)), folder });
    return;
  }
  const reader = entry.createReader();
  for (;;) {
    // A hundred at a time, until there are none.
    const some = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
    if (some.length === 0) return;
    for (const each of some) await collect(each, folder ? `${folder}/${entry.name}` : entry.name, found);
  }
}

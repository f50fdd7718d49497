// Photos to the server of this page, one after the other, and their sentences into the gallery.
const token = new URLSearchParams(location.hash.slice(1)).get("token");
const find = (id) => document.getElementById(id);
const gallery = find("gallery"), said = find("said"), drop = find("drop");
const waiting = [];
let busy = false;

// What is said already would not be said again by a screen reader.
function say(text) { said.textContent = text === said.textContent ? `${text}\u00a0` : text; }

async function caption(file) {
  const form = new FormData();
  form.append("file", file, file.name || "photo");
  for (;;) {
    const answer = await fetch("v1/captions?num_captions=3&attention_maps=1", {
      method: "POST", body: form, headers: token ? { Authorization: `Bearer ${token}` } : {},
    });
    if (answer.status === 503) {
      const seconds = Number(answer.headers.get("Retry-After")) || 1;
      await new Promise((go) => setTimeout(go, 1000 * seconds));
      continue;
    }
    const told = await answer.json();
    const entry = told.captions?.[0] ?? {};
    if (!entry.caption) throw new Error(entry.error ?? told.error);
    return entry;
  }
}

function makeCard(file) {
  const card = find("card").content.cloneNode(true).firstElementChild;
  const photo = card.querySelector("img");
  photo.src = URL.createObjectURL(file);
  photo.addEventListener("error", () => photo.remove());
  card.querySelector(".name").textContent = file.name;
  for (const part of card.querySelectorAll(".row, details")) part.hidden = true;
  gallery.prepend(card);
  return card;
}

// Bright where the decoder attends, dark elsewhere.
function paint(canvas, map) {
  const context = canvas.getContext("2d"), most = Math.max(...map.flat());
  const pixels = context.createImageData(9, 9);
  map.flat().forEach((weight, place) => { pixels.data[4 * place + 3] = 255 * (1 - weight / most); });
  context.putImageData(pixels, 0, 0);
  canvas.classList.add("shown");
}

function hide() { document.querySelector("canvas.shown")?.classList.remove("shown"); }

// To which ninth of the photo the decoder attends most, for those who do not see it.
function placeOf(map) {
  const most = map.flat().indexOf(Math.max(...map.flat()));
  const row = ["top", "middle", "bottom"][Math.floor(most / 27)];
  const column = ["left", "middle", "right"][Math.floor((most % 9) / 3)];
  return row === column ? row : `${row} ${column}`;
}

function makeWord(canvas, { word, attention_map: map }) {
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = word;
  button.setAttribute("aria-label", `${word}, ${placeOf(map)}`);
  for (const event of ["pointerenter", "focus", "click"]) {
    button.addEventListener(event, () => { hide(); paint(canvas, map); });
  }
  button.addEventListener("blur", hide);
  return button;
}

async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    say(`Copied: ${text}`);
  } catch {  // not allowed, or not over https
    say(`The browser does not let this page copy: ${text}`);
  }
}

function fill(card, file, entry) {
  card.querySelector(".caption").textContent = entry.caption;
  card.querySelector("img")?.setAttribute("alt", entry.caption);
  if (entry.confidence !== null) {
    const percent = Math.round(100 * entry.confidence);
    card.querySelector(".sure").textContent = entry.named
      ? `A name, as there are no words for it: ${percent}\u00a0% sure.`
      : `${percent}\u00a0% sure that it says what people would.`;
  }
  const canvas = card.querySelector("canvas"), mapped = entry.words.filter((word) => word.attention_map);
  card.querySelector(".words").append(...mapped.map((word) => makeWord(canvas, word)));
  card.addEventListener("pointerleave", hide);
  const escaped = entry.caption.replaceAll("&", "&amp;").replaceAll('"', "&quot;").replaceAll("<", "&lt;");
  card.querySelector(".text").addEventListener("click", () => copy(entry.caption));
  card.querySelector(".html").addEventListener("click", () => copy(`<img src="${encodeURI(file.name)}" alt="${escaped}">`));
  for (const other of entry.others ?? []) {
    const item = document.createElement("li");
    item.textContent = other.caption;
    card.querySelector(".others").append(item);
  }
  for (const part of card.querySelectorAll(".row, details")) part.hidden = false;
  card.querySelector("details").hidden = !entry.others;
  say(`${file.name}: ${entry.caption}`);
}

async function work() {
  if (busy) return;
  busy = true;
  for (let next = waiting.shift(); next; next = waiting.shift()) {
    const [file, card] = next;
    try {
      fill(card, file, await caption(file));
    } catch (error) {
      card.classList.add("wrong");
      card.querySelector(".caption").textContent = error.message;
      say(`${file.name}: ${error.message}`);
    }
  }
  busy = false;
}

function take(files) {
  if (files.length) say(`Captioning ${files.length === 1 ? files[0].name : `${files.length} photos`}…`);
  for (const file of files) waiting.push([file, makeCard(file)]);
  work();
}

find("choose").addEventListener("click", () => find("files").click());
find("take").addEventListener("click", () => find("camera").click());
for (const id of ["files", "camera"]) {
  find(id).addEventListener("change", (event) => { take(event.target.files); event.target.value = ""; });
}
document.addEventListener("keydown", (event) => { if (event.key === "Escape") hide(); });
document.addEventListener("paste", (event) => take(event.clipboardData.files));
document.addEventListener("dragover", (event) => { event.preventDefault(); drop.classList.add("over"); });
document.addEventListener("dragleave", () => drop.classList.remove("over"));
document.addEventListener("drop", (event) => {
  event.preventDefault();
  drop.classList.remove("over");
  take(event.dataTransfer.files);
});

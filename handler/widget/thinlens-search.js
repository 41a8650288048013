/*! Thinlens, Apache-2.0. Made by `make widget` from the modules beside it in src/. */
function readAddress(href) {
const parameters = new URL(href).searchParams;
return { query: (parameters.get("q") ?? "").trim(), similar: parameters.get("similar") ?? "" };
}
function writeAddress(href, { query, similar }) {
const url = new URL(href);
for (const [name, value] of Object.entries({ q: query, similar })) {
if (value) url.searchParams.set(name, value);
else url.searchParams.delete(name);
}
return url.href;
}
const SVG = "http://www.w3.org/2000/svg";
const PATHS = {
search: "M10.5 4a6.5 6.5 0 1 0 0 13 6.5 6.5 0 0 0 0-13ZM15.5 15.5 20 20",
picture: "M4 5h16v14H4zM4 16l4.5-4.5 4 4 3-3 4.5 4.5M15 9h.01",
cross: "M6 6l12 12M18 6 6 18",
similar: "M4 8.5h9.5v9.5H4zM8 8.5v-4h12v12h-6.5",
back: "M15 5l-7 7 7 7",
forward: "M9 5l7 7-7 7",
open: "M9 5H5v14h14v-4M13 5h6v6M19 5l-9 9",
};
function make(tag, attributes = {}, ...children) {
const element = document.createElement(tag);
for (const [name, value] of Object.entries(attributes)) {
if (value === true) element.setAttribute(name, "");
else if (value !== undefined && value !== false) element.setAttribute(name, value);
}
element.append(...children);
return element;
}
function iconButton(name, label, attributes) {
return make("button", { type: "button", "aria-label": label, title: label, ...attributes }, icon(name));
}
function icon(name) {
const path = document.createElementNS(SVG, "path");
path.setAttribute("d", PATHS[name]);
const svg = document.createElementNS(SVG, "svg");
svg.setAttribute("viewBox", "0 0 24 24");
svg.setAttribute("aria-hidden", "true");
svg.append(path);
return svg;
}
const CHIP_PX = 64;
async function readPicture(file, side) {
let bitmap;
try {
bitmap = await createImageBitmap(file, { imageOrientation: "from-image" });
} catch {
return undefined;
}
try {
const { data } = drawn(bitmap, side, side).getContext("2d").getImageData(0, 0, side, side);
const pixels = new Uint8Array(side * side * 3);
for (let from = 0, to = 0; from < data.length; from += 4) {
pixels[to++] = data[from];
pixels[to++] = data[from + 1];
pixels[to++] = data[from + 2];
}
const scale = CHIP_PX / Math.min(bitmap.width, bitmap.height);
return { name: file.name, pixels, chip: drawn(bitmap, bitmap.width * scale, bitmap.height * scale) };
} catch {
return undefined; // too large for a canvas
} finally {
bitmap.close();
}
}
function fileOf(transfer) {
return transfer?.files?.[0];
}
function drawn(bitmap, width, height) {
const canvas = make("canvas", { width: Math.round(width), height: Math.round(height), "aria-hidden": "true" });
const context = canvas.getContext("2d", { willReadFrequently: true });
context.fillStyle = "#fff";
context.fillRect(0, 0, canvas.width, canvas.height);
context.imageSmoothingQuality = "high";
context.drawImage(bitmap, 0, 0, canvas.width, canvas.height);
return canvas;
}
const PLACES_OF_WORDS = new Map([["text", "inText"], ["name", "inName"]]);
const KNOWN_COLUMNS = new Map([["keywords", "inKeyword"], ["title", "inTitle"], ["description", "inDescription"]]);
const SLOT = "\uFFFC";
function readWords({ matched, matched_in: place, marks, columns }) {
if (typeof matched !== "string" || !matched) return undefined;
const read = readMarks(marks, matched);
if (PLACES_OF_WORDS.has(place) || place === "column") {
return { place, text: matched, marks: read, column: place === "column" ? nameOfColumn(columns, matched) : undefined };
}
return read.length ? { place: "caption", text: matched, marks: read, column: undefined } : undefined;
}
function readMarks(marks, text) {
if (!Array.isArray(marks) || !marks.length) return [];
const offsets = [0];
for (const character of text) offsets.push(offsets.at(-1) + character.length);
const possible = marks.filter((mark) => Array.isArray(mark) && mark.every((end) => Number.isInteger(end) && end in offsets));
const read = [];
for (const [start, end] of possible.sort(([one], [other]) => one - other)) {
if (start < end && offsets[start] >= (read.at(-1)?.[1] ?? 0)) read.push([offsets[start], offsets[end]]);
}
return read;
}
function nameOfColumn(columns, text) {
return Object.entries(columns ?? {}).find(([, values]) => [values].flat().map(String).includes(text))?.[0];
}
function marked(text, marks) {
const nodes = [];
let done = 0;
for (const [start, end] of marks) {
nodes.push(text.slice(done, start), make("mark", {}, text.slice(start, end)));
done = end;
}
return [...nodes, text.slice(done)];
}
function excerpt(text, marks, before, after) {
const first = marks[0]?.[0] ?? 0;
const start = first > before ? cutBefore(text, first - before, first) : 0;
const end = text.length > first + after ? cutAfter(text, first, first + after) : text.length;
const lead = start ? "… " : "";
const inside = marks.filter((mark) => mark[0] < end).map((mark) => [mark[0], Math.min(mark[1], end)]);
return {
text: lead + text.slice(start, end).trimEnd() + (end < text.length ? "…" : ""),
marks: inside.map((mark) => mark.map((place) => place - start + lead.length)),
};
}
function cutBefore(text, start, end) {
const space = text.slice(start - 1, end).search(/\s\S/);
return space < 0 ? wholeCharacter(text, start) : start + space;
}
function cutAfter(text, start, end) {
const space = text.slice(start, end + 1).search(/\s\S*$/);
return space > 0 ? start + space : wholeCharacter(text, end);
}
function wholeCharacter(text, place) {
return place + (text.codePointAt(place - 1) > 0xffff ? 1 : 0);
}
function wordsLine({ place, text, marks, column }, say, before, after) {
const cut = excerpt(text, marks, before, after);
const name = PLACES_OF_WORDS.get(place) ?? KNOWN_COLUMNS.get(column) ?? (column ? "inColumn" : "inKeyword");
const [where, ...rest] = say(name, { words: SLOT, column }).split(SLOT);
return {
said: say(name, { words: cut.text, column }),
nodes: [make("span", { class: "where" }, where), make("bdi", {}, ...marked(cut.text, cut.marks)), rest.join("")],
};
}
const LONGEST_QUERY = 512;
const TIMEOUT_MS = 20_000;
const NARROWEST = 0.6;
const WIDEST = 2.4;
const PROBLEMS = new Map([
["photo-not-found", "gone"],
["bundle-changed", "changed"],
["no-collection", "away"],
["unauthorized", "closed"],
["internal-error", "mistake"],
]);
class NoAnswer extends Error {
constructor(kind, detail = "") {
super(detail || kind);
this.kind = kind;
this.detail = detail;
}
}
class Client {
#base;
#ask;
constructor(endpoint, page = globalThis.document?.baseURI, ask = (...request) => fetch(...request)) {
this.#ask = ask;
const base = new URL(endpoint, page);
if (!base.pathname.endsWith("/")) base.pathname += "/";
this.#base = base;
}
search(query, options) {
return this.#list("v1/search", { q: query, dedupe: true }, options);
}
async searchWithPicture({ pixels }, query, options) {
const headers = { "content-type": "application/octet-stream" };
const hash = await globalThis.crypto?.subtle?.digest("SHA-256", pixels);
if (hash) headers["x-amz-content-sha256"] = hexadecimal(new Uint8Array(hash));
const request = { method: "POST", headers, body: pixels };
return this.#list("v1/search", { q: query || undefined, dedupe: true }, { ...options, request });
}
similar(id, options) {
return this.#list("v1/similar", { id }, options);
}
async collection(count, signal) {
const { photos, total, suggestions, image_side: side } = await this.#fetch(`v1/photos?k=${count}`, signal);
return {
photos: listed(photos).map((photo) => this.#photo(withCaption(photo))),
total,
suggestions: listed(suggestions),
imageSide: side > 0 ? side : 0,
};
}
async texts(language, signal) {
const texts = await this.#fetch(`assets/languages/${language}.json`, signal);
if (Array.isArray(texts)) throw new NoAnswer("unreadable");
return texts;
}
async photo(id, signal) {
const path = id.split("/").map(encodeURIComponent).join("/");
return this.#photo(withCaption(await this.#fetch(`v1/photos/${path}`, signal)));
}
async #list(path, parameters, { count, after, minRelevance, signal, request }) {
const wanted = { ...parameters, k: count, min_relevance: minRelevance, ...after };
const given = Object.entries(wanted).filter(([, value]) => value !== undefined);
const raw = await this.#fetch(`${path}?${new URLSearchParams(given)}`, signal, request);
const found = listed(raw.results).map((result) => this.#photo(result));
const perhaps = listed(raw.perhaps ?? []).map((result) => ({ ...this.#photo(result), perhaps: true }));
const photos = [...found, ...perhaps];
const next = raw.next_offset > 0 ? { offset: raw.next_offset, bundle: raw.bundle } : undefined;
return { photos, next, raw };
}
async #fetch(address, signal, request) {
const ask = this.#ask;
const limit = AbortSignal.timeout(ask.timeoutMs ?? TIMEOUT_MS);
let response;
let body;
try {
response = await ask(new URL(address, this.#base), { ...request, signal: AbortSignal.any([signal, limit]) });
body = await response.json();
} catch (error) {
if (signal.aborted) throw error;
if (limit.aborted) throw new NoAnswer("slow");
if (response?.ok) throw new NoAnswer("unreadable");
if (!response) throw new NoAnswer(globalThis.navigator?.onLine === false ? "offline" : "unreachable");
}
if (!response.ok) throw new NoAnswer(problem(body), String(body?.detail ?? response.status));
if (body === null || typeof body !== "object") throw new NoAnswer("unreadable");
return body;
}
#photo(raw) {
if (typeof raw?.id !== "string") throw new NoAnswer("unreadable");
const known = raw.width > 0 && raw.height > 0;
const [width, height] = known ? [Number(raw.width), Number(raw.height)] : [4, 3];
const words = readWords(raw);
const elsewhere = words && words.place !== "caption";
const byLook = raw.matched === "visual" && (raw.matched_in ?? "meaning") === "meaning";
return {
id: raw.id,
caption: String((byLook || elsewhere ? raw.caption : raw.matched) || raw.caption || raw.id),
words: byLook ? undefined : words,
byLook,
relevance: Number.isFinite(raw.relevance) ? Math.min(Math.max(raw.relevance, 0), 1) : undefined,
duplicates: raw.duplicates > 0 ? raw.duplicates : 0,
url: this.#webAddress(raw.url),
thumbnail: this.#webAddress(raw.thumbnail_url),
width,
height,
aspect: Math.min(Math.max(width / height, NARROWEST), WIDEST),
colours: readColours(raw.placeholder),
};
}
#webAddress(address) {
const url = typeof address === "string" && URL.canParse(address, this.#base) && new URL(address, this.#base);
return url && /^https?:$/.test(url.protocol) ? url.href : undefined;
}
}
function listed(value) {
if (!Array.isArray(value)) throw new NoAnswer("unreadable");
return value;
}
function hexadecimal(bytes) {
return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
function problem(body) {
const name = String(body?.type).split(":").at(-1);
if (name === "invalid-parameter" && body.parameter === "q") return "unfit";
return PROBLEMS.get(name) ?? "refused";
}
function withCaption(photo) {
return { ...photo, caption: photo?.captions?.[0]?.text };
}
function readColours(placeholder) {
if (typeof placeholder !== "string" || !/^[0-9a-f]{72}$/i.test(placeholder)) return undefined;
return placeholder.match(/../g).map((pair) => parseInt(pair, 16));
}
const LANGUAGES = ["en", "de", "es", "fr", "ja", "nl", "pt", "zh"];
function spoken(tag) {
try {
const { language, script } = new Intl.Locale(tag).maximize();
return LANGUAGES.find((known) => known === language && new Intl.Locale(known).maximize().script === script);
} catch {
return undefined;
}
}
function preferred(tags) {
return tags.find(spoken) ?? "en";
}
function tagAround(element) {
for (const root of rootsAround(element)) {
const said = element.closest("[lang]");
if (said) return said.lang;
element = root.host;
}
return "";
}
function rootsAround(element) {
const roots = [];
for (let root; element; element = root.host) roots.push((root = element.getRootNode()));
return roots;
}
const SAME_ROW_PX = 4;
function neighbour(boxes, index, key, rightToLeft) {
const onwards = rightToLeft ? "ArrowLeft" : "ArrowRight";
const backwards = rightToLeft ? "ArrowRight" : "ArrowLeft";
if (key === onwards) return index + 1 < boxes.length ? index + 1 : undefined;
if (key === backwards) return index > 0 ? index - 1 : undefined;
if (key === "Home") return 0;
if (key === "End") return boxes.length - 1;
if (key === "ArrowDown") return inRow(boxes, index, (top, here) => top > here, Math.min);
if (key === "ArrowUp") return inRow(boxes, index, (top, here) => top < here, Math.max);
return undefined;
}
function inRow(boxes, index, beyond, nearest) {
const here = boxes[index];
const tops = boxes.map((box) => box.top);
const others = tops.filter((top) => Math.abs(top - here.top) > SAME_ROW_PX && beyond(top, here.top));
if (others.length === 0) return undefined;
const row = nearest(...others);
const distances = boxes.map((box) =>
Math.abs(box.top - row) > SAME_ROW_PX ? Infinity : Math.abs(box.left + box.width / 2 - here.left - here.width / 2),
);
return distances.indexOf(Math.min(...distances));
}
const COLUMNS = 4;
const ROWS = 3;
const SMOOTHNESS = 8;
const ON_PROCESSOR = { willReadFrequently: true };
let palette;
function framed(photo, say) {
const image = make("img", { alt: "", decoding: "async", loading: "lazy", width: photo.width, height: photo.height });
const missing = make("span", { class: "missing" }, say("missing"));
image.addEventListener("load", () => image.classList.add("there"));
image.addEventListener("error", () => image.replaceWith(missing));
if (photo.thumbnail) image.src = photo.thumbnail;
return make("span", { class: "frame" }, ...blurred(photo), photo.thumbnail ? image : missing);
}
function blurred({ colours }) {
if (!colours) return [];
const pixels = new ImageData(COLUMNS, ROWS);
for (let place = 0; place < COLUMNS * ROWS; place++) {
pixels.data.set([...colours.slice(3 * place, 3 * place + 3), 255], 4 * place);
}
palette ??= make("canvas", { width: COLUMNS, height: ROWS }).getContext("2d", ON_PROCESSOR);
palette.putImageData(pixels, 0, 0);
const [width, height] = [SMOOTHNESS * COLUMNS, SMOOTHNESS * ROWS];
const canvas = make("canvas", { width, height, "aria-hidden": "true" });
const context = canvas.getContext("2d", ON_PROCESSOR);
context.imageSmoothingQuality = "high";
context.drawImage(palette.canvas, 0, 0, width, height);
return [canvas];
}
const TILES_AT_ONCE = 4;
const TILES_A_FRAME = 12;
const BEFORE = 12;
const AFTER = 80;
class Grid {
#say;
#tiles = [];
#furnished = 0;
#frames = new Map();
#current = 0;
photos = [];
constructor(say, onOpen, onSimilar) {
this.#say = say;
this.element = make("ol", { role: "list", part: "grid", "aria-label": say("grid"), "aria-description": say("keys") });
this.element.addEventListener("click", (event) => {
const index = this.#indexOf(event.target);
if (index < 0) return;
if (event.target.closest(".like")) onSimilar(this.photos[index]);
else if (event.target.closest(".open")) onOpen(index);
});
this.element.addEventListener("focusin", (event) => this.#reach(this.#indexOf(event.target)));
this.element.addEventListener("keydown", (event) => this.#move(event));
}
show(photos) {
this.#frames = new Map(this.#tiles.map((tile, index) => [this.photos[index].id, tile.querySelector(".frame")]));
this.photos = [];
this.#tiles = [];
this.#furnished = 0;
this.element.replaceChildren();
this.add(photos);
this.#current = 0;
this.#reach(0);
}
add(photos) {
const tiles = photos.map((photo) => {
const { aspect, perhaps } = photo;
const tile = make("li", perhaps ? { part: "photo perhaps", class: "perhaps" } : { part: "photo" });
tile.classList.toggle("worded", saysWords(photo));
tile.style.setProperty("--aspect", aspect);
return tile;
});
this.photos = [...this.photos, ...photos];
this.#tiles.push(...tiles);
this.element.append(...tiles);
this.#furnish(TILES_AT_ONCE);
}
focus(index = 0) {
if (index >= this.#furnished) this.#furnish(index + 1 - this.#furnished);
this.#tiles[index]?.querySelector(".open")?.focus();
}
#indexOf(target) {
return this.#tiles.indexOf(target.closest("li"));
}
#reach(index) {
if (!this.#tiles[index]) return;
reachable(this.#tiles[this.#current], false);
reachable(this.#tiles[index], true);
this.#current = index;
}
#move(event) {
if (event.ctrlKey || event.metaKey || event.altKey || event.shiftKey) return;
const rightToLeft = getComputedStyle(this.element).direction === "rtl";
const boxes = this.#tiles.map((tile) => tile.getBoundingClientRect());
const index = neighbour(boxes, this.#current, event.key, rightToLeft);
if (index === undefined) return;
event.preventDefault();
this.focus(index);
}
#furnish(count) {
const end = Math.min(this.#furnished + count, this.#tiles.length);
for (; this.#furnished < end; this.#furnished++) {
this.#tiles[this.#furnished].append(...this.#content(this.photos[this.#furnished]));
}
if (end < this.#tiles.length) requestAnimationFrame(() => setTimeout(() => this.#furnish(TILES_A_FRAME)));
}
#content(photo) {
const { caption, relevance, duplicates, perhaps } = photo;
const words = saysWords(photo) ? [wordsLine(photo.words, this.#say, BEFORE, AFTER)] : [];
const alike = duplicates ? [this.#say("duplicates", { count: duplicates })] : [];
const relevant = relevance === undefined ? [] : [this.#say("relevance", { relevance })];
const unsure = perhaps ? [this.#say("perhaps")] : [];
const name = [caption, ...words.map(({ said }) => said), ...unsure, ...relevant, ...alike].join(this.#say("pause"));
const open = { type: "button", class: "open", part: "picture", tabindex: -1, "aria-label": name };
const below = { class: "caption", part: "caption", dir: "auto", "aria-hidden": "true" };
const found = { class: "words", part: "words", "aria-hidden": "true" };
const similar = this.#say("similar");
const like = { class: "like", part: "similar", tabindex: -1, title: similar };
return [
make("button", open, this.#frames.get(photo.id) ?? framed(photo, this.#say), make("span", below, caption)),
...words.map(({ said, nodes }) => make("div", { ...found, title: said }, ...nodes)),
make(
"div",
{ class: "line" },
...meter(relevance, this.#say),
...unsure.map((text) => make("span", { class: "unsure", "aria-hidden": "true" }, text)),
...alike.map((text) => make("span", { "aria-hidden": "true", title: text }, this.#say("alike", { count: duplicates }))),
iconButton("similar", this.#say("similarOf", { caption }), like),
),
];
}
}
function saysWords({ words }) {
return words !== undefined && words.place !== "caption";
}
function meter(relevance, say) {
if (relevance === undefined) return [];
const bar = make("span", { class: "bar", part: "bar" });
bar.style.setProperty("--relevance", relevance);
const number = say("number", { relevance });
return [make("span", { class: "relevance", part: "relevance", "aria-hidden": "true" }, bar, number)];
}
function reachable(tile, yes) {
for (const button of tile.querySelectorAll("button")) button.tabIndex = yes ? 0 : -1;
}
const SWIPE_PX = 48;
const WORDS_BEFORE = 120;
const WORDS_AFTER = 240;
class Lightbox {
#say;
#onClose;
#photos = [];
#index = 0;
#stage = make("div", { class: "stage" });
#caption = make("p", { class: "told", id: "told", part: "caption", dir: "auto" });
#words = make("p", { class: "words", part: "words" });
#why = make("p", { class: "why" });
#position = make("span", { class: "position" });
#open;
#previous;
#next;
constructor(say, onClose, onSimilar) {
this.#say = say;
this.#onClose = onClose;
this.#previous = iconButton("back", say("previous"), { class: "step previous" });
this.#next = iconButton("forward", say("next"), { class: "step next" });
const similar = make("button", { type: "button", class: "action" }, icon("similar"), say("similar"));
this.#open = make("a", { class: "action", target: "_blank", rel: "noopener noreferrer" }, icon("open"), say("open"));
const close = iconButton("cross", say("close"), { class: "close" });
const head = make("div", { class: "head" }, this.#position, close);
const actions = make("div", { class: "actions" }, similar, this.#open);
const foot = make("div", { class: "foot" }, make("div", {}, this.#caption, this.#words, this.#why), actions);
this.element = make(
"dialog",
{ part: "lightbox", "aria-labelledby": "told" },
...[head, this.#stage, this.#previous, this.#next, foot],
);
this.#previous.addEventListener("click", () => this.#show(this.#index - 1));
this.#next.addEventListener("click", () => this.#show(this.#index + 1));
close.addEventListener("click", () => this.close());
similar.addEventListener("click", () => {
this.close();
onSimilar(this.#photos[this.#index]);
});
this.#stage.addEventListener("click", (event) => event.target === this.#stage && this.close());
this.element.addEventListener("cancel", () => this.close());
this.element.addEventListener("keydown", (event) => this.#move(event));
this.#followSwipes();
}
open(photos, index) {
this.#photos = photos;
this.element.showModal();
this.#show(index);
}
close() {
if (!this.element.open) return;
this.element.close();
this.#onClose(this.#index);
}
#show(index) {
const photo = this.#photos[index];
if (!photo) return;
this.#index = index;
this.#stage.replaceChildren(this.#picture(photo));
this.#tell(photo);
this.#position.textContent = this.#say("position", { position: index + 1, count: this.#photos.length });
this.#open.hidden = !photo.url;
this.#open.href = photo.url ?? "";
this.#previous.setAttribute("aria-disabled", index === 0);
this.#next.setAttribute("aria-disabled", index === this.#photos.length - 1);
}
#tell({ caption, words, relevance, byLook }) {
const inCaption = words?.place === "caption";
this.#caption.replaceChildren(...marked(caption, inCaption ? words.marks : []));
const elsewhere = words && !inCaption;
this.#words.hidden = !elsewhere;
if (elsewhere) this.#words.replaceChildren(...wordsLine(words, this.#say, WORDS_BEFORE, WORDS_AFTER).nodes);
const why = elsewhere || relevance === undefined ? [] : [this.#say(byLook ? "byLook" : "byCaption")];
this.#why.replaceChildren(...meter(relevance, this.#say), ...why);
}
#picture(photo) {
const thumbnail = make("img", { alt: "", src: photo.thumbnail });
const full = make("img", { alt: photo.caption, decoding: "async" });
full.addEventListener("load", () => full.classList.add("there"));
full.addEventListener("error", () => thumbnail.setAttribute("alt", photo.caption));
thumbnail.addEventListener("load", () => thumbnail.classList.add("there"));
if (photo.url) full.src = photo.url;
const figure = make("div", { class: "large" }, ...blurred(photo), thumbnail, full);
figure.style.setProperty("--aspect", photo.width / photo.height);
figure.style.setProperty("--width", `${photo.width}px`);
return figure;
}
#move(event) {
const steps = { ArrowLeft: -1, ArrowRight: 1 };
if (!(event.key in steps)) return;
event.preventDefault();
this.#step(steps[event.key]);
}
#step(right) {
this.#show(this.#index + (getComputedStyle(this.element).direction === "rtl" ? -right : right));
}
#followSwipes() {
let start;
this.#stage.addEventListener("touchstart", ({ touches }) => {
start = touches.length === 1 ? touches[0].clientX : undefined;
}, { passive: true });
this.#stage.addEventListener("touchend", ({ changedTouches }) => {
const way = changedTouches[0].clientX - start;
if (Math.abs(way) > SWIPE_PX) this.#step(-Math.sign(way));
});
}
}
const SUGGESTIONS = 8;
class Source {
#say;
#onLeave;
constructor(say, onLeave) {
this.#say = say;
this.#onLeave = onLeave;
this.element = make("div", { class: "source", part: "source", hidden: true });
}
show(photo) {
this.element.hidden = !photo;
if (!photo) return this.element.replaceChildren();
const words = make("span", { dir: "auto" }, this.#say("similarTo", { caption: photo.caption }));
const leave = iconButton("cross", this.#say("leaveSimilar"));
leave.addEventListener("click", this.#onLeave);
const frame = framed(photo, this.#say);
return this.element.replaceChildren(frame, words, leave);
}
}
class Notice {
#title = make("h2");
#detail = make("p", { dir: "auto" });
#button = make("button", { type: "button", part: "button" });
#act;
constructor() {
this.element = make("section", { class: "notice", part: "notice", hidden: true });
this.element.append(this.#title, this.#detail, this.#button);
this.#button.addEventListener("click", () => this.#act());
}
show(title, detail, offer, act) {
this.#title.textContent = title;
this.#detail.textContent = detail;
this.#button.textContent = offer;
this.#button.hidden = !offer;
this.#act = act;
this.element.hidden = false;
}
hide() {
this.element.hidden = true;
}
focus() {
this.#button.focus();
}
}
class Suggestions {
#say;
constructor(say, onSearch) {
this.#say = say;
this.element = make("div", { class: "suggestions", part: "suggestions", hidden: true });
this.element.addEventListener("click", ({ target }) => target.matches("button") && onSearch(target.textContent));
}
show(queries) {
const shown = queries.slice(0, SUGGESTIONS);
const buttons = shown.map((query) => make("button", { type: "button", part: "suggestion", dir: "auto" }, query));
this.element.hidden = buttons.length === 0;
this.element.replaceChildren(make("span", {}, this.#say("suggestions")), ...buttons);
}
}
class Results {
#say;
#reader;
#status = make("p", { class: "status", part: "status", role: "status" });
#notice = new Notice();
#source;
#suggestions;
#grid;
#lightbox;
#more;
#parts;
constructor(say, reader) {
this.#say = say;
this.#reader = reader;
this.#source = new Source(say, reader.leaveSimilar);
this.#suggestions = new Suggestions(say, reader.search);
const select = (index) => reader.select(this.#grid.photos[index]) && this.#lightbox.open(this.#grid.photos, index);
this.#grid = new Grid(say, select, reader.similar);
this.#lightbox = new Lightbox(say, (index) => this.focus(index), reader.similar);
this.#more = make("button", { type: "button", class: "more", part: "button", hidden: true });
const parts = [this.#source, this.#notice, this.#suggestions, this.#grid];
this.#parts = [...parts.map(({ element }) => element), this.#more];
this.elements = [this.#status, ...this.#parts, this.#lightbox.element];
}
get count() {
return this.#grid.photos.length;
}
set busy(yes) {
this.#grid.element.setAttribute("aria-busy", yes);
}
focus(index = 0) {
if (this.count) this.#grid.focus(index);
else this.#notice.focus();
}
showCollection({ photos, suggestions, total }) {
this.#show({ photos });
this.suggest(suggestions);
this.#status.textContent = "";
if (total === 0) this.showUnpublished();
}
showUnpublished() {
this.#notify("unpublished", this.#say("unpublishedDetail", { command: "thinlens publish" }));
}
showPhotos(photos, offer, next, source, query, corrected, picture) {
this.#show({ photos, source });
this.#end(offer, next);
if (photos.every(({ perhaps }) => perhaps)) {
const unsure = picture ? "perhapsPicture" : source ? "perhapsSimilar" : "perhapsDetail";
this.#notify("perhapsThese", this.#say(unsure, { query }));
} else if (corrected) this.#notify("correctedTo", this.#say("correctedDetail", { query }));
}
addPhotos(photos, offer, next) {
this.#grid.add(photos);
this.#end(offer, next);
}
showNothing(query, offer, source, picture) {
this.#show({ source });
const detail = picture ? "emptyPicture" : source ? "emptySimilar" : offer ? "emptyDetail" : "emptyUnknown";
this.#notify("empty", this.#say(detail, { query }), offer && this.#say("closestAnyway"), this.#reader.closest);
}
showFailure({ kind, detail }) {
this.#show({});
const offline = kind === "offline";
const title = offline ? "offline" : "failed";
const why = this.#say(offline ? "offlineDetail" : kind, { detail, limit: LONGEST_QUERY });
this.#notify(title, why, this.#say("retry"), this.#reader.retry);
}
refuseFile(name) {
this.#notify("notPicture", this.#say("notPictureDetail", { name }));
}
suggest(queries) {
this.#suggestions.show(queries);
}
#show({ photos = [], source }) {
this.#notice.hide();
this.#source.show(source);
this.#suggestions.show([]);
this.#grid.show(photos);
this.#more.hidden = true;
this.#lightbox.element.before(...this.#parts);
this.#lightbox.close();
}
#notify(name, detail, offer, act) {
const title = this.#say(name);
this.#status.textContent = [title, detail].join(this.#say("pause"));
this.#notice.show(title, detail, offer, act);
}
#end(offer, next) {
const unsure = this.#grid.photos.filter(({ perhaps }) => perhaps).length;
const sure = this.#say("count", { count: this.count - unsure });
this.#status.textContent = unsure ? this.#say("countPerhaps", { sure, count: unsure }) : sure;
this.#more.hidden = !offer;
this.#more.textContent = offer && this.#say(offer);
this.#more.onclick = () => this.#reader[offer](next);
}
}
const PAUSE_MS = 150;
class SearchBox {
#onSearch;
#pause;
#told = "";
#say;
#choose;
#chip = make("span", { class: "chip", part: "chip", role: "group", hidden: true });
#leavePicture;
constructor(say, reader) {
this.#say = say;
this.#onSearch = reader.search;
this.#leavePicture = reader.leavePicture;
this.input = make("input", {
type: "search",
part: "input",
"aria-label": say("label"),
placeholder: say("placeholder"),
maxlength: LONGEST_QUERY,
autocomplete: "off",
enterkeyhint: "search",
dir: "auto",
});
const clear = iconButton("cross", say("clear"), { class: "clear" });
const file = make("input", { type: "file", accept: "image/*", tabindex: -1, "aria-hidden": "true", hidden: true });
this.#choose = iconButton("picture", say("askPicture"), { class: "choose", part: "choose", hidden: true });
const parts = [icon("search"), this.#chip, this.input, clear, this.#choose, file];
const field = make("div", { class: "field", part: "field" }, ...parts);
this.element = make("form", { role: "search", part: "search" }, make("slot", { name: "start" }), field);
this.input.addEventListener("input", (event) => event.isComposing || this.#typed());
this.input.addEventListener("compositionend", () => this.#typed());
this.input.addEventListener("keydown", (event) => {
if (event.key !== "ArrowDown" || event.isComposing) return;
event.preventDefault();
reader.descend();
});
this.input.addEventListener("blur", reader.settle);
this.element.addEventListener("submit", (event) => {
event.preventDefault();
this.#tell(true);
if (matchMedia("(hover: none)").matches) this.input.blur();
});
this.#choose.addEventListener("click", () => file.click());
file.addEventListener("change", () => {
if (file.files[0]) reader.ask(file.files[0]);
file.value = ""; // so that the same file may be chosen again
});
clear.addEventListener("click", () => {
this.input.value = "";
this.input.focus();
this.#tell(true);
});
}
show(query) {
clearTimeout(this.#pause);
this.#told = query;
if (this.input.value.trim() !== query) this.input.value = query;
}
set takesPictures(yes) {
this.#choose.hidden = !yes;
}
showPicture(picture) {
this.#chip.hidden = !picture;
this.input.placeholder = this.#say(picture ? "placeholderPicture" : "placeholder");
if (!picture) return this.#chip.replaceChildren();
const name = this.#say("askedPicture", { name: picture.name });
this.#chip.setAttribute("aria-label", name);
this.#chip.title = name;
const leave = iconButton("cross", this.#say("leavePicture"));
leave.addEventListener("click", () => {
this.input.focus();
this.#leavePicture();
});
return this.#chip.replaceChildren(picture.chip, leave);
}
set busy(yes) {
this.element.toggleAttribute("data-busy", yes);
}
#typed() {
clearTimeout(this.#pause);
this.#pause = setTimeout(() => this.input.value.trim() !== this.#told && this.#tell(false), PAUSE_MS);
}
#tell(settled) {
clearTimeout(this.#pause);
this.#told = this.input.value.trim();
this.#onSearch(this.#told, settled);
}
}
const ENGLISH = {
label: "Search photos by description",
placeholder: "Describe a photo",
clear: "Clear",
askPicture: "Search with a picture",
askedPicture: "Picture: {name}",
leavePicture: "Remove the picture",
placeholderPicture: "Add words, if you like",
dropPicture: "Drop a picture to search with it",
notPicture: "That is not a picture",
notPictureDetail: "“{name}” can't be read as a picture here.",
emptyPicture: "No photo here is like this picture.",
perhapsPicture: "It is not sure that any of them is like this picture.",
suggestions: "Try",
grid: "Photos, most relevant first",
keys: "The arrow keys move between photos.",
"count.one": "{count} photo",
"count.other": "{count} photos",
countPerhaps: "{sure}, and {count} perhaps",
"duplicates.one": "{count} near-duplicate",
"duplicates.other": "{count} near-duplicates",
alike: "+{count}",
more: "Show more",
closest: "Show less relevant photos",
relevance: "Relevance {relevance}",
number: "{relevance}",
perhaps: "Perhaps",
perhapsThese: "Perhaps one of these",
perhapsDetail: "It is not sure that any of them shows “{query}”.",
correctedTo: "Another spelling",
correctedDetail: "These are photos of “{query}”.",
perhapsSimilar: "It is not sure that any of them is like this one.",
similar: "More like this",
similarOf: "More like this: {caption}",
similarTo: "Photos like “{caption}”",
leaveSimilar: "Leave photos like this",
empty: "Nothing relevant found",
emptyDetail: "No photo here seems to show “{query}”.",
emptySimilar: "No other photo here is like this one.",
emptyUnknown: "No word of “{query}” is known to this search.",
unpublished: "No photos yet",
unpublishedDetail: "Whoever runs this search publishes them: {command}",
closestAnyway: "Show the closest anyway",
offline: "You are offline",
offlineDetail: "The search goes on as soon as there is a connection.",
failed: "That did not work",
unreachable: "There was no answer.",
slow: "The answer took too long.",
unreadable: "The answer could not be read.",
refused: "The server said: {detail}",
gone: "There is no such photo here.",
changed: "The collection has changed in the meantime.",
away: "The collection cannot be read at the moment.",
closed: "You have no access to this search.",
mistake: "Something went wrong on the server.",
unfit: "This text cannot be searched for. It may have up to {limit} characters.",
retry: "Try again",
missing: "Picture not available",
byCaption: "Found by its caption",
byLook: "Found by how it looks",
inText: "Text in the photo: {words}",
inName: "File name: {words}",
inKeyword: "Keyword: {words}",
inTitle: "Title: {words}",
inDescription: "Description: {words}",
inColumn: "{column}: {words}",
close: "Close",
previous: "Previous photo",
next: "Next photo",
position: "{position} of {count}",
open: "Open the photo",
pause: ". ",
};
function speaker(overrides, tag, texts = {}) {
const locale = knownLocale(tag);
const voices = [
voice(given(overrides), locale),
voice(onlyTexts(texts), locale),
voice(ENGLISH, spoken(tag) === "en" ? locale : "en"),
].filter(({ texts }) => Object.keys(texts).length);
const first = voices[0].locale;
const numbers = new Intl.NumberFormat(first);
const relevances = new Intl.NumberFormat(first, { minimumFractionDigits: 2, maximumFractionDigits: 2 });
return (name, values = {}) => {
const text = voices.reduce((found, { say }) => found ?? say(name, values.count), undefined);
return text.replace(/\{(\w+)\}/g, (whole, key) => {
const value = values[key];
if (typeof value !== "number") return value ?? whole;
return (key === "relevance" ? relevances : numbers).format(value);
});
};
}
function voice(texts, locale) {
const plurals = new Intl.PluralRules(locale);
const say = (name, count) => texts[name] ?? texts[`${name}.${plurals.select(count)}`] ?? texts[`${name}.other`];
return { texts, locale, say };
}
function given(overrides) {
try {
return onlyTexts(JSON.parse(overrides ?? "{}"));
} catch {
console.warn("thinlens-search: the attribute texts is not JSON, so it is left out");
return {};
}
}
function onlyTexts(some) {
return Object.fromEntries(Object.entries(some ?? {}).filter(([, text]) => typeof text === "string"));
}
function knownLocale(tag) {
try {
return Intl.getCanonicalLocales(tag || "en")[0];
} catch {
return "en";
}
}
const sheet = new CSSStyleSheet();
sheet.replaceSync(`:host{--_ground:var(--thinlens-ground,light-dark(#fff,#141312));--_raised:var(--thinlens-raised,light-dark(#f5f3f0,#211f1d));--_ink:var(--thinlens-ink,light-dark(#1f1d1a,#f0ece5));--_quiet:var(--thinlens-quiet,light-dark(#66615a,#a8a196));--_line:var(--thinlens-line,light-dark(#dedad3,#3a3733));--_accent:var(--thinlens-accent,light-dark(#a85a14,#e8994d));--_radius:var(--thinlens-radius,0.625rem);--_row:var(--thinlens-row-height,clamp(8.5rem,18vw,14.5rem));--_gap:var(--thinlens-gap,clamp(0.5rem,1.2vw,0.875rem));--_below:1.875rem;--_words:1.625rem;--_edge:var(--thinlens-edge,clamp(0.75rem,3vw,2.5rem));display:block;background:var(--_ground);color:var(--_ink);font:var(--thinlens-font,1rem/1.45 system-ui,-apple-system,"Segoe UI","Noto Sans",sans-serif);text-align:start;}:host([hidden]),[hidden]{display:none !important;}*{box-sizing:border-box;}:focus-visible{outline:2px solid var(--_accent);outline-offset:2px;}button{margin:0;padding:0;border:0;background:none;color:inherit;font:inherit;text-align:inherit;cursor:pointer;}svg{display:block;flex:none;inline-size:1.25rem;block-size:1.25rem;fill:none;stroke:currentColor;stroke-width:1.75;stroke-linecap:round;stroke-linejoin:round;}form{position:sticky;inset-block-start:var(--thinlens-sticky-top,0);z-index:1;display:flex;align-items:center;gap:clamp(0.625rem,2vw,1.5rem);padding:0.75rem var(--_edge);background:var(--_ground);}.field{position:relative;display:flex;flex:1;align-items:center;min-inline-size:0;max-inline-size:46rem;overflow:hidden;border:1px solid transparent;border-radius:999px;background:var(--_raised);color:var(--_quiet);}.field:hover{border-color:var(--_line);}.field:focus-within{border-color:var(--_accent);outline:1px solid var(--_accent);}.field>svg{margin-inline-start:1rem;}input{flex:1;min-inline-size:0;margin:0;padding:0.75rem;border:0;background:none;color:var(--_ink);font:inherit;text-overflow:ellipsis;appearance:none;}input:focus-visible{outline:0;}input::-webkit-search-cancel-button{display:none;}input::placeholder{color:var(--_quiet);opacity:1;}input:placeholder-shown + .clear{visibility:hidden;}.clear{margin-inline-end:0.375rem;padding:0.5rem;border-radius:999px;}.clear:focus-visible{outline-offset:-2px;}.choose{margin-inline-end:0.375rem;padding:0.5rem;border-radius:999px;}.choose:focus-visible,.chip button:focus-visible{outline-offset:-2px;}.chip{display:flex;flex:none;align-items:center;margin-inline-start:0.75rem;border-radius:var(--_radius);background:var(--_line);color:var(--_ink);}.chip canvas{inline-size:2.25rem;block-size:2.25rem;border-radius:var(--_radius);object-fit:cover;}.chip button{padding:0.5rem;border-radius:999px;}.drop{position:fixed;inset:1rem;z-index:2;display:none;place-content:center;border:2px dashed var(--_accent);border-radius:var(--_radius);background:color-mix(in srgb,var(--_ground) 85%,transparent);font-size:1.375rem;text-align:center;pointer-events:none;}:host([data-dropping]) .drop{display:grid;}[data-busy] .field::after{content:"";position:absolute;inset:auto 0 0;block-size:2px;background:var(--_accent);opacity:0;animation:busy 1.2s 0.3s ease-in-out infinite;}@keyframes busy{from{opacity:1;transform:translateX(-100%);}to{opacity:1;transform:translateX(100%);}}.status{min-block-size:1.45em;margin:0.25rem var(--_edge) 0.75rem;color:var(--_quiet);font-size:0.875rem;}.status:is(:empty,:has(~ .notice:not([hidden]))){position:absolute;clip-path:inset(50%);}.source{display:flex;align-items:center;gap:0.75rem;margin:0 var(--_edge) 1rem;}.source .frame{flex:none;inline-size:3.5rem;block-size:3.5rem;}.source button{padding:0.5rem;border-radius:999px;color:var(--_quiet);}.notice{max-inline-size:36rem;margin:clamp(2rem,12vh,7rem) auto 2rem;padding-inline:var(--_edge);text-align:center;word-break:auto-phrase;}.notice h2{margin:0 0 0.5rem;font-size:1.375rem;font-weight:600;letter-spacing:-0.01em;}.notice p{margin:0 0 1.5rem;color:var(--_quiet);overflow-wrap:anywhere;text-wrap:balance;}.notice button,.more{padding:0.5rem 1.25rem;border:1px solid var(--_line);border-radius:999px;font-weight:500;}.more{display:block;margin:0 auto 2.5rem;}.suggestions{display:flex;align-items:center;gap:0.5rem;overflow-x:auto;padding:0.25rem var(--_edge) 1rem;font-size:0.875rem;scrollbar-width:none;}.suggestions span{flex:none;color:var(--_quiet);}.notice:not([hidden]) + .suggestions{flex-wrap:wrap;justify-content:center;}.suggestions button{flex:none;max-inline-size:100%;overflow:hidden;padding:0.375rem 0.875rem;border-radius:999px;background:var(--_raised);text-overflow:ellipsis;white-space:nowrap;}:is(.clear,.source button,.notice button,.more,.suggestions button):hover{background:color-mix(in srgb,var(--_ink) 10%,var(--_raised));color:var(--_ink);}ol{display:flex;flex-wrap:wrap;gap:calc(var(--_gap) * 0.5) var(--_gap);margin:0;padding:0 var(--_edge) 2rem;list-style:none;}ol:empty{display:none;}ol::after{content:"";flex:10000 1 0;}ol:not(:has(li:nth-child(5))){--_row:var(--thinlens-row-height,clamp(11rem,24vw,19rem));}ol[aria-busy="true"]{opacity:0.5;transition:opacity 0.2s 0.3s;}li{position:relative;flex:var(--aspect) 1 calc(var(--aspect) * var(--_row));container-type:inline-size;min-inline-size:0;max-inline-size:100%;scroll-margin-block:6rem 2rem;}li:empty{aspect-ratio:var(--aspect);margin-block-end:var(--_below);}.worded:empty{margin-block-end:calc(var(--_below) + var(--_words));}.open{position:relative;display:block;inline-size:100%;border-radius:var(--_radius);}.frame{position:relative;display:block;aspect-ratio:var(--aspect);overflow:hidden;border-radius:var(--_radius);background:var(--_raised);}.frame>*,.large>*{position:absolute;inset:0;inline-size:100%;block-size:100%;object-fit:cover;}img{opacity:0;transition:opacity 0.2s;}img.there{opacity:1;}.missing{display:grid;place-items:center;padding:0.5rem;background:var(--_raised);color:var(--_quiet);font-size:0.875rem;text-align:center;}.caption{position:absolute;inset:auto 0 0;padding:2.5rem 0.75rem 0.625rem;border-end-start-radius:var(--_radius);border-end-end-radius:var(--_radius);background:linear-gradient(transparent,rgb(0 0 0 / 0.8) 60%);color:#fff;font-size:0.875rem;line-height:1.35;overflow-wrap:anywhere;opacity:0;transition:opacity 0.15s;pointer-events:none;}li:hover .caption,li:has(:focus-visible) .caption{opacity:1;}.words{color:var(--_quiet);font-size:0.8125rem;}li>.words{block-size:var(--_words);overflow:hidden;padding-block-start:0.375rem;line-height:1.25rem;text-overflow:ellipsis;white-space:nowrap;}@container (max-width: 12rem){li .where{display:none;}}bdi{color:var(--_ink);}mark{border-radius:0.2em;background:color-mix(in srgb,var(--_accent) 30%,transparent);color:inherit;font-weight:600;}.line{display:flex;align-items:center;gap:0.75rem;block-size:1.875rem;color:var(--_quiet);font-size:0.8125rem;}.perhaps .frame{opacity:0.72;}.unsure{overflow:hidden;font-style:italic;text-overflow:ellipsis;white-space:nowrap;}.unsure:lang(ja,zh){font-style:normal;}.relevance{display:flex;align-items:center;gap:0.5rem;font-variant-numeric:tabular-nums;}.bar{inline-size:2.75rem;block-size:3px;overflow:hidden;border-radius:999px;background:var(--_line);}.bar::before{content:"";display:block;inline-size:calc(var(--relevance) * 100%);block-size:100%;border-radius:inherit;background:var(--_accent);}@container (max-width: 9rem){li .bar,.perhaps .relevance{display:none;}}.like{flex:none;margin-inline-start:auto;padding:0.25rem;border-radius:999px;}.like:hover{color:var(--_accent);}@media (hover: none){:host{--_below:calc(1.875rem + 2 * 1.35 * 0.8125rem + 0.5rem);}.caption{position:static;display:-webkit-box;block-size:calc(2lh + 0.5rem);padding-block:0.375rem 0.125rem;padding-inline:0;overflow:hidden;background:none;color:inherit;font-size:0.8125rem;opacity:1;-webkit-box-orient:vertical;-webkit-line-clamp:2;}}dialog{position:fixed;inset:0;grid-template:auto minmax(0,1fr) auto / 3.5rem minmax(0,1fr) 3.5rem;inline-size:100%;max-inline-size:none;block-size:100%;max-block-size:none;margin:0;padding:0;border:0;background:#0e0d0c;color:#f5f2ed;color-scheme:dark;--_quiet:#b5aea3;--_line:#4a463f;--_accent:var(--thinlens-accent,#e8994d);}dialog[open]{display:grid;}.head{display:flex;grid-column:1 / -1;align-items:center;justify-content:space-between;padding:0.5rem 0.75rem 0.5rem 1.25rem;color:var(--_quiet);font-size:0.875rem;font-variant-numeric:tabular-nums;}.stage{display:grid;grid-area:2 / 2;place-items:center;container-type:size;}.large{position:relative;inline-size:min(100cqi,100cqb * var(--aspect),max(var(--width),20rem));aspect-ratio:var(--aspect);overflow:hidden;border-radius:0.25rem;}.step{display:grid;grid-row:2;place-items:center;}.previous{grid-column:1;}.next{grid-column:3;}.step svg{inline-size:2rem;block-size:2rem;}.step[aria-disabled="true"]{opacity:0.25;cursor:default;}:dir(rtl)>.step svg{scale:-1 1;}.close{padding:0.625rem;border-radius:999px;}dialog :focus-visible{outline-offset:-2px;}.foot{display:flex;flex-wrap:wrap;grid-column:1 / -1;align-items:center;justify-content:space-between;gap:0.75rem 2rem;padding:1rem 1.25rem calc(1rem + env(safe-area-inset-bottom));}.told{margin:0;font-size:1.0625rem;overflow-wrap:anywhere;}dialog .words{margin:0.25rem 0 0;font-size:0.9375rem;overflow-wrap:anywhere;}.why{display:flex;flex-wrap:wrap;gap:0.25rem 1rem;margin:0.25rem 0 0;color:var(--_quiet);font-size:0.875rem;}.actions{display:flex;flex-wrap:wrap;gap:0.5rem;}.action{display:inline-flex;align-items:center;gap:0.5rem;padding:0.5rem 1rem;border-radius:999px;background:#2a2724;color:inherit;font-size:0.9375rem;text-decoration:none;}:is(.action,.close):hover{background:#3a3632;}@media (max-width: 36rem){dialog{grid-template-columns:0 minmax(0,1fr) 0;}.step{z-index:1;place-self:center start;inline-size:2.75rem;block-size:2.75rem;border-radius:999px;background:rgb(14 13 12 / 0.6);}.next{justify-self:end;}}@media (forced-colors: active){mark{background:Mark;color:MarkText;forced-color-adjust:none;}}@media (prefers-reduced-motion: reduce){*{transition:none !important;}[data-busy] .field::after{animation-name:none;opacity:1;}}`);
const PAGE = 48;
const SAMPLE = 24;
const TEXTS_TIMEOUT_MS = 5_000;
const TEXTS = new Map([["en", ENGLISH]]);
class ThinlensSearch extends HTMLElement {
static observedAttributes = ["endpoint", "texts"];
#root = this.attachShadow({ mode: "open" });
#stay = new AbortController();
#inFlight = new AbortController();
#wanted = { query: "", similar: "" };
#imageSide;
#settled = true;
#offline = false;
#making;
#tag = "";
#wantsFocus;
#client;
#box;
#results;
connectedCallback() {
this.#stay = new AbortController();
const { signal } = this.#stay;
window.addEventListener("popstate", () => this.#goBack(), { signal });
window.addEventListener("online", () => this.#offline && this.#follow(this.#wanted), { signal });
this.#root.adoptedStyleSheets = [sheet];
if (this.#inHistory) this.#wanted = readAddress(location.href);
this.addEventListener("dragover", (event) => this.#drag(event), { signal });
this.addEventListener("dragleave", () => this.toggleAttribute("data-dropping", false), { signal });
this.addEventListener("drop", (event) => this.#drag(event, fileOf(event.dataTransfer)), { signal });
this.addEventListener("paste", (event) => this.#paste(event, fileOf(event.clipboardData)), { signal });
this.#followLanguage();
this.#build();
if (this.autofocus) this.focus({ preventScroll: true });
}
disconnectedCallback() {
this.#stay.abort();
this.#inFlight.abort();
this.#making.abort();
}
attributeChangedCallback() {
if (this.#making && this.isConnected) this.#build();
}
focus(options) {
if (this.#box) this.#box.input.focus(options);
else this.#wantsFocus = { options };
}
get #inHistory() {
return !this.hasAttribute("no-history");
}
#followLanguage() {
const observer = new MutationObserver(() => tagAround(this) === this.#tag || this.#build());
const languages = { subtree: true, attributeFilter: ["lang"] };
for (const root of rootsAround(this)) observer.observe(root, languages);
this.#stay.signal.addEventListener("abort", () => observer.disconnect());
}
async #build() {
this.#making?.abort();
const { signal } = (this.#making = new AbortController());
const client = new Client(this.getAttribute("endpoint") ?? "", undefined, this.ask);
this.#tag = tagAround(this);
const language = spoken(this.#tag);
if (language && !TEXTS.has(language)) await learn(language, client, signal);
if (signal.aborted) return;
const texts = TEXTS.get(language);
const typing = this.#box && this.#root.activeElement === this.#box.input;
this.#client = client;
this.#furnish(speaker(this.getAttribute("texts"), this.#tag, texts));
if (!texts && !this.hasAttribute("texts")) for (const part of this.#root.children) part.lang = "en";
if (typing || this.#wantsFocus) this.focus(this.#wantsFocus?.options);
this.#wantsFocus = undefined;
this.#begin();
}
#furnish(say) {
const search = (query, settled = true) => this.#go({ query, similar: "", picture: this.#wanted.picture }, settled);
const leavePicture = () => this.#go({ query: this.#wanted.query, similar: "" }, true);
this.#box = new SearchBox(say, {
search,
ask: (file) => this.#askWith(file),
leavePicture,
settle: () => (this.#settled = true),
descend: () => this.#results.focus(),
});
this.#results = new Results(say, {
search,
similar: (photo) => this.#go({ query: this.#wanted.query, similar: photo.id }, true, photo),
leaveSimilar: () => search(this.#wanted.query),
closest: () => this.#follow({ ...this.#wanted, minRelevance: 0 }, { focus: this.#results.count }),
retry: () => this.#follow(this.#wanted),
more: (after) => this.#follow(this.#wanted, { focus: this.#results.count, after }),
select: (photo) => this.#tell("thinlens-select", photo),
});
const drop = make("div", { class: "drop", "aria-hidden": "true" }, say("dropPicture"));
this.#root.replaceChildren(this.#box.element, ...this.#results.elements, drop);
}
async #begin() {
this.#imageSide = undefined;
await this.#follow(this.#wanted);
if (this.#imageSide === undefined) await this.#collection(this.#stay.signal);
}
async #askWith(file) {
const picture = await readPicture(file, this.#imageSide);
if (picture) this.#go({ query: this.#wanted.query, similar: "", picture }, true);
else this.#results.refuseFile(file.name);
}
#drag(event, file) {
const takes = this.#imageSide && event.dataTransfer?.types.includes("Files");
if (takes) event.preventDefault();
this.toggleAttribute("data-dropping", Boolean(takes && event.type === "dragover"));
if (takes && file) this.#askWith(file);
}
#paste(event, file) {
if (!this.#imageSide || !file) return;
event.preventDefault();
this.#askWith(file);
}
async #go(wanted, settled, source) {
if (this.#inHistory) {
const address = writeAddress(location.href, wanted);
if (address !== location.href) history[this.#settled ? "pushState" : "replaceState"](history.state, "", address);
this.#settled = settled;
}
await this.#follow(wanted, { source });
if (this.getBoundingClientRect().top < 0) this.scrollIntoView({ behavior: "instant" });
}
#goBack() {
const wanted = readAddress(location.href);
const { query, similar } = this.#wanted;
if (!this.#inHistory || (wanted.query === query && wanted.similar === similar)) return;
this.#settled = true;
if (this.#box) this.#follow(wanted);
else this.#wanted = wanted;
}
async #follow(wanted, { after, focus = 0, source } = {}) {
this.#inFlight.abort();
const { signal } = (this.#inFlight = new AbortController());
const used = this.#root.activeElement;
this.#wanted = wanted;
this.#offline = false;
this.#box.show(wanted.query);
this.#box.showPicture(wanted.picture);
this.#busy = true;
try {
const show = await this.#ask(wanted, { after, source, signal });
if (signal.aborted) return;
show();
} catch (error) {
if (signal.aborted) return;
if (!(error instanceof NoAnswer)) throw error;
this.#offline = error.kind === "offline";
this.#results.showFailure(error);
}
this.#busy = false;
if (used && used !== this.#box.input) this.#results.focus(focus);
}
async #ask(wanted, { after, source, signal }) {
const { query, similar, picture, minRelevance } = wanted;
if (!query && !similar && !picture) {
const collection = await this.#collection(signal);
return () => this.#results.showCollection(collection);
}
const options = { count: PAGE, after, minRelevance, signal };
const [{ photos, next, raw }, known] = await Promise.all([
similar
? this.#client.similar(similar, options)
: picture
? this.#client.searchWithPicture(picture, query, options)
: this.#client.search(query, options),
similar && !source ? this.#client.photo(similar, signal) : source,
]);
const offer = next ? "more" : minRelevance === 0 ? "" : "closest";
return () => {
if (after) this.#results.addPhotos(photos, offer, next);
else if (photos.length) {
this.#results.showPhotos(photos, offer, next, known, raw.corrected ?? query, raw.corrected, picture);
} else this.#results.showNothing(query, offer, known, picture);
if (!photos.length && !after) this.#suggest(signal);
this.#tell("thinlens-search", { query, similar, picture: Boolean(picture), answer: raw });
};
}
async #collection(signal) {
const collection = await this.#client.collection(SAMPLE, signal).catch(() => ({ photos: [], suggestions: [] }));
this.#imageSide = collection.imageSide ?? this.#imageSide;
this.#box.takesPictures = this.#imageSide > 0;
return collection;
}
async #suggest(signal) {
const { suggestions, total } = await this.#collection(signal);
if (signal.aborted) return;
this.#results.suggest(suggestions);
if (total === 0) this.#results.showUnpublished();
}
set #busy(yes) {
this.#box.busy = yes;
this.#results.busy = yes;
}
#tell(name, detail) {
return this.dispatchEvent(new CustomEvent(name, { bubbles: true, cancelable: true, composed: true, detail }));
}
}
async function learn(language, client, signal) {
const limit = AbortSignal.timeout(TEXTS_TIMEOUT_MS);
try {
TEXTS.set(language, await client.texts(language, AbortSignal.any([signal, limit])));
} catch {
if (!signal.aborted) console.warn(`thinlens-search: no texts in "${language}" at its endpoint, so English is spoken`);
}
}
if (!customElements.get("thinlens-search")) customElements.define("thinlens-search", ThinlensSearch);

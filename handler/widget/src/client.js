/** The client: asks the search interface, and makes what is shown of its answers, which are as openapi.json says. */

import { asParameters, readFacets } from "./filters.js";
import { beyondCaption, readWords } from "./words.js";

/** How many characters a query may have. */
export const LONGEST_QUERY = 512;

const TIMEOUT_MS = 20_000;
// After so long without its texts, a language is not waited for: English is better than nothing.
const TEXTS_TIMEOUT_MS = 5_000;
// Panoramas and scrolls are cropped to these shapes in the grid, so that a row stays a row.
const NARROWEST = 0.6;
const WIDEST = 2.4;
// Of a date "2024-05-06T12:00:00" so many characters are the day.
const DAY = 10;
/** Kinds of captions that a model wrote. */
const GUESSES = ["caption", "names"];

/**
 * Why there is no answer: `kind` is what the server calls its problem (handler/README.md), or what this page does, and
 * `detail` the server's own words where it had some.
 */
export class NoAnswer extends Error {
  limit = LONGEST_QUERY;

  constructor(kind, detail = "") {
    super(kind);
    this.kind = kind;
    this.detail = detail;
  }
}

/** What a reader is told of it: in the page's own words where it has some for that, or else in the server's. */
export function told(error, say) {
  return say(`problem:${error.kind}`, { otherwise: say("problem", error), ...error });
}

/**
 * @typedef {object} Photo
 * @property {string} id
 * @property {string} caption The text that explains why it was found, or its first caption.
 * @property {import("./words.js").Words | undefined} words Where the query's own words stand, if they do somewhere.
 * @property {boolean} byLook Whether the picture itself explains it better than any caption.
 * @property {number | undefined} relevance 0 to 1; of an answer to a text or a picture only.
 * @property {true | undefined} perhaps It is below what counts as relevant, yet better than chance.
 * @property {number} duplicates How many near-duplicates it stands for.
 * @property {boolean} guessed Whether a model wrote the caption.
 * @property {string | undefined} taken The day on which it was taken, "2024-05-06", if that is known.
 * @property {string | number | undefined} camera What the owner's column of that name says.
 * @property {string | undefined} url Of the photo itself, if it is published: an http(s) address, as the others are.
 * @property {string | undefined} thumbnail
 * @property {string | undefined} preview A picture that is large enough for a window, where there is one.
 * @property {number} width In pixels.
 * @property {number} height
 * @property {number} aspect Width by height as in the grid.
 * @property {string[] | undefined} colours Of 4 × 3 places, row by row, as "ff8000".
 */

export class Client {
  #base;
  #source;

  /**
   * @param {string} endpoint Where the interface is; what is relative there is relative to the page.
   * @param {string} [page] Where that is.
   * @param {typeof fetch & {timeoutMs?: number}} [ask] What gets the answers, and for how long it may take.
   */
  constructor(endpoint, page = document.baseURI, ask = (...request) => fetch(...request)) {
    this.#source = ask;
    const base = new URL(endpoint, page);
    if (!base.pathname.endsWith("/")) base.pathname += "/";
    this.#base = base;
  }

  /**
   * The photos that a text describes, or that are like a picture, or both; of near-duplicates one.
   * @param {string} query
   * @param {object} options
   * @param {number} options.count How many at most.
   * @param {AbortSignal} options.signal
   * @param {number} [options.minRelevance] If not the collection's own.
   * @param {string[]} [options.filters] As in filters.js.
   * @param {string} [options.order] "newest" or "oldest"; by relevance otherwise.
   * @param {{offset: number, bundle: string}} [options.after] `next` of the answer that this one goes on.
   * @param {{pixels: Uint8Array}} [picture] As in asked_picture.js.
   * @returns {Promise<{photos: Photo[], next: object | undefined, raw: object}>} `raw` is the answer as it came.
   */
  async search(query, options, picture) {
    const request = picture && (await posting(picture.pixels));
    return this.#list("v1/search", { q: query || undefined, dedupe: true }, { ...options, request });
  }

  /**
   * The photos that are like the one of this id, near-duplicates and all; otherwise as `search`. They have no relevance:
   * it is that of a text, and photos are so much closer to each other that it would be 1 for most.
   */
  async similar(id, options) {
    const { photos, ...answer } = await this.#list("v1/similar", { id }, options);
    return { photos: photos.map((photo) => ({ ...photo, relevance: undefined })), ...answer };
  }

  /**
   * Some photos of the collection, how many there are, what finds some, the side in pixels of pictures to ask with, 0 for
   * none, and how they become squares.
   * @returns {Promise<{photos: Photo[], total: number, suggestions: string[], imageSide: number, imageFit: string}>}
   */
  async collection(count, signal) {
    return this.#fetch(`v1/photos?k=${count}`, signal, ({ photos, image_side: side, image_fit: imageFit, ...others }) => {
      return { ...others, photos: photos.map(this.#known), imageSide: side ?? 0, imageFit };
    });
  }

  /** @returns {Promise<Photo[]>} Photos of the collection by date, from a place in that order on; of one bundle. */
  async browse(order, filters, { offset, count, bundle }, signal) {
    const read = ({ photos }) => photos.map(this.#known);
    return this.#ask("v1/photos", { order, k: count, offset, bundle }, filters, signal, read);
  }

  /**
   * What the photos that a query finds, or all, can be narrowed down by; the months in the order of the photos.
   * @returns {Promise<{bundle: string, total: number, months: object[], undated: number, groups: object[]}>} The groups
   *   are those of `readFacets`.
   */
  async facets({ query, filters, order, minRelevance }, signal) {
    const asked = query ? { q: query, dedupe: true, min_relevance: minRelevance } : {};
    return this.#ask("v1/facets", asked, filters, signal, (counts) => {
      const months = order === "oldest" ? [...counts.months].reverse() : counts.months;
      return { ...counts, groups: readFacets(counts), months };
    });
  }

  /** @returns {Promise<object>} The texts of a language that is spoken here, by their names. */
  async texts(language, signal) {
    return this.#fetch(`assets/languages/${language}.json`, signal, (texts) => texts.label.trim() && texts, {}, TEXTS_TIMEOUT_MS);
  }

  /** @returns {Promise<Photo>} One photo. */
  async photo(id, signal) {
    const path = id.split("/").map(encodeURIComponent).join("/");
    return this.#fetch(`v1/photos/${path}`, signal, this.#known);
  }

  async #list(path, parameters, { count, after, minRelevance, filters = [], order, signal, request }) {
    const wanted = { ...parameters, k: count, order, min_relevance: minRelevance, ...after };
    const read = (raw) => {
      const unsure = (raw.perhaps ?? []).map((result) => ({ ...this.#photo(result), perhaps: true }));
      const photos = [...raw.results.map(this.#photo), ...unsure];
      const next = raw.next_offset > 0 ? { offset: raw.next_offset, bundle: raw.bundle } : undefined;
      return { photos, next, raw };
    };
    return this.#ask(path, wanted, filters, signal, read, request);
  }

  #ask(path, parameters, filters, signal, read, request) {
    const given = Object.entries(parameters).filter(([, value]) => value !== undefined);
    return this.#fetch(`${path}?${new URLSearchParams([...given, ...asParameters(filters)])}`, signal, read, request);
  }

  /** What `read` makes of an answer; where it stumbles over it, that can't be read. */
  async #fetch(address, signal, read, request, timeoutMs = this.#source.timeoutMs ?? TIMEOUT_MS) {
    const ask = this.#source;
    const asking = new AbortController();
    const end = () => asking.abort();
    const limit = setTimeout(end, timeoutMs);
    signal.addEventListener("abort", end);
    if (signal.aborted) end();
    let response;
    let body;
    try {
      response = await ask(new URL(address, this.#base), { ...request, signal: asking.signal });
      body = await response.json();
      if (response.ok) return read(body);
    } catch (error) {
      if (signal.aborted) throw error;
      if (asking.signal.aborted) throw new NoAnswer("slow");
      if (response?.ok) throw new NoAnswer("unreadable");
      if (!response) throw new NoAnswer(globalThis.navigator?.onLine === false ? "offline" : "unreachable");
    } finally {
      clearTimeout(limit);
      signal.removeEventListener("abort", end);
    }
    throw new NoAnswer(nameOf(body ?? {}), String(body?.detail ?? response.status));
  }

  /** A photo as the catalogue knows it, with its first caption where a result has it. */
  #known = (photo) => {
    const { text, edited, kind } = photo.captions?.[0] ?? {};
    return this.#photo({ ...photo, caption: text, caption_kind: edited ? "edited" : kind });
  };

  #photo = (raw) => {
    const { id, caption, matched, width, height, relevance, duplicates = 0 } = raw;
    const words = readWords(raw);
    const byLook = matched === "visual" && raw.matched_in === "meaning";
    return {
      id,
      caption: (byLook || beyondCaption(words) ? caption : matched) || caption || id,
      words: byLook ? undefined : words,
      byLook,
      relevance,
      duplicates,
      guessed: GUESSES.includes(raw.caption_kind),
      taken: raw.taken?.slice(0, DAY),
      camera: raw.columns?.camera,
      url: raw.url === raw.thumbnail_url ? undefined : this.#webAddress(raw.url),
      thumbnail: this.#webAddress(raw.thumbnail_url),
      preview: this.#webAddress(raw.preview_url),
      width,
      height,
      aspect: Math.min(Math.max(width / height, NARROWEST), WIDEST),
      colours: raw.placeholder?.match(/.{6}/g),
    };
  };

  /** The address if a browser may safely be sent there, for it comes from the collection. */
  #webAddress(address) {
    if (typeof address !== "string") return undefined;
    try {
      const { protocol, href } = new URL(address, this.#base);
      return /^https?:$/.test(protocol) ? href : undefined;
    } catch {
      return undefined;
    }
  }
}

/** What asks with the pixels of a picture. */
async function posting(body) {
  const headers = { "content-type": "application/octet-stream" };
  // A CDN in front of a function URL signs a body by this. Browsers know it on safe connections only.
  const hash = await crypto.subtle?.digest("SHA-256", body);
  if (hash) headers["x-amz-content-sha256"] = Array.from(new Uint8Array(hash), hexadecimal).join("");
  return { method: "POST", headers, body };
}

function hexadecimal(byte) {
  return byte.toString(16).padStart(2, "0");
}

/** "urn:thinlens:problem:invalid-parameter", of the parameter q -> "invalid-parameter:q" */
function nameOf({ type, parameter }) {
  const name = String(type).split(":").at(-1);
  return name === "invalid-parameter" ? `${name}:${parameter}` : name;
}

/** <thinlens-search endpoint="…">: a box to describe a photo in, and below it the photos that show it. */

import { addressOfPhoto, readAddress, writeAddress } from "./address.js";
import { fileOf, readPicture } from "./asked_picture.js";
import { Client, NoAnswer } from "./client.js";
import { make } from "./dom.js";
import { FilterBar } from "./filter_bar.js";
import { toggled } from "./filters.js";
import { rootsAround, tagAround } from "./languages.js";
import { Results } from "./results.js";
import { SearchBox } from "./search_box.js";
import sheet from "./styles.css" with { type: "css" };
import { speaker, textsOf } from "./texts.js";

const PAGE = 48;
const SAMPLE = 24;
// Where a slash is meant for something else.
const TYPED_INTO = "input, textarea, select, dialog, [role=textbox], [role=combobox]";
const NOTHING = { query: "", similar: "", filters: [], order: "" };

/**
 * Attributes: `endpoint`, where the search interface is; `lang`, if not that of the page around; `texts`, a JSON object
 * of texts in place of its own; `no-history`, to leave the page's address alone; `autofocus`.
 *
 * Events, both bubbling and composed: `thinlens-search` with every answer, its detail `{query, similar, picture, answer}`;
 * `thinlens-select` when a photo is chosen, its detail the photo. Where a listener prevents the latter's default, the
 * lightbox stays closed. `thinlens-show` with every photo at large, its detail the photo; what has the slot "actions" stands
 * beside the buttons there, and may change the photo and tell so by an event `change`.
 *
 * A page that has the answers itself sets the property `ask` before the element is defined: what is asked in place of
 * `fetch`, its `timeoutMs` for how long that may take.
 */
export class ThinlensSearch extends HTMLElement {
  static observedAttributes = ["endpoint", "texts"];

  #root = this.attachShadow({ mode: "open" });
  /** Ends with the element's stay in the page, and with it what it listens to there. */
  #stay = new AbortController();
  /** Ends the request in flight, so that an earlier answer never replaces a later one. */
  #inFlight = new AbortController();
  /**
   * What is shown or asked for: what the address says (address.js), `picture` where one is asked with, and
   * `minRelevance` where not the collection's own.
   */
  #wanted = NOTHING;
  /** The side in pixels of pictures that may be asked with; 0 for none, and undefined where that isn't known yet. */
  #imageSide;
  /** Whether the page's address is one to come back to; while somebody types it is not. */
  #settled = true;
  #offline = false;
  /** Ends the making of what is shown, which may wait for the texts of a language. */
  #making;
  /** The language of the page around, as it says. */
  #tag = "";
  /** Whether to take the focus, and how, as soon as there is something to take it. */
  #wantsFocus;
  #client;
  #box;
  #bar;
  #results;

  connectedCallback() {
    this.#stay = new AbortController();
    const { signal } = this.#stay;
    window.addEventListener("popstate", () => this.#goBack(), { signal });
    window.addEventListener("keydown", (event) => this.#takeSlash(event), { signal });
    window.addEventListener("online", () => this.#offline && this.refresh(), { signal });
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

  /** Show the same anew, for the collection has changed. */
  refresh() {
    return this.#follow(this.#wanted);
  }

  get #inHistory() {
    return !this.hasAttribute("no-history");
  }

  /** A slash leads into the box, unless somebody types it somewhere. */
  #takeSlash(event) {
    const { key, ctrlKey, metaKey, altKey, defaultPrevented } = event;
    if (key !== "/" || ctrlKey || metaKey || altKey || defaultPrevented) return;
    if (event.composedPath().some((node) => node.isContentEditable || node.matches?.(TYPED_INTO))) return;
    event.preventDefault();
    this.focus();
  }

  /** Follow the language of the page around, wherever that is said. */
  #followLanguage() {
    const observer = new MutationObserver(() => tagAround(this) === this.#tag || this.#build());
    const languages = { subtree: true, attributeFilter: ["lang"] };
    for (const root of rootsAround(this)) observer.observe(root, languages);
    this.#stay.signal.addEventListener("abort", () => observer.disconnect());
  }

  /** Make all that is shown, in the page's language: at once if its texts are known, otherwise when they have come. */
  async #build() {
    this.#making?.abort();
    const { signal } = (this.#making = new AbortController());
    const client = new Client(this.getAttribute("endpoint") ?? "", undefined, this.ask);
    this.#tag = tagAround(this);
    const known = await textsOf(this.#tag, client, signal);
    if (signal.aborted) return;
    const typing = this.#box && this.#root.activeElement === this.#box.input;
    this.#client = client;
    this.#furnish(speaker(this.getAttribute("texts"), this.#tag, known));
    // English in a page of another language is pronounced as such.
    if (known.tag !== this.#tag && !this.hasAttribute("texts")) for (const part of this.#root.children) part.lang = "en";
    if (typing || this.#wantsFocus) this.focus(this.#wantsFocus?.options);
    this.#wantsFocus = undefined;
    this.#begin();
  }

  #furnish(say) {
    this.#box = new SearchBox(say, {
      search: (query, settled) => this.#search(query, settled),
      ask: (file) => this.#askWith(file),
      leavePicture: () => this.#go({ ...NOTHING, query: this.#wanted.query }),
      settle: () => (this.#settled = true),
      descend: () => this.#results.focus(),
    });
    this.#bar = new FilterBar(say, {
      toggle: (filter) => this.#go({ ...this.#wanted, filters: toggled(this.#wanted.filters, filter) }),
      sort: (order) => this.#go({ ...this.#wanted, order }),
      count: () => this.#client.facets(this.#wanted, this.#stay.signal),
    });
    this.#results = new Results(say, {
      search: (query) => this.#search(query),
      similar: (photo) => this.#go({ ...NOTHING, query: this.#wanted.query, similar: photo.id }, true, photo),
      leaveSimilar: () => this.#search(this.#wanted.query),
      closest: () => this.#follow({ ...this.#wanted, minRelevance: 0 }, { focus: this.#results.count }),
      unfilter: () => this.#go({ ...this.#wanted, filters: [] }),
      retry: () => this.refresh(),
      more: (after, quietly) => this.#follow(this.#wanted, { focus: quietly ? undefined : this.#results.count, after }),
      browseFolder: (folder) => this.#go({ ...NOTHING, filters: [`folder:${folder}`] }),
      addressOf: ({ id, url }) => (this.#inHistory ? addressOfPhoto(location.href, id) : (url ?? location.href)),
      browse: () => this.#go({ ...NOTHING, order: "newest" }),
      select: (photo) => this.#tell("thinlens-select", photo),
      show: (photo) => this.#tell("thinlens-show", photo),
    });
    const drop = make("div", { class: "drop", "aria-hidden": "true" }, say("dropPicture"));
    const { element, sheet } = this.#bar;
    this.#root.replaceChildren(this.#box.element, element, ...this.#results.elements, drop, sheet);
  }

  /** Search; an order that was chosen for browsing is not meant for what is found, nor the other way round. */
  #search(query, settled = true) {
    const { picture, filters, order } = this.#wanted;
    const same = Boolean(query) === Boolean(this.#wanted.query);
    return this.#go({ ...NOTHING, query, picture, filters, order: same ? order : "" }, settled);
  }

  async #begin() {
    this.#imageSide = undefined;
    await this.#follow(this.#wanted);
    await this.#showShared();
    // Where an answer is shown, nothing was asked of the collection yet.
    if (this.#imageSide === undefined) await this.#collection(this.#stay.signal);
  }

  /** Show the photo that was shared by this address, if it was one, and its like from then on. */
  async #showShared() {
    const id = this.#inHistory && new URL(location.href).searchParams.get("photo");
    if (!id) return;
    try {
      this.#results.showLarge(await this.#client.photo(id, this.#stay.signal));
      history.replaceState(history.state, "", addressOfPhoto(location.href));
    } catch (error) {
      this.#results.stumble(error);
    }
  }

  /** Ask with what is in a file, if that is a picture. */
  async #askWith(file) {
    const picture = await readPicture(file, this.#imageSide);
    if (picture) this.#go({ ...NOTHING, query: this.#wanted.query, picture });
    else this.#results.refuseFile(file.name);
  }

  /** A file is dragged over this element, or was dropped on it. */
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

  /** Show what the reader asks for, and note it in the page's address: in a new entry if the last one is settled. */
  async #go(wanted, settled = true, source = undefined) {
    if (this.#inHistory) {
      const address = writeAddress(location.href, wanted);
      if (address !== location.href) history[this.#settled ? "pushState" : "replaceState"](history.state, "", address);
      this.#settled = settled;
    }
    await this.#follow(wanted, { source, focus: 0 });
    if (this.getBoundingClientRect().top < 0) this.scrollIntoView({ behavior: "instant" });
  }

  /** Show what the page's address asks for, now that the reader went back or forward to it. */
  #goBack() {
    const wanted = readAddress(location.href);
    const shown = readAddress(writeAddress(location.href, this.#wanted));
    if (!this.#inHistory || JSON.stringify(wanted) === JSON.stringify(shown)) return;
    this.#settled = true;
    if (this.#box) this.#follow(wanted);
    else this.#wanted = wanted;
  }

  /**
   * Show what is wanted, or why it cannot be shown; nothing once something else is wanted.
   * @param {import("./address.js").Wanted & {picture?: object, minRelevance?: number}} wanted
   * @param {object} options
   * @param {object} [options.after] The place after which they go on, where some are shown already.
   * @param {number} [options.focus] To which photo the focus goes from a button that is gone then; without it, to none.
   * @param {object} [options.source] The photo whose like is wanted, where it is known.
   */
  async #follow(wanted, { after, focus, source } = { focus: 0 }) {
    this.#inFlight.abort();
    const { signal } = (this.#inFlight = new AbortController());
    const used = this.#root.activeElement;
    const stays = !used || used === this.#box.input || this.#bar.has(used) || focus === undefined;
    this.#wanted = wanted;
    this.#offline = false;
    this.#box.show(wanted.query);
    this.#box.showPicture(wanted.picture);
    this.#bar.show(wanted, ordersFor(wanted));
    this.#busy = !after;
    try {
      const show = await this.#ask(wanted, { after, source, signal });
      if (signal.aborted) return;
      show();
    } catch (error) {
      if (signal.aborted) return;
      if (!(error instanceof NoAnswer)) throw error;
      this.#offline = error.kind === "offline";
      if (after) this.#results.stumble(error);
      else this.#results.showFailure(error);
    }
    this.#busy = false;
    // Unless the reader moved it elsewhere in the meantime.
    if (!stays && (this.#root.activeElement ?? used) === used) this.#results.focus(focus);
  }

  /** @returns {Promise<() => void>} What shows the answer. */
  async #ask(wanted, { after, source, signal }) {
    const { query, similar, picture, filters, order, minRelevance } = wanted;
    if (!query && !similar && !picture) {
      if (order || filters.length) return this.#browse({ ...wanted, order: order || "newest" }, signal);
      const collection = await this.#collection(signal);
      return () => this.#results.showCollection(collection);
    }
    const options = { count: PAGE, after, filters, order: order || undefined, minRelevance, signal };
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
      } else this.#results.showNothing(query, offer, known, picture, filters);
      if (!photos.length && !after) this.#suggest(signal);
      this.#tell("thinlens-search", { query, similar, picture: Boolean(picture), answer: raw });
    };
  }

  /** @returns {Promise<() => void>} What shows all photos by date. */
  async #browse(wanted, signal) {
    const { order, filters } = wanted;
    const counts = await this.#client.facets(wanted, signal);
    const { bundle, total } = counts;
    const load = (offset, count) => this.#client.browse(order, filters, { offset, count, bundle }, signal);
    return () => (total ? this.#results.showAll(counts, load) : this.#results.showNothing("", "", undefined, undefined, filters));
  }

  /** What the collection has to begin with; nothing where that cannot be known, for nobody asked for it. */
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

  /** Tell the page; returns whether it leaves what happens next to this element. */
  #tell(name, detail) {
    return this.dispatchEvent(new CustomEvent(name, { bubbles: true, cancelable: true, composed: true, detail }));
  }
}

/** The orders that there are for what is wanted, by the names of their texts, the usual one first. */
function ordersFor({ query, similar, picture, filters }) {
  if (similar || picture) return {};
  const byDate = { newest: "newest", oldest: "oldest" };
  if (query) return { "": "mostRelevant", ...byDate };
  return filters.length ? byDate : { "": "selection", ...byDate };
}

// A page may load the module from two addresses.
if (!customElements.get("thinlens-search")) customElements.define("thinlens-search", ThinlensSearch);

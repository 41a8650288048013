/** The element: what a page says to it and hears from it, and what is wanted, from the box, the chips or the address. */

import { NOTHING } from "./address.js";
import { Answers, ordersFor } from "./answers.js";
import { readPicture, takePictures } from "./asked_picture.js";
import { Client, NoAnswer } from "./client.js";
import { make } from "./dom.js";
import { FilterBar } from "./filter_bar.js";
import { toggled } from "./filters.js";
import { History } from "./history.js";
import { keepKeys } from "./keys.js";
import { tagAround } from "./languages.js";
import { isAlone } from "./moves.js";
import { Results } from "./results.js";
import { SearchBox } from "./search_box.js";
import { speaker, textsOf } from "./texts.js";

// Where a slash is meant for something else.
const TYPED_INTO = "input, textarea, select, dialog, [role=textbox], [role=combobox]";

/**
 * Attributes: `endpoint`, where the search interface is; `lang`, if not that of the page around; `texts`, a JSON object
 * of texts in place of its own; `query`, what is searched for where the page's address asks for nothing, and whenever it
 * changes; `parameter`, the name of the query in that address, and the beginning of its other names; `no-history`, to leave
 * the address alone; `autofocus`.
 *
 * Events, both bubbling and composed: `thinlens-search` with every answer, its detail `{query, similar, picture, answer}`;
 * `thinlens-select` when a photo is chosen, its detail the photo. Where a listener prevents the latter's default, the
 * lightbox stays closed. `thinlens-show` with every photo at large, its detail the photo; what has the slot "actions" stands
 * beside the buttons there, and may change the photo and tell so by an event `change`.
 *
 * A page that has the answers itself sets the property `ask` before the element is defined: what is asked in place of
 * `fetch`, its `timeoutMs` for how long that may take.
 */
export class ThinlensSearch extends (globalThis.HTMLElement ?? Object) {
  static observedAttributes = ["endpoint", "texts", "query"];
  /** What it looks like. */
  static styles;

  #root = this.attachShadow({ mode: "open" });
  #history = new History(() => (this.hasAttribute("no-history") ? undefined : (this.getAttribute("parameter") ?? "")));
  /** All that is seen; what is inherited from the page ends here. */
  #body = make("div");
  /** The document for which it is dressed. */
  #dressedFor;
  /** Ends with the element's stay in the page, and with it what it listens to there. */
  #stay;
  /** Ends the request in flight, so that an earlier answer never replaces a later one. */
  #inFlight = new AbortController();
  /** Ends the making of what is shown, which may wait for the texts of a language. */
  #making;
  /**
   * What is shown or asked for: what the address says (address.js), `picture` where one is asked with, and
   * `minRelevance` where not the collection's own.
   */
  #wanted = NOTHING;
  #offline = false;
  /** The language of the page around, as it says. */
  #tag = "";
  #client;
  #box = new SearchBox({
    search: (query, settled) => this.#search(query, settled),
    ask: (file) => this.#askWith(file),
    leavePicture: () => this.#go({ ...NOTHING, query: this.#wanted.query }),
    settle: () => (this.#history.settled = true),
    descend: () => this.#results?.focus(),
  });
  /** These are there as soon as they have their texts, as `#client` and `#answers` are. */
  #bar;
  #results;
  #answers;

  constructor() {
    super();
    keepKeys(this.#root, (event) => this.#takeSlash(event));
  }

  connectedCallback() {
    const { signal } = (this.#stay = new AbortController());
    const view = this.ownerDocument.defaultView ?? window;
    window.addEventListener("popstate", () => this.#goBack(), { signal });
    view.addEventListener("keydown", (event) => this.#takeSlash(event), { signal });
    view.addEventListener("online", () => this.#offline && this.refresh(), { signal });
    takePictures(this, { takes: () => this.#answers?.imageSide > 0, ask: (file) => this.#askWith(file) }, signal);
    this.#dress(view);
    this.#arrive();
    this.#followLanguage();
    this.#root.append(this.#body);
    this.#body.prepend(this.#box.element);
    this.#box.show(this.#wanted.query);
    this.#build();
    if (this.autofocus) this.focus({ preventScroll: true });
  }

  disconnectedCallback() {
    this.#stay.abort();
    this.#inFlight.abort();
    this.#making.abort();
  }

  attributeChangedCallback(name) {
    if (!this.#making || !this.isConnected) return;
    if (name !== "query") this.#build();
    else if (this.#query !== this.#wanted.query) this.#search(this.#query);
  }

  focus(options) {
    this.#box.input.focus(options);
  }

  /** Show the same anew, for the collection has changed. */
  refresh() {
    return this.#follow(this.#wanted);
  }

  get #query() {
    return this.getAttribute("query")?.trim() ?? "";
  }

  /** Want what the address asks for, if that is news; at first what the page does, where the address asks for nothing. */
  #arrive() {
    if (!this.#making) this.#wanted = { ...NOTHING, query: this.#query };
    this.#wanted = this.#history.takeNews() ?? this.#wanted;
  }

  /** Put the styles on: a document takes no sheet but those that were made for it. */
  #dress({ CSSStyleSheet }) {
    if (this.#dressedFor === this.ownerDocument) return;
    this.#dressedFor = this.ownerDocument;
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(ThinlensSearch.styles);
    this.#root.adoptedStyleSheets = [sheet];
  }

  /** A slash leads into the box, unless somebody types it somewhere. */
  #takeSlash(event) {
    if (event.key !== "/" || !isAlone(event)) return;
    if (event.composedPath().some((node) => node.isContentEditable || node.matches?.(TYPED_INTO))) return;
    event.preventDefault();
    this.focus();
  }

  /** Follow the language of the page around, where that is said in its document. */
  #followLanguage() {
    const observer = new MutationObserver(() => tagAround(this) === this.#tag || this.#build());
    observer.observe(this.ownerDocument, { subtree: true, attributeFilter: ["lang"] });
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
    this.#furnish(client, speaker(this.getAttribute("texts"), this.#tag, known));
    // English in a page of another language is pronounced as such.
    this.#body.lang = this.hasAttribute("texts") ? this.#tag : known.tag;
    this.#begin();
  }

  #furnish(client, say) {
    this.#client = client;
    this.#box.speak(say);
    this.#bar = new FilterBar(say, {
      toggle: (filter) => this.#go({ ...this.#wanted, filters: toggled(this.#wanted.filters, filter) }),
      sort: (order) => this.#go({ ...this.#wanted, order }),
      count: () => client.facets(this.#wanted, this.#stay.signal),
    });
    const results = (this.#results = new Results(say, {
      search: (query) => this.#search(query),
      similar: (photo) => this.#go({ ...NOTHING, query: this.#wanted.query, similar: photo.id }, true, photo),
      leaveSimilar: () => this.#search(this.#wanted.query),
      closest: () => this.#follow({ ...this.#wanted, minRelevance: 0 }, { focus: results.count }),
      unfilter: () => this.#go({ ...this.#wanted, filters: [] }),
      retry: () => this.refresh(),
      more: (after, quietly) => this.#follow(this.#wanted, { focus: quietly ? undefined : results.count, after }),
      browseFolder: (folder) => this.#go({ ...NOTHING, filters: [`folder:${folder}`] }),
      addressOf: (photo) => this.#history.addressOf(photo),
      browse: () => this.#go({ ...NOTHING, order: "newest" }),
      select: (photo) => this.#tell("thinlens-select", photo),
      show: (photo) => this.#tell("thinlens-show", photo),
    }));
    this.#answers = new Answers(client, results, (detail) => this.#tell("thinlens-search", detail));
    const drop = make("div.drop", {}, say("dropPicture"));
    for (const other of [...this.#body.children].slice(1)) other.remove();
    this.#body.append(this.#bar.element, ...results.elements, drop, this.#bar.sheet);
  }

  /** Search; an order that was chosen for browsing is not meant for what is found, nor the other way round. */
  #search(query, settled = true) {
    const { picture, filters, order } = this.#wanted;
    const same = !query === !this.#wanted.query;
    return this.#go({ ...NOTHING, query, picture, filters, order: same ? order : "" }, settled);
  }

  async #begin() {
    await this.refresh();
    await this.#showShared();
    // Where an answer is shown, nothing was asked of the collection yet.
    if (this.#answers.imageSide === undefined) await this.#answers.collection(this.#stay.signal);
    this.#box.takesPictures = this.#answers.imageSide > 0;
  }

  /** Show the photo that was shared by this address, if it was one, and its like from then on. */
  async #showShared() {
    const id = this.#history.takePhoto();
    if (!id) return;
    try {
      this.#results.showLarge(await this.#client.photo(id, this.#stay.signal));
      this.#history.note(this.#wanted, true);
    } catch (error) {
      this.#results.stumble(error);
    }
  }

  /** Ask with what is in a file, if that is a picture. */
  async #askWith(file) {
    const picture = await readPicture(file, this.#answers);
    if (picture) this.#go({ ...NOTHING, query: this.#wanted.query, picture });
    else this.#results.refuseFile(file.name);
  }

  /** Show what the reader asks for, and note it in the page's address. */
  async #go(wanted, settled = true, source = undefined) {
    this.#history.note(wanted, settled);
    await this.#follow(wanted, { source, focus: 0 });
    if (this.getBoundingClientRect().top < 0) this.scrollIntoView({ behavior: "instant" });
  }

  /** Show what the page's address asks for, now that the reader went back or forward to it. */
  #goBack() {
    const wanted = this.#history.takeNews();
    if (!wanted) return;
    this.#history.settled = true;
    this.#follow(wanted);
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
    this.#wanted = wanted;
    this.#box.show(wanted.query);
    if (!this.#answers) return; // what is wanted then is shown as soon as there are texts
    const used = this.#root.activeElement;
    const stays = !used || used.closest("form, .filters, .sheet") || focus === undefined;
    this.#offline = false;
    this.#box.showPicture(wanted.picture);
    this.#bar.show(wanted, ordersFor(wanted));
    this.#box.busy = this.#results.busy = !after;
    try {
      const show = await this.#answers.to(wanted, { after, source, signal });
      if (signal.aborted) return;
      show();
    } catch (error) {
      if (signal.aborted) return;
      if (!(error instanceof NoAnswer)) throw error;
      this.#offline = error.kind === "offline";
      if (after) this.#results.stumble(error);
      else this.#results.showFailure(error);
    } finally {
      if (!signal.aborted) this.#box.busy = this.#results.busy = false;
    }
    // Unless the reader moved it elsewhere in the meantime.
    if (!stays && (this.#root.activeElement ?? used) === used) this.#results.focus(focus);
  }

  /** Tell the page; returns whether it leaves what happens next to this element. */
  #tell(name, detail) {
    return this.dispatchEvent(new CustomEvent(name, { bubbles: true, cancelable: true, composed: true, detail }));
  }
}

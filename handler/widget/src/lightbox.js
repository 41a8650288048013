/** The lightbox: one photo at a time, as large as the window, with what is known of it. */

import { icon, iconButton, make, textButton } from "./dom.js";
import { blurred } from "./pictures.js";
import { meter } from "./tiles.js";
import { marked, wordsLine } from "./words.js";

const SWIPE_PX = 48;
// A picture may be shown a little larger than it is.
const BLOW_UP = 1.25;
// So many characters of the words that were found are shown before the first of them, and from it on.
const WORDS_BEFORE = 120;
const WORDS_AFTER = 240;

export class Lightbox {
  #say;
  #reader;
  #count = 0;
  #at;
  #index = 0;
  #photo;
  #stage = make("div", { class: "stage" });
  #caption = make("p", { class: "told", id: "told", part: "caption", dir: "auto" });
  #words = make("p", { class: "words", part: "words" });
  #why = make("p", { class: "why" });
  #position = make("span", { class: "position" });
  #links;
  #folder;
  #zoom;
  #large;
  #previous;
  #next;

  /**
   * @param {(name: string, values?: object) => string} say
   * @param {object} reader What the reader can ask for here.
   * @param {(index: number) => void} reader.closed Told which photo was shown last.
   * @param {(photo: object) => void} reader.show Told of each photo at large.
   * @param {(photo: object) => void} reader.similar
   * @param {(folder: string) => void} reader.browseFolder
   * @param {(photo: object) => string} reader.addressOf Where a photo can be shown again.
   */
  constructor(say, reader) {
    this.#say = say;
    this.#reader = reader;
    this.#previous = iconButton("back", say("previous"), { class: "round step previous" });
    this.#next = iconButton("forward", say("next"), { class: "round step next" });
    this.#zoom = iconButton("zoom", say("zoomIn"));
    const close = iconButton("cross", say("close"));
    const head = make("div", { class: "head" }, this.#position, this.#zoom, close);
    const link = (name, attributes) => make("a", { class: "pill", part: "button", ...attributes }, say(name));
    const similar = textButton({}, icon("similar"), say("similar"));
    const share = textButton({}, say("share"));
    this.#folder = textButton();
    this.#links = [link("download", { download: true }), link("open", { target: "_blank", rel: "noopener noreferrer" })];
    const actions = make("div", { class: "actions" }, similar, this.#folder, share, ...this.#links, make("slot", { name: "actions" }));
    const foot = make("div", { class: "foot" }, make("div", {}, this.#caption, this.#words, this.#why), actions);
    this.element = make(
      "dialog",
      { class: "lightbox", part: "lightbox", "aria-labelledby": "told" },
      ...[head, this.#stage, this.#previous, this.#next, foot],
    );

    this.#previous.addEventListener("click", () => this.#show(this.#index - 1));
    this.#next.addEventListener("click", () => this.#show(this.#index + 1));
    close.addEventListener("click", () => this.close());
    similar.addEventListener("click", () => {
      this.close();
      reader.similar(this.#photo);
    });
    this.#folder.addEventListener("click", () => {
      this.close();
      reader.browseFolder(folderOf(this.#photo));
    });
    share.addEventListener("click", () => this.#share());
    this.#zoom.addEventListener("click", () => this.#enlarge());
    this.#stage.addEventListener("dblclick", () => this.#enlarge());
    this.#stage.addEventListener("click", (event) => event.target === this.#stage && this.close());
    // What the page around has in the slot may have changed the photo.
    actions.addEventListener("change", () => this.#tell());
    this.element.addEventListener("cancel", () => this.close());
    this.element.addEventListener("keydown", (event) => this.#move(event));
    this.#followSwipes();
  }

  /** Open at one of so many photos; `at` gets that of a place, or promises it. */
  open(count, index, at) {
    this.#count = count;
    this.#at = at;
    this.element.showModal();
    this.#show(index);
  }

  /** Close, and say so at once: by the time of the event "close" the reader may have moved the focus on. */
  close() {
    if (!this.element.open) return;
    this.element.close();
    this.#reader.closed(this.#index);
  }

  async #show(index) {
    if (index < 0 || index >= this.#count) return;
    this.#index = index;
    const photo = await this.#at(index);
    if (index !== this.#index) return;
    this.#photo = photo;
    this.#stage.replaceChildren(this.#picture(photo));
    this.#enlarge(false);
    this.#tell();
    this.#position.textContent = this.#say("position", { position: index + 1, count: this.#count });
    for (const link of this.#links) {
      link.hidden = !photo.url;
      link.href = photo.url ?? "";
    }
    const folder = folderOf(photo);
    this.#folder.hidden = !folder;
    this.#folder.textContent = this.#say("inFolder", { folder });
    // Not disabled, which would take the focus away from whoever uses them.
    this.#previous.setAttribute("aria-disabled", index === 0);
    this.#next.setAttribute("aria-disabled", index === this.#count - 1);
    this.#reader.show(photo);
  }

  /** Say what the photo shows, and why it was found. */
  #tell({ caption, words, relevance, byLook, guessed, taken } = this.#photo) {
    const inCaption = words?.place === "caption";
    this.#caption.replaceChildren(...marked(caption, inCaption ? words.marks : []));
    const elsewhere = words && !inCaption;
    this.#words.hidden = !elsewhere;
    if (elsewhere) this.#words.replaceChildren(...wordsLine(words, this.#say, WORDS_BEFORE, WORDS_AFTER).nodes);
    const why = elsewhere || relevance === undefined ? [] : [this.#say(byLook ? "byLook" : "byCaption")];
    const date = taken ? [this.#say("date", { date: taken })] : [];
    const said = [...date, ...why, ...(guessed ? [this.#say("guessed")] : [])];
    this.#why.replaceChildren(...meter(relevance, this.#say), ...said.map((text) => make("span", {}, text)));
  }

  /**
   * The thumbnail, which is there already, and over it, once it has come, the preview or else the photo, if a browser can
   * show it. Neither is shown much larger than it is.
   */
  #picture(photo) {
    const { caption, thumbnail, preview, url, width, height } = photo;
    const small = make("img", { alt: "", src: thumbnail });
    const full = make("img", { alt: caption, decoding: "async" });
    const figure = make("div", { class: "large" }, ...blurred(photo), small, full);
    const fit = (image) => figure.style.setProperty("--width", `${Math.min(width, BLOW_UP * image.naturalWidth)}px`);
    const alone = () => {
      [small.alt, full.alt] = [caption, ""];
      if (small.naturalWidth) fit(small);
      small.addEventListener("load", () => fit(small));
    };
    full.addEventListener("load", () => {
      full.classList.add("there");
      fit(full);
    });
    full.addEventListener("error", alone);
    small.addEventListener("load", () => small.classList.add("there"));
    figure.style.setProperty("--aspect", width / height);
    figure.style.setProperty("--width", `${width}px`);
    if (preview ?? url) full.src = preview ?? url;
    else alone();
    this.#large = full;
    return figure;
  }

  /** Twice as large, to be moved around in, or as large as the window again. */
  #enlarge(yes = !this.#enlarged) {
    const { url, preview } = this.#photo;
    this.#stage.classList.toggle("enlarged", yes);
    this.#stage.tabIndex = yes ? 0 : -1;
    this.#zoom.title = this.#zoom.ariaLabel = this.#say(yes ? "zoomOut" : "zoomIn");
    if (!yes) return;
    if (url && preview) this.#large.src = url;
    this.#stage.focus();
    this.#stage.scrollTo(this.#stage.clientWidth / 2, this.#stage.clientHeight / 2);
  }

  get #enlarged() {
    return this.#stage.classList.contains("enlarged");
  }

  /** Give the photo's address away: by what the device has for that, or else by the clipboard, or at least to be read. */
  async #share() {
    const url = this.#reader.addressOf(this.#photo);
    try {
      if (navigator.share) return await navigator.share({ title: this.#photo.caption, url });
      await navigator.clipboard.writeText(url);
      this.#position.textContent = this.#say("copied");
    } catch (error) {
      if (error.name !== "AbortError") this.#position.textContent = url;
    }
  }

  #move(event) {
    const steps = { ArrowLeft: -1, ArrowRight: 1 };
    if (event.key === "+" || event.key === "-") return this.#enlarge(event.key === "+");
    if (!(event.key in steps) || this.#enlarged) return;
    event.preventDefault();
    this.#step(steps[event.key]);
  }

  /** One photo to the right (1) or to the left (-1), whichever way the page is read. */
  #step(right) {
    this.#show(this.#index + (getComputedStyle(this.element).direction === "rtl" ? -right : right));
  }

  #followSwipes() {
    let start;
    this.#stage.addEventListener("touchstart", ({ touches }) => {
      start = touches.length === 1 && !this.#enlarged ? touches[0].clientX : undefined;
    }, { passive: true });
    this.#stage.addEventListener("touchend", ({ changedTouches }) => {
      const way = changedTouches[0].clientX - start;
      if (Math.abs(way) > SWIPE_PX) this.#step(-Math.sign(way));
    });
  }
}

/** "holidays/rome/1.jpg" -> "holidays/rome"; "" for a photo in no folder. */
function folderOf({ id }) {
  return id.slice(0, Math.max(id.lastIndexOf("/"), 0));
}

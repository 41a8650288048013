/** The lightbox: one photo at a time, as large as the window, with what is known of it. */

import { icon, iconButton, make } from "./dom.js";
import { meter } from "./grid.js";
import { blurred } from "./pictures.js";
import { marked, wordsLine } from "./words.js";

const SWIPE_PX = 48;
// So many characters of the words that were found are shown before the first of them, and from it on.
const WORDS_BEFORE = 120;
const WORDS_AFTER = 240;

export class Lightbox {
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

  /**
   * @param {(name: string, values?: object) => string} say
   * @param {(index: number) => void} onClose Told which photo was shown last.
   * @param {(photo: object) => void} onSimilar What to do when more like a photo are wanted.
   */
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

  /** Open at one of the photos. */
  open(photos, index) {
    this.#photos = photos;
    this.element.showModal();
    this.#show(index);
  }

  /** Close, and say so at once: by the time of the event "close" the reader may have moved the focus on. */
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
    // Not disabled, which would take the focus away from whoever uses them.
    this.#previous.setAttribute("aria-disabled", index === 0);
    this.#next.setAttribute("aria-disabled", index === this.#photos.length - 1);
  }

  /** Say what the photo shows, and why it was found. */
  #tell({ caption, words, relevance, byLook }) {
    const inCaption = words?.place === "caption";
    this.#caption.replaceChildren(...marked(caption, inCaption ? words.marks : []));
    const elsewhere = words && !inCaption;
    this.#words.hidden = !elsewhere;
    if (elsewhere) this.#words.replaceChildren(...wordsLine(words, this.#say, WORDS_BEFORE, WORDS_AFTER).nodes);
    const why = elsewhere || relevance === undefined ? [] : [this.#say(byLook ? "byLook" : "byCaption")];
    this.#why.replaceChildren(...meter(relevance, this.#say), ...why);
  }

  /** The thumbnail, which is there already, and the photo over it once it has come, if a browser can show it. */
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

  /** One photo to the right (1) or to the left (-1), whichever way the page is read. */
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

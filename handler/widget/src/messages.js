/** What is said above the grid: whose like is shown, why there is nothing to show, and what else to try. */

import { iconButton, make, textButton } from "./dom.js";
import { framed } from "./pictures.js";

const SUGGESTIONS = 8;

/** The photo whose like is shown. */
export class Source {
  #say;
  #onLeave;

  constructor(say, onLeave) {
    this.#say = say;
    this.#onLeave = onLeave;
    this.element = make("div", { class: "source", part: "source", hidden: true });
  }

  /** Show it, or nothing. */
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

/** Why there are no photos, and at most one thing to do about it. */
export class Notice {
  #title = make("h2");
  #detail = make("p", { dir: "auto" });
  #button = textButton();
  #act;

  constructor() {
    this.element = make("section", { class: "notice", part: "notice", hidden: true });
    this.element.append(this.#title, this.#detail, this.#button);
    this.#button.addEventListener("click", () => this.#act());
  }

  /** @param {string} [offer] What the button says; without one there is none. */
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

/** Queries that find something, each of them a button. */
export class Suggestions {
  #say;

  constructor(say, onSearch) {
    this.#say = say;
    this.element = make("div", { class: "suggestions", part: "suggestions", hidden: true });
    this.element.addEventListener("click", ({ target }) => target.matches("button") && onSearch(target.textContent));
  }

  show(queries) {
    const shown = queries.slice(0, SUGGESTIONS);
    const buttons = shown.map((query) => textButton({ part: "suggestion", dir: "auto" }, query));
    this.element.hidden = buttons.length === 0;
    this.element.replaceChildren(make("span", {}, this.#say("suggestions")), ...buttons);
  }
}

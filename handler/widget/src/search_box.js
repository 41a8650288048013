/** The search box: tells of a query while it is typed, once the typing pauses, and at once when it is entered. */

import { LONGEST_QUERY } from "./client.js";
import { icon, iconButton, make } from "./dom.js";

const PAUSE_MS = 150;

export class SearchBox {
  #onSearch;
  #pause;
  /** The query told last. */
  #told = "";

  /**
   * @param {(name: string) => string} say
   * @param {object} reader
   * @param {(query: string, settled: boolean) => void} reader.search Told of a query, settled when it was entered.
   * @param {() => void} reader.settle Told that what was typed stays, for the reader turned to something else.
   * @param {() => void} reader.descend What to do when the arrow key leads down, out of the box.
   */
  constructor(say, reader) {
    this.#onSearch = reader.search;
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
    const field = make("div", { class: "field", part: "field" }, icon("search"), this.input, clear);
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
      // On a touch screen the keyboard gives way to the answer.
      if (matchMedia("(hover: none)").matches) this.input.blur();
    });
    clear.addEventListener("click", () => {
      this.input.value = "";
      this.input.focus();
      this.#tell(true);
    });
  }

  /** Put a query into the box, unless it says that already. */
  show(query) {
    clearTimeout(this.#pause);
    this.#told = query;
    if (this.input.value.trim() !== query) this.input.value = query;
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

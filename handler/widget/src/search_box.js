/**
 * The search box: tells of a query while it is typed, once the typing pauses, and at once when it is entered; and of
 * files that are chosen to ask with, where that is offered.
 */

import { LONGEST_QUERY } from "./client.js";
import { icon, iconButton, make } from "./dom.js";

const PAUSE_MS = 150;

export class SearchBox {
  #onSearch;
  #pause;
  /** The query told last. */
  #told = "";
  #say;
  #choose;
  #chip = make("span", { class: "chip", part: "chip", role: "group", hidden: true });
  #leavePicture;

  /**
   * @param {(name: string, values?: object) => string} say
   * @param {object} reader
   * @param {(query: string, settled: boolean) => void} reader.search Told of a query, settled when it was entered.
   * @param {(file: File) => void} reader.ask Told of a file that was chosen to ask with.
   * @param {() => void} reader.leavePicture Told that the picture is not asked with any more.
   * @param {() => void} reader.settle Told that what was typed stays, for the reader turned to something else.
   * @param {() => void} reader.descend What to do when the arrow key leads down, out of the box.
   */
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
    const clear = iconButton("cross", say("clear"), { class: "round clear" });
    const file = make("input", { type: "file", accept: "image/*", tabindex: -1, "aria-hidden": "true", hidden: true });
    this.#choose = iconButton("picture", say("askPicture"), { part: "choose", hidden: true });
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
      // On a touch screen the keyboard gives way to the answer.
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

  /** Put a query into the box, unless it says that already. */
  show(query) {
    clearTimeout(this.#pause);
    this.#told = query;
    if (this.input.value.trim() !== query) this.input.value = query;
  }

  /** Whether pictures may be asked with. */
  set takesPictures(yes) {
    this.#choose.hidden = !yes;
  }

  /** Show the picture that is asked with, or none. */
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

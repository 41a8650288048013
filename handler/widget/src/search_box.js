/**
 * The search box: tells of a query while it is typed, once the typing pauses, and at once when it is entered; and of
 * files that are chosen to ask with, where that is offered. It can be typed into before it has its words.
 */

import { LONGEST_QUERY } from "./client.js";
import { call, icon, iconButton, make } from "./dom.js";

const PAUSE_MS = 150;

export class SearchBox {
  #reader;
  #pause;
  /** The query told last. */
  #told = "";
  #say;
  #picture;
  #chip = make("span.chip", { role: "group", hidden: true });
  #clear = iconButton("cross", "", { class: "round clear", click: () => this.#empty() });
  /** Nowhere in the page: whoever looks for an input there finds the one of text. */
  #file = make("input", { type: "file", accept: "image/*", change: () => this.#choose() });
  #chooser = iconButton("picture", "", { part: "choose", hidden: true, click: () => this.#file.click() });
  input = make("input", {
    type: "search",
    part: "input",
    placeholder: " ",
    maxlength: LONGEST_QUERY,
    autocomplete: "off",
    enterkeyhint: "search",
    dir: "auto",
    input: ({ isComposing }) => isComposing || this.#typed(),
    compositionend: () => this.#typed(),
    keydown: (event) => this.#move(event),
    blur: () => this.#reader.settle(),
  });

  /**
   * @param {object} reader
   * @param {(query: string, settled: boolean) => void} reader.search Told of a query, settled when it was entered.
   * @param {(file: File) => void} reader.ask Told of a file that was chosen to ask with.
   * @param {() => void} reader.leavePicture Told that the picture is not asked with any more.
   * @param {() => void} reader.settle Told that what was typed stays, for the reader turned to something else.
   * @param {() => void} reader.descend What to do when the arrow key leads down, out of the box.
   */
  constructor(reader) {
    this.#reader = reader;
    const parts = [icon("search"), this.#chip, this.input, this.#clear, this.#chooser];
    const field = make("div.field", {}, ...parts);
    const form = { role: "search", part: "search", submit: (event) => this.#enter(event) };
    this.element = make("form", form, make("slot", { name: "start" }), field);
  }

  /** @param {(name: string, values?: object) => string} say What says its words from now on. */
  speak(say) {
    this.#say = say;
    this.input.ariaLabel = say("label");
    call(this.#clear, say("clear"));
    call(this.#chooser, say("askPicture"));
    this.showPicture(this.#picture);
  }

  /** Put a query into the box, unless what stands there was told as that: then it may be typed on already. */
  show(query) {
    if (query === this.#told) return;
    clearTimeout(this.#pause);
    this.input.value = this.#told = query;
  }

  /** Whether pictures may be asked with. */
  set takesPictures(yes) {
    this.#chooser.hidden = !yes;
  }

  /** Show the picture that is asked with, or none. */
  showPicture(picture) {
    this.#picture = picture;
    this.#chip.hidden = !picture;
    this.input.placeholder = this.#say(picture ? "placeholderPicture" : "placeholder");
    if (!picture) return;
    const click = () => {
      this.input.focus();
      this.#reader.leavePicture();
    };
    call(this.#chip, this.#say("askedPicture", { name: picture.name }));
    this.#chip.replaceChildren(picture.chip, iconButton("cross", this.#say("leavePicture"), { click }));
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
    this.#reader.search(this.#told, settled);
  }

  #enter(event) {
    event.preventDefault();
    this.#tell(true);
    // On a touch screen the keyboard gives way to the answer, once its key is up.
    if (window.matchMedia?.("(hover:none)").matches) setTimeout(() => this.input.blur(), PAUSE_MS);
  }

  #empty() {
    this.input.value = "";
    this.input.focus();
    this.#tell(true);
  }

  #move(event) {
    if (event.isComposing) return;
    if (event.key === "ArrowDown") this.#reader.descend();
    else if (event.key === "Escape" && this.input.value) this.#empty();
    else return;
    event.preventDefault();
  }

  #choose() {
    const [file] = this.#file.files;
    this.#file.value = ""; // so that the same file may be chosen again
    if (file) this.#reader.ask(file);
  }
}

/** Elements and texts of the editor. */

/** An element with children, and with attributes; what is no text is a property. */
export function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "string") element.setAttribute(name, value);
    else element[name] = value;
  }
  element.append(...children);
  return element;
}

/** A button that does something. */
export function button(text, onclick, attributes) {
  return make("button", { type: "button", onclick, ...attributes }, text);
}

/**
 * A line to write something into, with buttons to save and to leave it. Enter saves, Escape leaves, and nobody around
 * it hears of keys that are pressed in it.
 */
export class Line {
  #save;
  #leave;

  /**
   * @param {(name: string) => string} say
   * @param {{label: string, longest: number, save: (text: string) => void, leave: () => void}} options
   */
  constructor(say, { label, longest, save, leave }) {
    const attributes = { "aria-label": label, maxLength: longest, required: true, autocomplete: "off", dir: "auto" };
    this.input = make("input", attributes);
    this.#leave = leave;
    this.#save = make("button", { type: "submit" }, say("save"));
    this.element = make("form", { hidden: true }, this.input, this.#save, button(say("cancel"), leave));
    this.element.addEventListener("submit", (event) => {
      event.preventDefault();
      save(this.input.value);
    });
    // Its own events of this kind aren't those of a photo.
    this.input.addEventListener("change", (event) => event.stopPropagation());
    this.element.addEventListener("keydown", (event) => this.#hear(event));
  }

  open(text = "") {
    this.element.hidden = false;
    this.input.value = text;
    this.input.focus();
    this.input.select();
  }

  close() {
    this.element.hidden = true;
  }

  #hear(event) {
    event.stopPropagation();
    if (event.key !== "Escape") return;
    event.preventDefault();
    this.#leave();
  }
}

/** What says the texts of the page's language: with each `{value}` filled in, and a plural chosen by `count`. */
export function speaker(texts) {
  const spoken = document.documentElement.lang.split("-")[0];
  const language = spoken in texts ? spoken : "en";
  const known = texts[language];
  const plurals = new Intl.PluralRules(language);
  return (name, values = {}) => {
    const text = known[name] ?? known[`${name}.${plurals.select(values.count)}`] ?? known[`${name}.other`] ?? name;
    return text.replace(/\{(\w+)\}/g, (whole, key) => values[key]?.toLocaleString(language) ?? whole);
  };
}

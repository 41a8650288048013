/** <thinlens-search endpoint="…">: a box to describe a photo in, and below it the photos that show it. */

import { ThinlensSearch } from "./element.js";
import styles from "./styles.css" with { type: "text" };

const { customElements } = globalThis;
ThinlensSearch.styles = styles;
// A page may load the module from two addresses, and a server, which has no elements, to render what is around one.
if (customElements && !customElements.get("thinlens-search")) customElements.define("thinlens-search", ThinlensSearch);

/** <thinlens-search endpoint="…">: a box to describe a photo in, and below it the photos that show it. */

import { ThinlensSearch } from "./element.js";
import sheet from "./styles.css" with { type: "css" };

ThinlensSearch.sheet = sheet;
// A page may load the module from two addresses.
if (!customElements.get("thinlens-search")) customElements.define("thinlens-search", ThinlensSearch);

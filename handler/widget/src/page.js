/** The page around the widget speaks its reader's language, as far as it can, unless its own markup names one. */

import { preferred } from "./languages.js";

document.documentElement.lang ||= preferred(navigator.languages);

/*! Thinlens, Apache-2.0. Made by `make widget` from the modules beside it in src/. */
const LANGUAGES = ["en", "de", "es", "fr", "ja", "nl", "pt", "zh"];
function spoken(tag) {
try {
const { language, script } = new Intl.Locale(tag).maximize();
return LANGUAGES.find((known) => known === language && new Intl.Locale(known).maximize().script === script);
} catch {
return undefined;
}
}
function preferred(tags) {
return tags.find(spoken) ?? "en";
}
function tagAround(element) {
for (const root of rootsAround(element)) {
const said = element.closest("[lang]");
if (said) return said.lang;
element = root.host;
}
return "";
}
function rootsAround(element) {
const roots = [];
for (let root; element; element = root.host) roots.push((root = element.getRootNode()));
return roots;
}
document.documentElement.lang ||= preferred(navigator.languages);

/** The page of a static gallery: gives <thinlens-search> the answers of a worker, and lets a service worker keep files. */

// A function need not be waited for; what is fetched once is, on a slow line.
const TIMEOUT_MS = 180_000;
// Where a service worker was bypassed by a forced reload, it never takes the page over.
const TAKEOVER_MS = 1_000;

const element = document.querySelector("thinlens-search");
const { files, languages } = JSON.parse(document.querySelector("meta[name=thinlens-gallery]").content);
const page = new URL("./", document.baseURI);
const waiting = new Map();
/** The texts that the element has asked for, in its languages. */
const texts = new Set();
let asked = 0;

// Pages under this policy start no script but by such a rule.
const rule = { createScriptURL: (address) => address };
const scripts = globalThis.trustedTypes?.createPolicy("thinlens", rule) ?? rule;

element.ask = async (address, { signal, method = "GET" }) => {
  const path = String(address).slice(page.href.length);
  if (!path.startsWith("v1/")) {
    const file = String(languages[path] ?? address);
    texts.add(file);
    return fetch(file, { signal });
  }
  if (method !== "GET") return Response.json({ type: "urn:thinlens:problem:no-image-queries" }, { status: 405 });
  const { status, body } = await answerTo(path, signal);
  return Response.json(body, { status });
};
element.ask.timeoutMs = TIMEOUT_MS;

const worker = keep().then(start);

/** Let the service worker have this page, so that it sees and keeps whatever is fetched; without it all works as well. */
async function keep() {
  const service = navigator.serviceWorker;
  if (!service) return;
  try {
    const taken = new Promise((resolve) => service.addEventListener("controllerchange", resolve, { once: true }));
    await service.register(scripts.createScriptURL(new URL("service-worker.js", page).href));
    await service.ready;
    if (!service.controller) await Promise.race([taken, new Promise((resolve) => setTimeout(resolve, TAKEOVER_MS))]);
    // What this page was made of came before the service worker did.
    if (service.controller) await Promise.all([...ownFiles(), ...texts].map((address) => fetch(address)));
  } catch (error) {
    console.warn(`thinlens: nothing is kept for the next visit: ${error}`);
  }
}

function ownFiles() {
  const made = Array.from(document.querySelectorAll("script[src], link[href]"), (each) => each.src || each.href);
  return [page.href, ...made];
}

function start() {
  const started = new Worker(scripts.createScriptURL(new URL("worker.js", import.meta.url).href), { type: "module" });
  started.onmessage = ({ data: { question, answer, failure } }) => {
    const { resolve, reject } = waiting.get(question);
    waiting.delete(question);
    if (answer) resolve(answer);
    else reject(new TypeError(failure));
  };
  const absolute = Object.entries(files).map(([name, { path, integrity }]) => {
    return [name, { address: new URL(path, page).href, integrity }];
  });
  started.postMessage({ files: Object.fromEntries(absolute) });
  return started;
}

/** The worker's answer; nothing comes of it once the signal says that nobody waits for it. */
async function answerTo(address, signal) {
  const question = (asked += 1);
  const { promise, resolve, reject } = deferred();
  waiting.set(question, { resolve, reject });
  signal.addEventListener("abort", () => reject(signal.reason), { once: true });
  (await worker).postMessage({ question, address });
  return promise;
}

function deferred() {
  const made = {};
  made.promise = new Promise((resolve, reject) => Object.assign(made, { resolve, reject }));
  return made;
}

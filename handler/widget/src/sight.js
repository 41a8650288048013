/** Sight: what is a window's height away from it or nearer. */

/**
 * @param {(entry: {target: Element, isIntersecting: boolean}) => void} notice Told of what comes near and what goes.
 * @returns {IntersectionObserver} Where a browser has none, all that is observed is near, and stays so.
 */
export function watcher(notice) {
  if (!globalThis.IntersectionObserver) {
    return { observe: (target) => notice({ target, isIntersecting: true }), unobserve() {}, disconnect() {} };
  }
  return new IntersectionObserver((entries) => entries.forEach(notice), { rootMargin: "100% 0px" });
}

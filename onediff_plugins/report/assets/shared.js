const $ = (selector, root = document) => root.querySelector(selector);
const $$ = (selector, root = document) => [...root.querySelectorAll(selector)];

/** An element with attributes and children; texts are texts, never markup. */
function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== null && value !== undefined && value !== false) element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

/** How often each value comes, most often first. */
function tally(values) {
  const counts = new Map();
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
  return [...counts].sort((one, other) => other[1] - one[1]);
}

/**
 * Fill a list in steps, as its end comes into view, so that any number of rows opens at once.
 * Gives {show(items), until(index)}: start over with other items, and make sure that one of them is there.
 */
function stepwise(list, makeRow, step) {
  const end = make("li", { class: "end", "aria-hidden": "true" });
  let items = [];
  let shown = 0;
  const more = () => {
    const rows = items.slice(shown, shown + step).map(makeRow);
    shown += rows.length;
    list.append(...rows, ...(shown < items.length ? [end] : []));
    if (shown >= items.length) end.remove();
  };
  const watch = new IntersectionObserver(
    (entries) => {
      if (!entries.some((entry) => entry.isIntersecting) || !end.isConnected) return;
      more();
      watch.unobserve(end); // observed anew, or an end that stays in view would not be told again
      if (end.isConnected) watch.observe(end);
    },
    { rootMargin: "800px" },
  );
  return {
    show(next) {
      items = next;
      shown = 0;
      list.replaceChildren();
      more();
      watch.unobserve(end);
      if (end.isConnected) watch.observe(end);
    },
    until(index) {
      while (shown <= index && shown < items.length) more();
    },
  };
}

/** Light or dark: as the system says, until the reader chooses; kept where the browser lets a file keep anything. */
function themeToggle(button) {
  const root = document.documentElement;
  const kept = (() => {
    try {
      return localStorage.getItem("onediff-theme");
    } catch {
      return null;
    }
  })();
  if (kept === "light" || kept === "dark") root.dataset.theme = kept;
  const toggle = () => {
    const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
    root.dataset.theme = dark ? "light" : "dark";
    try {
      localStorage.setItem("onediff-theme", root.dataset.theme);
    } catch {
      // Nothing is kept; the page itself has changed.
    }
  };
  button.addEventListener("click", toggle);
  return toggle;
}

const pairs = JSON.parse($("#data").textContent);
const VERDICTS = { changed: "Changed", unchanged: "Not changed", undecided: "Undecided", failed: "Failed" };
pairs.forEach((pair, index) => {
  pair.listed = index;
  pair.text = `${pair.id}\n${pair.caption}`.toLowerCase();
});

// What the reader asked for; kept in the address, so that it is there again on the way back from a report.
const asked = { verdict: new Set(), kind: new Set(), domain: "", label: "", text: "", sort: "score" };

function makeCard(pair) {
  const title = pair.report ? make("a", { href: pair.report }, pair.id) : pair.id;
  const picture = pair.thumbnail
    ? make("img", { src: pair.thumbnail, alt: `Before and after of ${pair.id}`, loading: "lazy", decoding: "async", width: 516, height: 192 })
    : make("div", { class: "no-picture", "aria-hidden": "true" }, "!");
  const badges = [
    ...Object.entries(pair.kinds ?? {}).map(([kind, count]) => make("span", { class: "kind", "data-kind": kind }, `${count} ${kind}`)),
    ...(pair.labels ?? []).slice(0, 4).map((label) => make("span", { class: "badge" }, label)),
  ];
  return make(
    "li",
    { class: "card", "data-id": pair.id },
    picture,
    make(
      "div",
      { class: "about" },
      make(
        "p",
        { class: "eyebrow" },
        make("span", { class: "verdict", "data-verdict": pair.verdict }, VERDICTS[pair.verdict]),
        make("span", {}, pair.score === undefined ? pair.domain : `${pair.score.toFixed(2)} · ${pair.domain}`),
      ),
      make("p", { class: "title", title: pair.id }, title),
      make("p", { class: "said", title: pair.caption }, pair.caption),
      badges.length ? make("p", { class: "badges" }, ...badges) : null,
    ),
  );
}

const cards = stepwise($("#cards"), makeCard, 60);
const byId = new Intl.Collator(undefined, { numeric: true }).compare;
const ORDERS = {
  score: (one, other) => (other.score ?? -1) - (one.score ?? -1) || one.listed - other.listed,
  "-score": (one, other) => (one.score ?? 2) - (other.score ?? 2) || one.listed - other.listed,
  id: (one, other) => byId(one.id, other.id),
  listed: (one, other) => one.listed - other.listed,
};

function passes(pair) {
  if (asked.verdict.size && !asked.verdict.has(pair.verdict)) return false;
  if (asked.kind.size && ![...asked.kind].some((kind) => pair.kinds?.[kind])) return false;
  if (asked.domain && pair.domain !== asked.domain) return false;
  if (asked.label && !pair.labels?.includes(asked.label)) return false;
  return asked.text.toLowerCase().split(/\s+/).every((word) => pair.text.includes(word));
}

function show() {
  const found = pairs.filter(passes).sort(ORDERS[asked.sort]);
  cards.show(found);
  $("#none").hidden = found.length > 0 || pairs.length === 0;
  $("#found").textContent = found.length === pairs.length ? `${pairs.length} pairs` : `${found.length} of ${pairs.length} pairs`;
  for (const chip of $$(".chip")) chip.setAttribute("aria-pressed", String(asked[chip.dataset.name].has(chip.dataset.value)));
  for (const name of ["domain", "label", "sort"]) $(`#${name}`).value = asked[name];
  keep();
}

function keep() {
  const kept = new URLSearchParams();
  for (const [name, value] of Object.entries(asked)) {
    const text = value instanceof Set ? [...value].join(",") : value;
    if (text && !(name === "sort" && text === "score")) kept.set(name, text);
  }
  history.replaceState(null, "", kept.size ? `#${kept}` : location.pathname + location.search);
}

function recall() {
  for (const [name, text] of new URLSearchParams(location.hash.slice(1))) {
    if (asked[name] instanceof Set) asked[name] = new Set(text.split(","));
    else if (Object.hasOwn(asked, name)) asked[name] = text;
  }
  if (!Object.hasOwn(ORDERS, asked.sort)) asked.sort = "score";
  $("#search").value = asked.text;
}

function makeChips(box, name, values, label, sign) {
  for (const [value, count] of values) {
    const attributes = { class: "chip", "data-name": name, "data-value": value, [sign]: value, "aria-pressed": "false" };
    const chip = make("button", attributes, label(value), make("span", { class: "count" }, String(count)));
    chip.addEventListener("click", () => {
      if (!asked[name].delete(value)) asked[name].add(value);
      show();
    });
    box.append(chip);
  }
}

function makeChoice(select, values, least) {
  if (values.length >= least) select.parentElement.hidden = false;
  for (const [value, count] of values) select.append(make("option", { value }, `${value} (${count})`));
  select.addEventListener("change", () => {
    asked[select.id] = select.value;
    show();
  });
}

const toggleTheme = themeToggle($("#theme"));
const counts = new Map(tally(pairs.map((pair) => pair.verdict)));
makeChips($("#verdicts"), "verdict", Object.keys(VERDICTS).flatMap((v) => (counts.has(v) ? [[v, counts.get(v)]] : [])), (v) => VERDICTS[v], "data-verdict");
makeChips($("#kinds"), "kind", tally(pairs.flatMap((pair) => Object.keys(pair.kinds ?? {}))), (value) => value, "data-kind");
makeChoice($("#domain"), tally(pairs.map((pair) => pair.domain)), 2);
makeChoice($("#label"), tally(pairs.flatMap((pair) => pair.labels ?? [])), 1);
$("#sort").addEventListener("change", (event) => {
  asked.sort = event.target.value;
  show();
});
$("#search").addEventListener("input", (event) => {
  asked.text = event.target.value;
  show();
});
$("#clear").addEventListener("click", () => {
  Object.assign(asked, { verdict: new Set(), kind: new Set(), domain: "", label: "", text: "" });
  $("#search").value = "";
  show();
});
document.addEventListener("keydown", (event) => {
  if (event.target.matches("input, select") || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === "/") $("#search").focus();
  else if (event.key === "t") toggleTheme();
  else return;
  event.preventDefault();
});
// On paper is all that the filters leave, not the part that was scrolled to.
addEventListener("beforeprint", () => cards.until(pairs.length - 1));
recall();
show();
document.documentElement.dataset.ready = "true";

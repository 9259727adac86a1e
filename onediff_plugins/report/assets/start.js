// Keys, and the start.

function startKeys(toggleTheme) {
  const help = $("#help");
  const panel = () => showPanel($("#panel-details").hidden ? "details" : "regions");
  const actions = {
    1: () => setView("slider"), s: () => setView("slider"),
    2: () => setView("side"), d: () => setView("side"),
    3: () => setView("blink"), b: () => setView("blink"),
    4: () => setView("overlay"), o: () => setView("overlay"),
    " ": blinkOnce,
    p: () => (state.view === "blink" ? playOrStop() : setView("blink")),
    j: () => stepTo(1), ArrowDown: () => stepTo(1), ArrowRight: () => stepTo(1),
    k: () => stepTo(-1), ArrowUp: () => stepTo(-1), ArrowLeft: () => stepTo(-1),
    Escape: () => select(-1),
    "+": () => zoomBy(1.4), "=": () => zoomBy(1.4), "-": () => zoomBy(1 / 1.4),
    0: () => fit({ animated: true }),
    r: toggleMarks,
    i: panel,
    t: toggleTheme,
    "?": () => help.showModal(),
  };
  $("#help-open").addEventListener("click", () => help.showModal());
  help.addEventListener("click", (event) => event.target === help && help.close());
  handle.addEventListener("keydown", (event) => {
    const steps = { ArrowLeft: -0.02, ArrowDown: -0.02, ArrowRight: 0.02, ArrowUp: 0.02, PageDown: -0.1, PageUp: 0.1 };
    const ends = { Home: 0, End: 1 };
    if (event.key in steps) setSplit(state.split + steps[event.key]);
    else if (event.key in ends) setSplit(ends[event.key]);
    else return;
    event.preventDefault();
    event.stopPropagation();
  });
  document.addEventListener("keydown", (event) => {
    if (help.open || event.ctrlKey || event.metaKey || event.altKey) return;
    const target = event.target;
    if (target.matches("input, select, textarea")) return;
    // Space works a control that has the focus, but a view that is chosen already has nothing else to do with it.
    if (event.key === " " && target.matches("a, button:not([data-view][aria-pressed='true'])")) return;
    const action = actions[event.key] ?? actions[event.key.toLowerCase()];
    if (!action) return;
    event.preventDefault();
    action();
  });
}

/** A long caption is cut; all of it is one click away. */
function startCaption() {
  const [caption, more] = [$("#caption"), $("#more")];
  const check = () => {
    if (!caption.classList.contains("open")) more.hidden = caption.scrollHeight <= caption.clientHeight + 2;
  };
  more.addEventListener("click", () => {
    const open = caption.classList.toggle("open");
    more.setAttribute("aria-expanded", String(open));
    more.textContent = open ? "less" : "more";
  });
  new ResizeObserver(check).observe(caption);
}

const toggleTheme = themeToggle($("#theme"));
$("#theme").addEventListener("click", repaint);
startCaption();
startViews();
startRegions();
startPointers();
startWheel();
startRail();
startPrint();
startKeys(() => {
  toggleTheme();
  repaint();
});
root.dataset.ready = "true";

// What a generator asks of a page: number its elements, measure them, edit them, hide some.
window.ui = (() => {
  const byUid = (uid) => document.querySelector(`[data-u="${uid}"]`);
  const number = (root, prefix) => [...root.querySelectorAll("[data-l]")].forEach((e, n) => (e.dataset.u = prefix + n));
  const bare = ["text", "heading", "link"];

  // Texts end where their letters end; what a container cuts off does not count.
  const visible = (e) => {
    const range = document.createRange();
    range.selectNodeContents(e);
    const { left, top, right, bottom } = (bare.includes(e.dataset.l) ? range : e).getBoundingClientRect();
    let box = [left, top, right, bottom];
    for (let up = e.parentElement; up; up = up.parentElement) {
      if (up === document.body || getComputedStyle(up).overflow !== "hidden") continue;
      const r = up.getBoundingClientRect();
      box = [Math.max(box[0], r.left), Math.max(box[1], r.top), Math.min(box[2], r.right), Math.min(box[3], r.bottom)];
    }
    return box;
  };

  const describe = (e) => {
    const style = getComputedStyle(e);
    const leaf = e.matches("[data-w]") ? e : e.querySelector("[data-w]");
    return {
      uid: e.dataset.u,
      parent: e.parentElement.closest("[data-l]")?.dataset.u ?? "",
      label: e.dataset.l,
      name: e.dataset.n ?? leaf?.textContent ?? "",
      box: visible(e),
      words: e.dataset.w ?? "",
      leaves: e.querySelectorAll("[data-w]").length,
      texts: [...e.querySelectorAll("[data-w]")].map((one) => one.dataset.w),
      background: style.backgroundColor,
      ink: style.color,
      font: parseFloat(style.fontSize),
      on: e.classList.contains("on"),
      share: e.firstElementChild ? parseFloat(e.firstElementChild.style.width) : 0,
      next: e.nextElementSibling?.dataset.l === e.dataset.l ? e.nextElementSibling.dataset.u : "",
    };
  };

  const born = (e, uid) => {
    number(e, uid + ".");
    e.dataset.u = uid;
  };
  const made = (html, uid) => {
    const template = document.createElement("template");
    template.innerHTML = html;
    const e = template.content.firstElementChild;
    born(e, uid);
    return e;
  };

  const steps = {
    text: ({ uid, text }) => (byUid(uid).textContent = text),
    style: ({ uid, style }) => Object.assign(byUid(uid).style, style),
    inside: ({ uid, content, name }) => {
      byUid(uid).innerHTML = content;
      if (name) byUid(uid).dataset.n = name;
    },
    toggle: ({ uid }) => byUid(uid).classList.toggle("on"),
    fill: ({ uid, share }) => (byUid(uid).firstElementChild.style.width = `${share}%`),
    remove: ({ uid }) => byUid(uid).remove(),
    copy: ({ uid, to, texts }) => {
      const copy = byUid(uid).cloneNode(true);
      born(copy, to);
      copy.classList.remove("on");
      copy.querySelectorAll("[data-w]").forEach((leaf, n) => (leaf.textContent = texts[n]));
      if (copy.dataset.w) copy.textContent = texts[0];
      byUid(uid).after(copy);
    },
    after: ({ uid, to, content }) => byUid(uid).after(made(content, to)),
    top: ({ to, content }) => (document.querySelector("[data-top]") ?? document.body).prepend(made(content, to)),
    first: ({ to, content }) => document.body.prepend(made(content, to)),
    over: ({ to, content }) => document.body.append(made(content, to)),
    swap: ({ uid, other }) => byUid(other).after(byUid(uid)),
    look: ({ content }) => document.documentElement.setAttribute("style", content),
  };

  number(document, "e");
  return {
    measure: () => [...document.querySelectorAll("[data-l]")].map(describe),
    edit: (all) => all.forEach((step) => steps[step.do](step)),
    hide: (uids, hidden) => uids.forEach((uid) => (byUid(uid).style.visibility = hidden ? "hidden" : "")),
  };
})();

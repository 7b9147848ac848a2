"use strict";
// Edits: before and after under a slider, and the transition as a moving picture.

const Edits = (() => {
  const { make, select, values, number, withError, distinct } = Elements;
  const KINDS = { omit: "word left out", swap: "word swapped" };
  const BEFORE = { real: "the real image", unchanged: "the reconstruction with the unchanged caption" };
  const ORDERS = {
    order: ["order of the dataset", () => 0],
    change: ["change", (edit, kind) => edit.change[kind]],
    cmi: ["CMI", (edit) => edit.numbers.cmi_o],
    psnr: ["faithful reconstruction", (edit) => edit.numbers.psnr],
  };
  const form = document.getElementById("edit-filters");
  const grid = document.getElementById("edit-grid");
  const calm = matchMedia("(prefers-reduced-motion: reduce)");
  const motion = make("button", { type: "button", onclick: () => setMotion(!moving) });
  let moving = false;

  function build() {
    form.append(
      select("category", "label", [["", "all"], ...distinct(EDITS.map((edit) => edit.label)).sort().map((label) => [label, label])], ""),
      select("edit", "kind", Object.entries(KINDS), "swap"),
      select("before", "before", Object.entries(BEFORE), "real"),
      select("sort by", "order", Object.entries(ORDERS).map(([key, [name]]) => [key, name]), "order"),
    );
    if (EDITS.some((edit) => Object.keys(edit.ways).length)) form.append(motion);
    form.addEventListener("change", refresh);
    calm.addEventListener("change", () => setMotion(!calm.matches));
    setMotion(!calm.matches);
    refresh();
  }

  // All moving pictures play, or none does.
  function setMotion(wanted) {
    moving = wanted;
    motion.textContent = moving ? "Stop all motion" : "Play all";
    for (const way of grid.querySelectorAll(".way")) way.dispatchEvent(new CustomEvent("motion", { detail: moving }));
  }

  function refresh() {
    const { label, kind, before, order } = values(form);
    const rank = ORDERS[order][1];
    const shown = EDITS.filter((edit) => (!label || edit.label === label) && edit.pictures[kind]);
    shown.sort((one, other) => rank(other, kind) - rank(one, kind));
    grid.replaceChildren(...shown.map((edit) => card(edit, kind, before)));
    document.getElementById("edits-found").textContent = `${shown.length.toLocaleString("en")} edits`;
  }

  function card(edit, kind, before) {
    const after = make("img", { className: "after", src: edit.pictures[kind], alt: `after: ${edit.captions[kind]}`, loading: "lazy" });
    const slider = make("input", {
      type: "range",
      min: 0,
      max: 100,
      value: 50,
      "aria-label": `Before to after: ${edit.word}`,
      oninput: (event) => pair.style.setProperty("--cut", `${event.target.value}%`),
    });
    const pair = make(
      "div",
      { className: "pair" },
      make("img", { src: edit.pictures[before], alt: `before: ${edit.captions.unchanged}`, loading: "lazy" }),
      after,
      make("span", { className: "handle", "aria-hidden": "true" }),
      slider,
    );
    return make(
      "article",
      { className: "edit" },
      pair,
      edit.ways[kind] ? way(edit, kind) : null,
      make(
        "div",
        { className: "details" },
        make("div", {}, make("p", { className: "from", dir: "auto" }, edit.captions.unchanged), make("p", { className: "to", dir: "auto" }, edit.captions[kind])),
        facts(edit, kind),
      ),
    );
  }

  // A moving picture cannot be paused: while it is stopped, its last frame is shown.
  function way(edit, kind) {
    const picture = make("img", { loading: "lazy", decoding: "async", alt: `the transition: “${edit.captions.unchanged}” → “${edit.captions[kind]}”` });
    const button = make("button", { type: "button", onclick: () => show(!shown) });
    let shown;
    function show(wanted) {
      shown = wanted;
      picture.src = shown ? edit.ways[kind] : edit.pictures[kind];
      button.textContent = shown ? "❚❚" : "▶";
      button.setAttribute("aria-label", `${shown ? "Stop" : "Play"} the transition: ${edit.word}`);
    }
    show(moving);
    return make("div", { className: "way", onmotion: (event) => show(event.detail) }, picture, button);
  }

  function facts(edit, kind) {
    const { numbers } = edit;
    const pairs = [
      ["change", number(edit.change[kind])],
      ["CMI", `${withError(numbers.cmi_o, numbers.cmi_o_error)} nats`],
      ["MI", `${withError(numbers.mi_o, numbers.mi_o_error)} nats`],
      ["reconstruction", `${number(numbers.psnr)} dB`],
    ];
    const seen = edit.seen[kind];
    if (seen) {
      pairs.push([`a classifier sees the ${edit.label}`, seen[0] ? "yes" : "no"]);
      if (kind === "swap" && seen[1] !== null) pairs.push(["and the new object", seen[1] ? "yes" : "no"]);
    }
    return make("dl", {}, ...pairs.flatMap(([name, value]) => [make("dt", {}, name), make("dd", {}, value)]));
  }

  return { build };
})();

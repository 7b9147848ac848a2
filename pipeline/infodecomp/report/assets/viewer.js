"use strict";
// One opened image: its caption, whose words put their maps over it, and two methods side by side.

const Viewer = (() => {
  const { make, number, withError } = Elements;
  const methods = REPORT.methods;
  // Maps that no word of the study has are not offered.
  const words = REPORT.images.flatMap((image) => image.words);
  const offered = methods.map((method, index) => words.some((word) => word.totals[index] !== null));
  const dialog = document.getElementById("viewer");
  const at = (id) => document.getElementById(id);
  const state = { list: [], place: 0, word: 0, hovered: null, sides: [0, 1], maps: null };
  const panes = [pane(0, "left"), pane(1, "right")];
  at("panes").append(...panes.map((one) => one.element));

  function pane(side, name) {
    const image = make("img", { alt: "", draggable: false });
    const heat = make("canvas", { className: "heat" });
    const outline = make("canvas", { className: "outline" });
    const cross = make("span", { className: "cross", hidden: true });
    const stage = make("div", { className: "stage" }, image, heat, outline, cross);
    const bar = make("canvas", { className: "bar" });
    const low = make("span");
    const unit = make("span", { className: "unit" });
    const high = make("span");
    const value = make("p", { className: "value", "aria-live": "off" });
    const buttons = methods.map((method, index) =>
      make(
        "button",
        {
          type: "button",
          hidden: !offered[index],
          title: method.note,
          "aria-pressed": "false",
          "aria-keyshortcuts": side ? `Shift+${method.letter}` : method.letter,
          onclick: () => choose(side, index),
        },
        method.name,
        make("kbd", {}, side ? method.letter.toUpperCase() : method.letter),
      ),
    );
    const element = make(
      "article",
      { className: "pane", "aria-label": `map on the ${name}` },
      make("div", { className: "methods", role: "group", "aria-label": `Method on the ${name}` }, ...buttons),
      stage,
      make("div", { className: "legend" }, bar, make("div", { className: "ends" }, low, unit, high)),
      value,
    );
    stage.addEventListener("pointermove", (event) => point(stage, event));
    stage.addEventListener("pointerdown", (event) => point(stage, event));
    stage.addEventListener("pointerleave", unpoint);
    return { element, image, heat, outline, cross, stage, bar, low, unit, high, value, buttons };
  }

  const entry = () => state.list[state.place];
  const shownWord = () => state.hovered ?? state.word;

  // Open image `place` of the list `list`, at a word.
  function open(list, place, word, sides) {
    Object.assign(state, { list, place, sides: sides ?? state.sides });
    if (!dialog.open) dialog.showModal();
    dialog.focus();
    show(word);
  }

  async function show(word) {
    const image = entry();
    const mapped = image.words.findIndex((one) => one.totals.some((total) => total !== null));
    Object.assign(state, { word: word ?? Math.max(mapped, 0), hovered: null, maps: null });
    at("viewer-title").textContent = `${image.dataset} · image ${image.image} · ${state.place + 1} of ${state.list.length}`;
    at("previous").disabled = state.place === 0;
    at("next").disabled = state.place === state.list.length - 1;
    remember(image.id);
    drawCaptions(image);
    for (const one of panes) {
      one.image.src = image.picture;
      one.image.alt = captionText(image);
      one.element.style.setProperty("--ratio", image.size[0] / image.size[1]);
      // Small images with sharp pixels, not blurred.
      one.image.classList.toggle("small", Math.max(...image.size) <= 128);
    }
    draw();
    try {
      const maps = await Maps.load(image.id);
      if (entry() !== image) return;
      state.maps = maps;
    } catch (error) {
      at("viewer-note").textContent = error.message;
    }
    draw();
    for (const near of [state.list[state.place + 1], state.list[state.place - 1]])
      if (near) Maps.load(near.id).catch(() => {});
  }

  // The address names the image, so that it can be shared.
  function remember(id) {
    history.replaceState(null, "", id ? `#explorer/${id}` : "#explorer");
  }

  const captionText = (image) => image.captions.map((parts) => parts.map(([text]) => text).join("")).join(" / ");

  function drawCaptions(image) {
    const shown = new Set(image.captions.flatMap((parts) => parts.map(([, word]) => word)));
    const lines = image.captions.map((parts) =>
      make("p", { className: "caption", dir: "auto" }, ...parts.map(([text, word]) => (word < 0 ? text : wordButton(image, word, text)))),
    );
    // Words that failed, and those covered by an equal or longer one, have no place in the caption.
    const others = image.words.map((one, word) => [one, word]).filter(([, word]) => !shown.has(word));
    if (others.length)
      lines.push(
        make("p", { className: "others" }, "also: ", ...others.map(([one, word]) => wordButton(image, word, one.word))),
      );
    at("viewer-captions").replaceChildren(...lines);
  }

  function wordButton(image, word, text) {
    const { type, label, problem } = image.words[word];
    return make(
      "button",
      {
        type: "button",
        className: problem ? "word failed" : "word",
        title: [type, label === text ? "" : label, problem].filter(Boolean).join(" · "),
        "data-word": word,
        "aria-pressed": "false",
        onclick: () => pick(word),
        onpointerenter: (event) => event.pointerType === "mouse" && hover(word),
        onpointerleave: () => hover(null),
        onfocus: (event) => event.target.matches(":focus-visible") && hover(word),
        onblur: () => hover(null),
      },
      text,
    );
  }

  function pick(word) {
    state.word = word;
    state.hovered = null;
    draw();
  }

  function hover(word) {
    if (state.hovered === word) return;
    state.hovered = word;
    draw();
  }

  function choose(side, method) {
    state.sides[side] = method;
    draw();
  }

  function draw() {
    const image = entry();
    const word = shownWord();
    for (const button of at("viewer-captions").querySelectorAll(".word")) {
      const own = Number(button.dataset.word);
      button.setAttribute("aria-pressed", String(own === state.word));
      button.classList.toggle("shown", own === word);
    }
    const note = image.problem || image.words[word]?.problem || "";
    at("viewer-note").textContent = note;
    panes.forEach((one, side) => drawPane(one, side, word));
    drawScores(image, word);
  }

  function drawPane(one, side, word) {
    const index = state.sides[side];
    const method = methods[index];
    const heats = state.maps?.heat;
    one.buttons.forEach((button, number) => {
      button.setAttribute("aria-pressed", String(number === index));
      button.classList.toggle("absent", Boolean(heats) && !heats[word]?.[number]);
    });
    const map = heats?.[word]?.[index] ?? null;
    one.heat.hidden = one.bar.hidden = !map;
    one.map = map;
    one.method = method;
    at("outline").parentElement.hidden = Boolean(state.maps) && !state.maps.outline.some(Boolean);
    Maps.drawOutline(one.outline, at("outline").checked ? state.maps?.outline[word] : null, state.maps?.side ?? 1);
    one.stage.dataset.map = map ? `${entry().words[word].word}/${method.id}` : "";
    if (map) {
      const ends = Maps.range(method, compared(heats, word, method));
      Maps.draw(one.heat, map, state.maps.grid, method, ends);
      Maps.drawBar(one.bar, method);
      one.low.textContent = number(ends[0], 2);
      one.high.textContent = number(ends[1], 2);
      one.unit.textContent = `${method.unit} per cell`;
    } else {
      one.low.textContent = one.high.textContent = one.unit.textContent = "";
    }
    tellTotal(one, word, index);
  }

  // Maps that share one scale: of this word, or of all words of the image, for methods in one unit.
  function compared(heats, word, method) {
    const rows = at("one-scale").checked ? heats : [heats[word]];
    return rows.flatMap((row) => row.filter((map, index) => map && methods[index].scale === method.scale));
  }

  function tellTotal(one, word, index) {
    const { word: text, totals, errors } = entry().words[word] ?? { totals: [] };
    const total = totals[index];
    one.value.replaceChildren(
      ...(total === null || total === undefined
        ? [state.maps ? "this word has no such map" : ""]
        : [make("b", {}, `“${text}”`), ` ${withError(total, errors[index])} ${methods[index].unit} in total`]),
    );
  }

  function point(stage, event) {
    if (!state.maps) return;
    const box = stage.getBoundingClientRect();
    const [height, width] = state.maps.grid;
    const column = Math.min(width - 1, Math.max(0, Math.floor(((event.clientX - box.left) / box.width) * width)));
    const row = Math.min(height - 1, Math.max(0, Math.floor(((event.clientY - box.top) / box.height) * height)));
    for (const one of panes) {
      one.cross.hidden = false;
      Object.assign(one.cross.style, {
        left: `${(100 * column) / width}%`,
        top: `${(100 * row) / height}%`,
        width: `${100 / width}%`,
        height: `${100 / height}%`,
      });
      if (one.map) {
        const value = one.map.values[row * width + column];
        one.value.replaceChildren(make("b", {}, number(value)), ` ${one.method.unit} · row ${row + 1}, column ${column + 1}`);
      }
    }
  }

  function unpoint() {
    panes.forEach((one, side) => {
      one.cross.hidden = true;
      tellTotal(one, shownWord(), state.sides[side]);
    });
  }

  function drawScores(image, word) {
    const one = image.words[word];
    if (!one) return at("viewer-scores").replaceChildren();
    const percent = (value) => (value === null ? "–" : (100 * value).toFixed(1));
    // Without a mask there are no scores.
    const scored = one.precision.some((value) => value !== null) || one.iou.some((value) => value !== null);
    const rows = methods
      .map((method, index) => [method, index])
      .filter(([, index]) => one.totals[index] !== null)
      .map(([method, index]) =>
        make(
          "tr",
          {},
          make("th", { scope: "row" }, method.name, make("small", {}, method.note)),
          make("td", {}, `${withError(one.totals[index], one.errors[index])} ${method.unit}`),
          ...(scored ? [one.precision, one.iou] : []).map((scores) => make("td", {}, percent(scores[index]))),
          make("td", {}, number(agreement(one, state.sides[0], index), 2)),
        ),
      );
    const measures = scored ? ["average precision %", "IoU %"] : [];
    const head = ["map", "total", ...measures, `agreement with ${methods[state.sides[0]].name}`];
    const type = one.type && one.type !== "unknown" ? `, ${one.type}` : "";
    const matched = scored ? ", and how well the maps match the mask" : "";
    at("viewer-scores").replaceChildren(
      make(
        "div",
        { className: "scroll", tabIndex: 0, role: "region", "aria-label": "scores of the word" },
        make(
          "table",
          {},
          make("caption", {}, `“${one.word}”${type}: totals over the image${matched}`),
          make("thead", {}, make("tr", {}, ...head.map((text) => make("th", { scope: "col" }, text)))),
          make("tbody", {}, ...rows),
        ),
      ),
    );
  }

  // Pearson's r of the maps of two methods; 1 for a map with itself.
  function agreement(word, first, second) {
    if (first === second) return 1;
    const [a, b] = [Math.min(first, second), Math.max(first, second)];
    return word.agreement[REPORT.pairs.findIndex(([x, y]) => x === a && y === b)] ?? null;
  }

  function step(by) {
    const place = state.place + by;
    if (place < 0 || place >= state.list.length) return;
    state.place = place;
    show();
  }

  function stepWord(by) {
    const count = entry().words.length;
    if (count) pick((state.word + by + count) % count);
  }

  const KEYS = { ArrowLeft: () => step(-1), ArrowRight: () => step(1), ArrowUp: () => stepWord(-1), ArrowDown: () => stepWord(1) };

  document.addEventListener("keydown", (event) => {
    if (!dialog.open || event.ctrlKey || event.metaKey || event.altKey || event.target.matches("input[type=range]")) return;
    const method = methods.findIndex(({ letter }) => letter === event.key.toLowerCase());
    if (KEYS[event.key]) KEYS[event.key]();
    else if (method >= 0) choose(event.shiftKey || event.key !== methods[method].letter ? 1 : 0, method);
    else return;
    event.preventDefault();
  });
  // If the address has changed already, it stays.
  dialog.addEventListener("close", () => location.hash.startsWith("#explorer/") && remember(""));
  dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
  at("previous").addEventListener("click", () => step(-1));
  at("next").addEventListener("click", () => step(1));
  at("close").addEventListener("click", () => dialog.close());
  at("opacity").addEventListener("input", setOpacity);
  at("outline").addEventListener("change", draw);
  at("one-scale").addEventListener("change", draw);

  function setOpacity() {
    for (const one of panes) one.heat.style.opacity = at("opacity").value / 100;
  }
  setOpacity();

  const close = () => dialog.open && dialog.close();

  return { open, close, agreement, captionText };
})();

"use strict";
// What a code says: an image, the dimensions of its code or its factors, and the maps of each.

const Codes = (() => {
  const { make, select, values, number } = Elements;
  const MAP = { signed: false, zero: true };
  const at = (id) => document.getElementById(id);
  const form = at("code-filters");
  const state = { model: null, image: 0, part: 0, hovered: null, maps: null };
  let panes = [];

  // Nats far below their error are none: two decimals, never powers of ten.
  const nats = (value) => value.toFixed(2).replace(/^-(?=0\.00$)/, "").replace("-", "−");
  const withError = (value, error) => `${nats(value)} ± ${nats(error)}`;
  const image = () => state.model.images[state.image];
  const shownPart = () => state.hovered ?? state.part;

  function build() {
    form.append(select("description", "model", CODES.map(({ name }) => [name, name]), CODES[0].name));
    form.addEventListener("change", chooseModel);
    form.addEventListener("submit", (event) => event.preventDefault());
    at("code-one-scale").addEventListener("change", draw);
    at("code-opacity").addEventListener("input", setOpacity);
    for (const group of [at("code-images"), at("code-parts")]) group.addEventListener("keydown", step);
    chooseModel();
  }

  // Another description keeps the image, if it has that one too.
  function chooseModel() {
    const { model } = values(form);
    const before = state.model && image().image;
    state.model = CODES.find(({ name }) => name === model);
    Object.assign(state, { part: 0, hovered: null });
    at("code-images").replaceChildren(...state.model.images.map(thumbnail));
    at("code-parts").replaceChildren(...state.model.parts.map(partButton));
    panes = state.model.columns.map(pane);
    at("code-panes").replaceChildren(...panes.map(({ element }) => element));
    setOpacity();
    show(Math.max(0, state.model.images.findIndex((one) => one.image === before)));
  }

  function thumbnail(one, place) {
    const label = `Image ${place + 1} of ${state.model.images.length}`;
    const picture = make("img", { src: one.picture, alt: "", loading: "lazy" });
    return make("button", { type: "button", "aria-label": label, title: label, "aria-pressed": "false", onclick: () => show(place) }, picture);
  }

  function partButton(name, part) {
    return make(
      "button",
      {
        type: "button",
        className: "word",
        "aria-pressed": "false",
        onclick: () => pick(part),
        onpointerenter: (event) => event.pointerType === "mouse" && hover(part),
        onpointerleave: () => hover(null),
        onfocus: (event) => event.target.matches(":focus-visible") && hover(part),
        onblur: () => hover(null),
      },
      name,
    );
  }

  function pane(label) {
    const picture = make("img", { alt: "", draggable: false });
    const heat = make("canvas", { className: "heat" });
    const cross = make("span", { className: "cross", hidden: true });
    const stage = make("div", { className: "stage" }, picture, heat, cross);
    const bar = make("canvas", { className: "bar" });
    const [low, high] = [make("span"), make("span")];
    const ends = make("div", { className: "ends" }, low, make("span", {}, "nats per pixel"), high);
    const value = make("p", { className: "value" });
    const element = make("article", {}, make("h3", {}, label), stage, make("div", { className: "legend" }, bar, ends), value);
    stage.addEventListener("pointermove", (event) => point(stage, event));
    stage.addEventListener("pointerdown", (event) => point(stage, event));
    stage.addEventListener("pointerleave", unpoint);
    return { element, picture, heat, cross, stage, bar, low, high, value };
  }

  async function show(place) {
    Object.assign(state, { image: place, maps: null });
    const wanted = image();
    [...at("code-images").children].forEach((button, index) => button.setAttribute("aria-pressed", String(index === place)));
    for (const one of panes) one.picture.src = wanted.picture;
    draw();
    try {
      const maps = await Maps.load(wanted.id);
      if (image() !== wanted) return;
      state.maps = maps;
      draw();
    } catch (error) {
      at("code-note").textContent = error.message;
    }
  }

  function pick(part) {
    Object.assign(state, { part, hovered: null });
    draw();
  }

  function hover(part) {
    if (state.hovered === part) return;
    state.hovered = part;
    draw();
  }

  function draw() {
    const part = shownPart();
    [...at("code-parts").children].forEach((button, index) => {
      button.setAttribute("aria-pressed", String(index === state.part));
      button.classList.toggle("shown", index === part);
    });
    at("code-note").textContent = described(part);
    const heats = state.maps?.heat;
    const rows = heats && (at("code-one-scale").checked ? heats : [heats[part]]);
    const compared = rows ? rows.flat().filter(Boolean) : [];
    panes.forEach((one, column) => {
      const map = heats?.[part]?.[column] ?? null;
      one.map = map;
      one.heat.hidden = one.bar.hidden = !map;
      one.stage.dataset.map = map ? `${state.model.parts[part]}/${column}` : "";
      one.picture.alt = `image ${image().image}, under the map of ${state.model.parts[part]}: ${state.model.columns[column]}`;
      if (map) {
        const ends = Maps.range(MAP, compared);
        Maps.draw(one.heat, map, state.maps.grid, MAP, ends);
        Maps.drawBar(one.bar, MAP);
        [one.low.textContent, one.high.textContent] = ends.map((end) => number(end, 2));
      }
      tellTotal(one, part, column);
    });
    drawTotals(part);
  }

  // Of a dimension, the factors that it says most about.
  function described(part) {
    const told = (state.model.about[part] ?? []).filter(([, carried]) => carried >= 0.05).slice(0, 3);
    if (!state.model.about.length) return "";
    const about = told.map(([factor, carried, most]) => `${factor} ${nats(carried)} of ${nats(most)}`).join(", ");
    return `${state.model.parts[part]} alone says about the factors, over all images: ${about ? `${about} nats` : "less than 0.05 nats each"}.`;
  }

  function tellTotal(one, part, column) {
    const [total, error] = image().totals[part][column];
    one.value.replaceChildren(make("b", {}, state.model.parts[part]), ` ${withError(total, error)} nats in total`);
  }

  function drawTotals(part) {
    const { parts, columns } = state.model;
    const rows = parts.map((name, index) =>
      make(
        "tr",
        { className: index === part ? "shown" : "" },
        make("th", { scope: "row" }, name),
        ...image().totals[index].map(([total, error]) => make("td", {}, withError(total, error))),
      ),
    );
    const whole = image().whole.map(([denoiser, total]) => `${nats(total)} nats ${denoiser}`).join(", ");
    const caption = `Information about this image, iᵒ in nats, ± one standard error. All parts together: ${whole}.`;
    at("code-totals").replaceChildren(
      make(
        "div",
        { className: "scroll", tabIndex: 0, role: "region", "aria-label": "totals of the parts" },
        make(
          "table",
          {},
          make("caption", {}, caption),
          make("thead", {}, make("tr", {}, ...["part", ...columns].map((text) => make("th", { scope: "col" }, text)))),
          make("tbody", {}, ...rows),
        ),
      ),
    );
  }

  function point(stage, event) {
    if (!state.maps) return;
    const box = stage.getBoundingClientRect();
    const [height, width] = state.maps.grid;
    const cell = (share, cells) => Math.min(cells - 1, Math.max(0, Math.floor(share * cells)));
    const column = cell((event.clientX - box.left) / box.width, width);
    const row = cell((event.clientY - box.top) / box.height, height);
    for (const one of panes) {
      one.cross.hidden = false;
      Object.assign(one.cross.style, {
        left: `${(100 * column) / width}%`,
        top: `${(100 * row) / height}%`,
        width: `${100 / width}%`,
        height: `${100 / height}%`,
      });
      if (one.map) one.value.replaceChildren(make("b", {}, number(one.map.values[row * width + column])), ` nats · row ${row + 1}, column ${column + 1}`);
    }
  }

  function unpoint() {
    panes.forEach((one, column) => {
      one.cross.hidden = true;
      tellTotal(one, shownPart(), column);
    });
  }

  // Arrows go around; the button of what is chosen has the focus, if it is one of the row in which the key was pressed.
  const KEYS = { ArrowLeft: ["image", -1], ArrowRight: ["image", 1], ArrowUp: ["part", -1], ArrowDown: ["part", 1] };

  function step(event) {
    if (!KEYS[event.key] || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    const [kind, by] = KEYS[event.key];
    const group = at(kind === "image" ? "code-images" : "code-parts");
    const next = (state[kind] + by + group.children.length) % group.children.length;
    if (group === event.currentTarget) group.children[next].focus();
    if (kind === "image") show(next);
    else pick(next);
  }

  function setOpacity() {
    for (const one of panes) one.heat.style.opacity = at("code-opacity").value / 100;
  }

  return { build };
})();

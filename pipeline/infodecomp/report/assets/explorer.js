"use strict";
// The grid of images: filters, order, thumbnails.

const Explorer = (() => {
  const { make, select, values, number, distinct } = Elements;
  const methods = REPORT.methods;
  const images = REPORT.images;
  const AGREE = 0.7;
  const DISAGREE = 0.3;
  const form = document.getElementById("filters");
  const grid = document.getElementById("grid");
  const cards = new Map();
  let listed = [];

  const choices = (list) => [["", "all"], ...distinct(list).filter(Boolean).sort().map((value) => [value, value])];
  const words = images.flatMap((image) => image.words);
  const recorded = methods.map((method, index) => [String(index), method.name]).filter(([index]) => words.some((word) => word.totals[index] !== null));

  // What images can be sorted by: a number for a word, given the two methods.
  const SCORES = {
    order: ["order of the dataset", () => null],
    total: ["total of the map", (word, a) => word.totals[a]],
    precision: ["average precision", (word, a) => word.precision[a]],
    iou: ["IoU with the object", (word, a) => word.iou[a]],
    lead: ["lead in average precision", (word, a, b) => difference(word.precision[a], word.precision[b])],
    agreement: ["agreement of the two maps", (word, a, b) => Viewer.agreement(word, a, b)],
  };
  // Without masks there is no precision and no IoU to sort by.
  const scored = words.some((word) => word.precision.some((value) => value !== null));
  const sortable = Object.keys(SCORES).filter((key) => scored || !["precision", "iou", "lead"].includes(key));
  const difference = (first, second) => (first === null || second === null ? null : first - second);

  function build() {
    form.append(
      select("dataset", "dataset", choices(images.map((image) => image.dataset)), ""),
      select("category", "label", choices(words.map((word) => word.label)), ""),
      select("word type", "type", choices(words.map((word) => word.type)), ""),
      select("method", "first", recorded, recorded[0]?.[0]),
      select("against", "second", recorded, (recorded[1] ?? recorded[0])?.[0]),
      select("agreement", "agreement", [["", "any"], ["agree", `the maps agree (r ≥ ${AGREE})`], ["disagree", `they disagree (r < ${DISAGREE})`]], ""),
      select("sort by", "score", sortable.map((key) => [key, SCORES[key][0]]), "order"),
      select("first", "direction", [["-1", "highest"], ["1", "lowest"]], "-1"),
      make("button", { type: "reset" }, "Reset"),
    );
    form.addEventListener("change", refresh);
    form.addEventListener("reset", () => setTimeout(refresh));
    form.addEventListener("submit", (event) => event.preventDefault());
    refresh();
  }

  function refresh() {
    const wanted = values(form);
    const [first, second, direction] = [wanted.first, wanted.second, wanted.direction].map(Number);
    const score = SCORES[wanted.score][1];
    const shown = [];
    images.forEach((image, place) => {
      if (wanted.dataset && image.dataset !== wanted.dataset) return;
      let best = null;
      image.words.forEach((word, index) => {
        if (!matches(word, wanted, first, second)) return;
        const value = score(word, first, second);
        if (best === null || ahead(value, best.value, direction)) best = { image, place, word: index, value };
      });
      if (best) shown.push(best);
    });
    if (wanted.score !== "order") shown.sort((one, other) => compare(one, other, direction));
    listed = shown;
    grid.replaceChildren(...shown.map((found, place) => card(found, place, wanted.score, first)));
    const total = images.length;
    document.getElementById("found").textContent =
      shown.length === total ? `${total.toLocaleString("en")} images` : `${shown.length.toLocaleString("en")} of ${total.toLocaleString("en")} images`;
  }

  function matches(word, wanted, first, second) {
    if (wanted.label && word.label !== wanted.label) return false;
    if (wanted.type && word.type !== wanted.type) return false;
    if (wanted.agreement) {
      const r = Viewer.agreement(word, first, second);
      if (r === null || (wanted.agreement === "agree" ? r < AGREE : r >= DISAGREE)) return false;
    }
    // A word that failed has no map: it is shown only if images are not sorted by a number.
    return word.totals[first] !== undefined && (word.totals[first] !== null || first === Number(recorded[0]?.[0]));
  }

  const ahead = (value, than, direction) => value !== null && (than === null || (value - than) * direction < 0);

  function compare(one, other, direction) {
    if (one.value === null || other.value === null) return (one.value === null) - (other.value === null) || one.place - other.place;
    return (one.value - other.value) * direction || one.place - other.place;
  }

  function card(found, place, score, method) {
    const { image, word } = found;
    if (!cards.has(image.id)) cards.set(image.id, newCard(image));
    const { element, note } = cards.get(image.id);
    const value = score === "order" ? image.words[word].totals[method] : found.value;
    const unit = score === "order" || score === "total" ? ` ${methods[method].unit}` : "";
    note.replaceChildren(make("b", {}, image.words[word].word), value === null ? " no map" : ` ${number(value)}${unit}`);
    element.dataset.place = place;
    return element;
  }

  function newCard(image) {
    const caption = Viewer.captionText(image);
    const note = make("span", { className: "score" });
    const picture = image.picture
      ? make("img", { loading: "lazy", decoding: "async", alt: "", src: image.thumbnail, className: Math.max(...image.size) <= 128 ? "small" : "" })
      : make("span", { className: "missing" }, "no picture");
    const element = make(
      "button",
      { type: "button", className: "card", "data-id": image.id, onclick: () => openAt(Number(element.dataset.place)) },
      make("span", { className: "frame" }, picture),
      make("span", { className: "text", dir: "auto" }, caption || "no caption"),
      note,
    );
    return { element, note };
  }

  function openAt(place) {
    const { first, second } = values(form);
    Viewer.open(listed.map(({ image }) => image), place, listed[place].word, [Number(first), Number(second)]);
  }

  // Open the image that the address names.
  function openNamed(id) {
    const place = listed.findIndex(({ image }) => image.id === id);
    if (place >= 0) openAt(place);
  }

  return { build, openNamed };
})();

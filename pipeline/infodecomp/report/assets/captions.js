"use strict";
// Which caption is true: the captions of each image, ranked by a score.

const Captions = (() => {
  const { make, select, values, withError, distinct } = Elements;
  const OUTCOMES = { "": "any", right: "the true one is first", wrong: "a false one is first" };
  const form = document.getElementById("caption-filters");
  const grid = document.getElementById("choice-grid");

  function build() {
    const datasets = distinct(RETRIEVAL.choices.map((choice) => choice.dataset));
    form.append(
      select("set", "dataset", datasets.map((name) => [name, title(name)]), datasets[0]),
      select("ranked by", "method", Object.entries(RETRIEVAL.methods), Object.keys(RETRIEVAL.methods)[0]),
      select("outcome", "outcome", Object.entries(OUTCOMES), ""),
    );
    form.addEventListener("change", refresh);
    refresh();
  }

  function title(name) {
    const { question, source } = RETRIEVAL.titles[name];
    return source ? `${question} (${source})` : question;
  }

  function refresh() {
    const { dataset, method, outcome } = values(form);
    const own = RETRIEVAL.choices.filter((choice) => choice.dataset === dataset);
    const scale = Math.max(...own.map((choice) => ends(choice, method)).map(([low, high]) => high - low));
    const shown = own.filter((choice) => !outcome || (ranked(choice, method)[0] === choice.truth) === (outcome === "right"));
    grid.replaceChildren(...shown.map((choice) => card(choice, method, scale)));
    document.getElementById("captions-found").textContent = `${shown.length} of ${own.length} images`;
  }

  // Options from the highest score to the lowest; on a tie a true one comes last.
  function ranked(choice, method) {
    const value = (option) => choice.scores[method]?.[option]?.[0] ?? -Infinity;
    const order = (a, b) => (value(a) === value(b) ? (a === choice.truth) - (b === choice.truth) : value(b) - value(a));
    return choice.options.map((_, option) => option).sort(order);
  }

  // The lowest and the highest value among the captions of an image, errors included.
  function ends(choice, method) {
    const known = (choice.scores[method] ?? []).filter(Boolean);
    if (!known.length) return [0, 0];
    return [
      Math.min(...known.map(([value, error]) => value - (error ?? 0))),
      Math.max(...known.map(([value, error]) => value + (error ?? 0))),
    ];
  }

  function card(choice, method, scale) {
    const scores = choice.scores[method] ?? [];
    const [low] = ends(choice, method);
    const place = (value) => (scale > 0 ? (100 * (value - low)) / scale : 0);
    const items = ranked(choice, method).map((option) =>
      make(
        "li",
        { className: option === choice.truth ? "true" : "" },
        make("span", { className: "option", dir: "auto" }, choice.options[option], option === choice.truth ? make("em", {}, "true") : null),
        bar(scores[option], place),
      ),
    );
    const alt = `an image whose caption is: ${choice.options[choice.truth]}`;
    const small = choice.picture ? make("img", { src: choice.picture, alt, loading: "lazy" }) : make("span", { className: "missing" }, "no picture");
    return make("article", { className: "choice" }, small, make("ol", {}, ...items));
  }

  function bar(score, place) {
    if (!score) return make("span", { className: "amount" }, "no score");
    const [value, error] = score;
    const fill = make("span", { className: "fill" });
    fill.style.width = `${place(value)}%`;
    const whisker = error === null ? null : make("span", { className: "whisker" });
    if (whisker) {
      whisker.style.left = `${place(value - error)}%`;
      whisker.style.width = `${place(value + error) - place(value - error)}%`;
    }
    return make("span", { className: "score-bar" }, make("span", { className: "track" }, fill, whisker), make("span", { className: "amount" }, withError(value, error)));
  }

  return { build };
})();

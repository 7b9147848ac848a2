"use strict";
// Making elements. Text always goes in as text, never as HTML, so that a caption can hold anything.

const Elements = (() => {
  function make(name, properties = {}, ...children) {
    const element = document.createElement(name);
    for (const [key, value] of Object.entries(properties)) {
      if (value === undefined || value === null) continue;
      if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
      else if (key in element && !key.startsWith("aria")) element[key] = value;
      else element.setAttribute(key, value);
    }
    element.append(...children.filter((child) => child !== null && child !== undefined));
    return element;
  }

  // A labelled list of choices, each [value, text].
  function select(label, name, choices, value) {
    const options = choices.map(([key, text]) => make("option", { value: key, selected: key === value }, text));
    return make("label", {}, make("span", {}, label), make("select", { name }, ...options));
  }

  // The values of a form by name.
  const values = (form) => Object.fromEntries(new FormData(form));

  function number(value, digits = 3) {
    if (value === null || value === undefined || !Number.isFinite(value)) return "–";
    const size = Math.abs(value);
    const text = size !== 0 && (size < 1e-3 || size >= 1e5) ? value.toExponential(digits - 1) : value.toPrecision(digits);
    return (text.includes("e") ? text : String(Number(text))).replace("-", "−");
  }

  const withError = (value, error) => number(value) + (Number.isFinite(error ?? NaN) ? ` ± ${number(error, 2)}` : "");

  const distinct = (list) => [...new Set(list)];

  // Runs a script of the page's folder once; resolves when it has run.
  const running = new Map();
  function script(source) {
    if (!running.has(source)) {
      running.set(
        source,
        new Promise((resolve, reject) => {
          const element = make("script", { src: source, onload: resolve, onerror: () => reject(new Error(source)) });
          document.head.append(element);
        }),
      );
    }
    return running.get(source);
  }

  return { make, select, values, number, withError, distinct, script };
})();

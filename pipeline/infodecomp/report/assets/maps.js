"use strict";
// Maps: reading their tiles, colouring them, and the legend.

const Maps = (() => {
  const SIDE = 192; // pixels of a drawn map along a side
  const { make } = Elements;
  const palettes = Object.fromEntries(
    Object.entries(REPORT.palettes).map(([name, colours]) => [name, colours.map((hex) => parseInt(hex, 16))]),
  );
  const waiting = new Map();
  const known = new Map();
  const KEPT = 24; // images whose maps stay in memory

  // Scripts of maps call this with their data.
  globalThis.receiveMaps = (id, maps) => waiting.get(id)?.(maps);

  // The maps of an image: (word, method) → {values, low, high}, and outlines by word.
  function load(id) {
    if (!known.has(id)) known.set(id, fetched(id));
    const found = known.get(id);
    known.delete(id);
    known.set(id, found); // the most recently used is last
    if (known.size > KEPT) known.delete(known.keys().next().value);
    return found;
  }

  async function fetched(id) {
    const maps = await new Promise((resolve, reject) => {
      waiting.set(id, resolve);
      const source = make("script", { src: `maps/${id}.js`, onerror: () => reject(new Error(`maps/${id}.js is missing`)) });
      document.head.append(source);
    });
    waiting.delete(id);
    const sheet = await pixels(maps.sheet);
    const masks = maps.masks ? await pixels(maps.masks) : null;
    const [height, width] = maps.grid;
    const heat = maps.scales.map((row, word) =>
      row.map((scale, method) => scale && cut(sheet, word, method, height, width, scale)),
    );
    const side = maps.maskGrid;
    const outline = maps.masked.map((there, word) => (there ? cut(masks, word, 0, side, side, [0, 255]).values : null));
    return { heat, outline, grid: [height, width], side };
  }

  async function pixels(uri) {
    const image = new Image();
    image.src = uri;
    await image.decode();
    const canvas = make("canvas", { width: image.width, height: image.height });
    const context = canvas.getContext("2d", { willReadFrequently: true });
    context.drawImage(image, 0, 0);
    return context.getImageData(0, 0, image.width, image.height);
  }

  function cut(sheet, row, column, height, width, [low, high]) {
    const values = new Float32Array(height * width);
    for (let y = 0; y < height; y++)
      for (let x = 0; x < width; x++) {
        const at = ((row * height + y) * sheet.width + column * width + x) * 4;
        values[y * width + x] = low + (sheet.data[at] / 255) * (high - low);
      }
    return { values, low, high };
  }

  // The ends of the colours for maps on one scale: signed ones have zero in the middle.
  function range(method, maps) {
    const low = Math.min(...maps.map((map) => map.low));
    const high = Math.max(...maps.map((map) => map.high));
    if (!method.signed) return [method.zero ? Math.min(0, low) : low, high];
    const most = Math.max(Math.abs(low), Math.abs(high));
    return [-most, most];
  }

  const palette = (method) => palettes[method.signed ? "signed" : "sequential"];

  // Bilinear between the centres of cells, as in the figures and the scores.
  function draw(canvas, map, grid, method, [low, high]) {
    canvas.width = canvas.height = SIDE;
    const context = canvas.getContext("2d");
    const picture = context.createImageData(SIDE, SIDE);
    const colours = palette(method);
    const [height, width] = grid;
    const across = places(width);
    const down = places(height);
    for (let y = 0; y < SIDE; y++) {
      const [top, bottom, v] = down[y];
      for (let x = 0; x < SIDE; x++) {
        const [left, right, u] = across[x];
        const upper = map.values[top * width + left] * (1 - u) + map.values[top * width + right] * u;
        const lower = map.values[bottom * width + left] * (1 - u) + map.values[bottom * width + right] * u;
        const share = high > low ? (upper * (1 - v) + lower * v - low) / (high - low) : 0;
        const colour = colours[Math.max(0, Math.min(255, Math.round(255 * share)))];
        const at = (y * SIDE + x) * 4;
        picture.data[at] = colour >> 16;
        picture.data[at + 1] = (colour >> 8) & 255;
        picture.data[at + 2] = colour & 255;
        picture.data[at + 3] = 255;
      }
    }
    context.putImageData(picture, 0, 0);
  }

  function places(cells) {
    return Array.from({ length: SIDE }, (_, pixel) => {
      const place = Math.max(0, Math.min(cells - 1, ((pixel + 0.5) * cells) / SIDE - 0.5));
      const first = Math.floor(place);
      return [first, Math.min(first + 1, cells - 1), place - first];
    });
  }

  // The border of a mask as lines: dark under light, visible on any picture.
  function drawOutline(canvas, mask, side) {
    canvas.width = canvas.height = side * 5;
    const context = canvas.getContext("2d");
    if (!mask) return;
    const inside = (x, y) => x >= 0 && y >= 0 && x < side && y < side && mask[y * side + x] > 127;
    const path = new Path2D();
    for (let y = 0; y <= side; y++)
      for (let x = 0; x <= side; x++) {
        if (inside(x, y) !== inside(x - 1, y)) path.rect(x * 5, y * 5, 0, 5);
        if (inside(x, y) !== inside(x, y - 1)) path.rect(x * 5, y * 5, 5, 0);
      }
    for (const [style, line] of [["rgb(0 0 0 / 0.75)", 5], ["white", 2]]) {
      context.strokeStyle = style;
      context.lineWidth = line;
      context.stroke(path);
    }
  }

  function drawBar(canvas, method) {
    canvas.width = 256;
    canvas.height = 1;
    const context = canvas.getContext("2d");
    palette(method).forEach((colour, index) => {
      context.fillStyle = `#${colour.toString(16).padStart(6, "0")}`;
      context.fillRect(index, 0, 1, 1);
    });
  }

  return { load, range, draw, drawOutline, drawBar };
})();

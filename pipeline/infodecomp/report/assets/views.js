"use strict";
// Which part of the page is shown, from the address: #explorer or #explorer/<image>.

(() => {
  const { script } = Elements;
  const views = [...document.querySelectorAll(".view")];
  const links = [...document.querySelectorAll(".top nav a")];
  const building = {
    explorer: () => Explorer.build(),
    edits: () => script("data/edits.js").then(() => Edits.build()),
    captions: () => script("data/retrieval.js").then(() => Captions.build()),
    codes: () => script("data/codes.js").then(() => Codes.build()),
  };
  const built = new Map();

  async function show() {
    const [name, image] = location.hash.slice(1).split("/");
    // Parts of the overview have addresses of their own.
    const inside = document.getElementById(name)?.closest(".view");
    const view = document.getElementById(`view-${name}`) ?? inside ?? views[0];
    const part = view.id.replace("view-", "");
    if (!image) Viewer.close();
    if (view.hidden) scrollTo(0, 0);
    for (const other of views) other.hidden = other !== view;
    for (const link of links) {
      if (link.hash === `#${part}`) link.setAttribute("aria-current", "page");
      else link.removeAttribute("aria-current");
    }
    if (building[part]) {
      if (!built.has(part)) built.set(part, building[part]());
      await built.get(part);
      if (image) Explorer.openNamed(image);
    } else if (inside) {
      document.getElementById(name).scrollIntoView();
    }
  }

  // Parts that the study does not have are not offered.
  for (const link of links) {
    if (link.dataset.count === "0") link.hidden = true;
  }
  addEventListener("hashchange", show);
  show();
})();

// Evaluated in the page of a report, which has other types than what runs on Node.

export function drawings() {
  return [...document.querySelectorAll("figure[id]:has(svg)")].map((figure) => {
    const svg = figure.querySelector("svg");
    const { width, height } = svg.getBoundingClientRect();
    return { id: figure.id, svg: svg.outerHTML, width, height, viewBox: svg.getAttribute("viewBox") };
  });
}

export function soundness() {
  const ids = [...document.querySelectorAll("[id]")].map(({ id }) => id);
  const targets = [...document.querySelectorAll("a[href^='#']")].map((link) =>
    link.getAttribute("href").slice(1),
  );
  return {
    width: document.documentElement.scrollWidth,
    background: getComputedStyle(document.body).backgroundColor,
    idsGivenTwice: ids.filter((id, i) => ids.indexOf(id) !== i),
    brokenLinks: targets.filter((id) => !ids.includes(id)),
    plotsWithoutLabel: document.querySelectorAll(".plot:not([role=img][aria-label])").length,
    resultRows: document.querySelectorAll("#numbers tbody tr:not(:has([scope=rowgroup]))").length,
  };
}

// Before the first paint, or the page would flash in the wrong one. A file of its own: the server's policy allows no inline script.
try {
  const theme = localStorage.getItem("grokbox.theme");
  if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
} catch {}

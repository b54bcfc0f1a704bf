/* Runs before the first paint: tells the styles that scripts run, and follows the system's theme where the person asked so. */
(() => {
  const root = document.documentElement;
  root.dataset.js = '';
  if (root.dataset.theme !== 'system') return;
  const dark = matchMedia('(prefers-color-scheme: dark)');
  const follow = () => { root.dataset.bsTheme = dark.matches ? 'dark' : 'light'; };
  follow();
  dark.addEventListener('change', follow);
})();

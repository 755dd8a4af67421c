// Runs before the first paint, so that the page never flashes in the other theme. The choice is the browser's own.

(() => {
  const KEY = 'incumbent-theme';
  const stored = () => {
    try {
      return localStorage.getItem(KEY);
    } catch {
      // A browser that keeps nothing shows the system's theme.
      return null;
    }
  };
  const apply = (theme) => {
    if (theme === 'light' || theme === 'dark') document.documentElement.dataset.theme = theme;
    else delete document.documentElement.dataset.theme;
  };
  apply(stored());

  document.addEventListener('DOMContentLoaded', () => {
    const select = document.getElementById('theme');
    select.value = document.documentElement.dataset.theme ?? 'system';
    select.addEventListener('change', () => {
      apply(select.value);
      try {
        localStorage.setItem(KEY, select.value);
      } catch {
        // It holds until the page is left, then.
      }
    });
  });
})();

// The language of pages: that of the browser, or the one that was chosen last.
const LANGUAGE = "s3py-language";

export function languages(texts) {
  let language = localStorage.getItem(LANGUAGE) ?? (navigator.language.startsWith("zh") ? "zh" : "en");
  if (!(language in texts)) language = "en";

  const text = (name, ...values) => texts[language][name].replace(/\{(\d)\}/g, (_, index) => values[index]);

  function translate(root = document) {
    document.documentElement.lang = language === "zh" ? "zh-CN" : "en";
    for (const element of root.querySelectorAll("[data-text]")) element.textContent = text(element.dataset.text);
  }

  function changeLanguage() {
    language = language === "zh" ? "en" : "zh";
    localStorage.setItem(LANGUAGE, language);
    translate();
  }

  const otherLanguage = () => (language === "zh" ? { lang: "en", name: "English" } : { lang: "zh", name: "中文" });

  return { text, translate, changeLanguage, otherLanguage };
}

export const number = (value, digits = 0) => value.toLocaleString(document.documentElement.lang, { maximumFractionDigits: digits });

export function size(bytes) {
  if (bytes === null || bytes === undefined) return "?";
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let unit = 0;
  for (; bytes >= 1024 && unit < units.length - 1; unit++) bytes /= 1024;
  return `${number(bytes, unit ? 1 : 0)} ${units[unit]}`;
}

import createPurifier from 'dompurify';
import { Marked } from 'marked';

const escaped = (text: string): string => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
/** Markup within the text is shown as it was written. */
const marked = new Marked({ gfm: true, breaks: true, async: false, renderer: { html: ({ text }) => escaped(text) } });
const purifier = createPurifier(window);

/** What anybody with a key may have written stands in this page's own origin: only what gives text a shape is let through. */
const allowed = {
  ALLOWED_TAGS:
    'a p br hr h1 h2 h3 h4 h5 h6 ul ol li blockquote pre code em strong del table thead tbody tr th td img input'.split(
      ' ',
    ),
  // no id or name, by which markup could stand in for the page's own variables; no style, no class, no handler
  ALLOWED_ATTR: ['href', 'title', 'alt', 'src', 'start', 'type', 'checked', 'disabled', 'align'],
  ALLOW_DATA_ATTR: false,
  ALLOW_ARIA_ATTR: false,
  ALLOWED_URI_REGEXP: /^(?:https?:|mailto:|[/#])/i,
};

purifier.addHook('afterSanitizeAttributes', (node) => {
  if (node.tagName === 'A') {
    node.setAttribute('target', '_blank');
    node.setAttribute('rel', 'noopener noreferrer nofollow');
  }
  if (node.tagName === 'INPUT') {
    node.setAttribute('type', 'checkbox');
    node.setAttribute('disabled', '');
  }
  // the page fetches nothing from elsewhere: a picture of another address is a link to it
  if (node.tagName === 'IMG' && !/^data:image\/(?:png|jpeg|gif|webp);/i.test(node.getAttribute('src') ?? '')) {
    const address = node.getAttribute('src') ?? '';
    const link = document.createElement('a');
    link.textContent = node.getAttribute('alt') || address || 'picture';
    if (/^(?:https?:|\/)/i.test(address)) {
      link.href = address;
      link.target = '_blank';
      link.rel = 'noopener noreferrer nofollow';
    }
    node.replaceWith(link);
  }
});

/** HTML that is safe to show in the page. */
export function renderMarkdown(text: string): string {
  return purifier.sanitize(marked.parse(text, { async: false }), allowed);
}

import { useEffect, useState, type ReactElement } from 'react';

/** Text as it is, until what renders it has been loaded; then as Markdown. */
export function Markdown(props: { text: string }): ReactElement {
  const { text } = props;
  const [html, setHtml] = useState<{ of: string; html: string } | null>(null);
  useEffect(() => {
    let wanted = true;
    void import('./render-markdown.js').then(
      ({ renderMarkdown }) => wanted && setHtml({ of: text, html: renderMarkdown(text) }),
      // the server is away: the words can be read all the same
      () => undefined,
    );
    return () => {
      wanted = false;
    };
  }, [text]);
  if (html === null) return <div className="markdown plain">{text}</div>;
  return <div className="markdown" data-rendered dangerouslySetInnerHTML={{ __html: html.html }} />;
}

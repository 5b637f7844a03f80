import type { ReactElement } from 'react';
import { formatBytes } from '../format/format.js';
import type { MediaFragment } from '../generated/questions.js';
import { Waiting } from '../parts/notice.js';
import { CurveView } from './curve-view.js';
import { MatrixView } from './matrix-view.js';
import { Picture } from './picture.js';
import { PointsView } from './points-view.js';
import { TableView } from './table-view.js';
import { useSource, useText } from './use-content.js';

interface Props {
  value: MediaFragment;
  /** What it is called where it has no caption. */
  label: string;
}

function Player(props: Props): ReactElement {
  const { data, problem } = useSource(props.value);
  if (problem !== null) return <div className="notice bad">{problem}</div>;
  if (data === null) return <Waiting what={props.value.kind} />;
  return props.value.kind === 'audio' ? (
    // what was logged has no subtitles

    <audio controls src={data} data-testid="media-audio" />
  ) : (
    <video controls src={data} data-testid="media-video" />
  );
}

function Download(props: Props): ReactElement {
  const { data, problem } = useSource(props.value);
  const { value } = props;
  if (problem !== null) return <div className="notice bad">{problem}</div>;
  return (
    <p className="small">
      <a href={data ?? undefined} download={value.key.split('/').at(-1)}>
        Download
      </a>{' '}
      <span className="dim">
        {value.mime || 'file'} {value.sizeBytes > 0 ? formatBytes(value.sizeBytes) : ''}
      </span>
    </p>
  );
}

/** What is told in words: read wherever it is kept, then shown as what it is. */
function Told(props: Props): ReactElement {
  const { value } = props;
  const { data, problem } = useText(value);
  if (problem !== null) return <div className="notice bad">{problem}</div>;
  if (data === null) return <Waiting what={value.key} />;
  switch (value.kind) {
    case 'table':
      return <TableView text={data} />;
    case 'confusion_matrix':
      return <MatrixView text={data} />;
    case 'curve':
      return <CurveView text={data} facts={value.facts as Record<string, string>} />;
    case 'points3d':
      return <PointsView text={data} />;
    case 'html':
      // no scripts, no forms, no origin: whatever somebody logged can't act as this page
      return <iframe className="html-frame" sandbox="" srcDoc={data} title={props.label} data-testid="media-html" />;
    default:
      return (
        <pre className="media-text" data-testid="media-text">
          {data}
        </pre>
      );
  }
}

/** One value that is no number, as what it is. Histograms are shown over their steps, by the card. */
export function MediaValue(props: Props): ReactElement {
  const { kind, mime, caption } = props.value;
  const isImage = mime.startsWith('image/');
  if (kind === 'image' || ((kind === 'figure' || kind === 'video') && isImage)) return <Picture {...props} />;
  return (
    <div className="media-value">
      {kind === 'audio' || kind === 'video' ? (
        <Player {...props} />
      ) : kind === 'file' ? (
        <Download {...props} />
      ) : (
        <Told {...props} />
      )}
      {caption !== '' && <p className="small dim">{caption}</p>}
    </div>
  );
}

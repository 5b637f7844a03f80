import { createRoot } from 'react-dom/client';
import { createBrowserRouter, RouterProvider } from 'react-router';
import { base } from './data/base.js';
import { linkedPage } from './data/mlflow-links.js';
import { NotFound, PageFailed } from './pages/not-found.js';
import { NumberedProject } from './pages/numbered-project.js';
import { HomePage } from './pages/home.js';
import { ProjectPage } from './pages/project.js';
import { Shell } from './shell.js';
import { startTheme } from './theme/theme.js';
import './theme/tokens.css';
import './theme/base.css';
import './theme/parts.css';
import './theme/notices.css';
import './theme/tables.css';
import './theme/charts.css';
import './theme/run.css';
import './theme/compare.css';
import './theme/markdown.css';
import './theme/media.css';
import './theme/sql.css';
import './theme/traces.css';

startTheme();

const prefix = base().pathname.replace(/\/$/, '');
const linked = linkedPage(location.pathname.slice(prefix.length), location.hash);
if (linked !== null || location.pathname.slice(prefix.length).startsWith('/t/'))
  history.replaceState(null, '', `${prefix}${linked ?? '/'}`);

const router = createBrowserRouter(
  [
    {
      element: <Shell />,
      errorElement: <PageFailed />,
      HydrateFallback: () => null,
      children: [
        { index: true, element: <HomePage /> },
        { path: 'projects/number/:number', element: <NumberedProject /> },
        { path: 'projects/:name', element: <ProjectPage /> },
        {
          path: 'projects/:name/:kind',
          lazy: async () => ({ Component: (await import('./pages/project-nouns.js')).ProjectNounsPage }),
        },
        { path: 'traces/:id', lazy: async () => ({ Component: (await import('./traces/trace-page.js')).TracePage }) },
        {
          path: 'runs/:id/:tab?',
          lazy: async () => ({ Component: (await import('./run/run-page.js')).RunPage }),
        },
        {
          path: 'compare',
          lazy: async () => ({ Component: (await import('./compare/compare-page.js')).ComparePage }),
        },
        { path: 'sql', lazy: async () => ({ Component: (await import('./sql/sql-page.js')).SqlPage }) },
        {
          path: 'models/:name?',
          lazy: async () => ({ Component: (await import('./pages/models.js')).ModelsPage }),
        },
        { path: '*', element: <NotFound /> },
      ],
    },
  ],
  { basename: prefix === '' ? '/' : prefix },
);

const root = document.getElementById('root');
if (root === null) throw new Error('index.html has no #root');
createRoot(root).render(<RouterProvider router={router} />);

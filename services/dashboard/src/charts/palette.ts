import type { Theme } from '../theme/theme.js';

const light = [
  '#0b6bcb',
  '#d9480f',
  '#2b8a3e',
  '#9c36b5',
  '#a87900',
  '#0c8599',
  '#c2255c',
  '#5f3dc4',
  '#66730a',
  '#495057',
];
const dark = [
  '#58a6ff',
  '#ff8f5a',
  '#5fd08a',
  '#d58be8',
  '#e8c04e',
  '#4cc9dc',
  '#f783ac',
  '#a592f5',
  '#b9c95a',
  '#adb5bd',
];

export function lineColor(theme: Theme, index: number): string {
  const palette = theme === 'dark' ? dark : light;
  return palette[index % palette.length] ?? palette[0] ?? '#0b6bcb';
}

export function withAlpha(color: string, alpha: number): string {
  return `${color}${Math.round(alpha * 255)
    .toString(16)
    .padStart(2, '0')}`;
}

export const warnColor: Record<Theme, string> = { light: '#d9480f', dark: '#ff8f5a' };

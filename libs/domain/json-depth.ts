/** Whether lists and objects stand in each other more than `levels` deep. Looks no deeper, so that its own recursion is bounded. */
export function isDeeper(value: unknown, levels: number): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return levels === 0 || Object.values(value).some((item) => isDeeper(item, levels - 1));
}

import type { OddCell } from './history-lines.js';
import { filesOf, type UploadedFile } from './rich-cells.js';

const filesMax = 20_000;
const cellsMax = 5_000;

/** Cells of one stream that are shown as what they are when their files have come; a line and its files come in any order. */
export class WaitingCells {
  private readonly files = new Map<string, UploadedFile>();
  private readonly cells = new Set<OddCell>();

  /** A line has come; what must wait for its files is kept. */
  wait(cell: OddCell): void {
    if (filesOf(cell).length === 0) return;
    if (this.cells.size >= cellsMax) this.cells.delete(this.cells.values().next().value!);
    this.cells.add(cell);
  }

  uploaded(name: string, file: UploadedFile): void {
    if (this.files.size >= filesMax) this.files.delete(this.files.keys().next().value!);
    this.files.set(name, file);
  }

  /** Those whose files are all there, once. */
  ready(): readonly { readonly cell: OddCell; readonly files: readonly UploadedFile[] }[] {
    return [...this.cells].flatMap((cell) => {
      const files = filesOf(cell).map((name) => this.files.get(name));
      if (files.some((file) => file === undefined)) return [];
      this.cells.delete(cell);
      return [{ cell, files: files as UploadedFile[] }];
    });
  }
}

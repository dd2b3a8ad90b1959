import type { ComponentChildren } from 'preact';
import { useState } from 'preact/hooks';

/** A card that is folded where the window is narrow, so that what comes after it is near. */
export function FoldableCard({ title, children }: { title: string; children: ComponentChildren }) {
  const [open] = useState(() => matchMedia('(min-width: 40rem)').matches);
  return (
    <details class="card" open={open}>
      <summary>
        <h2>{title}</h2>
      </summary>
      {children}
    </details>
  );
}

import type { ComponentChildren } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import { say } from '../sentences/sentences.ts';

/** A view's heading. When the view comes up, the heading takes the focus: whoever listens hears where they
 *  are, and whoever uses the keyboard goes on from there. */
export function ViewTitle({ title, children }: { title: string; children?: ComponentChildren }) {
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    document.title = say.portal.pageTitle(title);
    heading.current?.focus();
  }, [title]);
  return (
    <div class="view-title">
      <h1 ref={heading} tabIndex={-1}>
        {title}
      </h1>
      {children}
    </div>
  );
}
